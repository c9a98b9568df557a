"""Normalisation and scaling folded into the network, and what is kept of that."""

import dataclasses
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.inception import BasicConv2d

from tests.drawings import landscape
from tests.fakes import FAKE_RECORD
from torch_inception.classifier import classifier
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.engines import folding
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.folding import fold, folded, kept
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import Convolution, InceptionV3
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.checked import Weights
from torch_inception.weights.load import load_weights

# Each channel another, so that none can be taken for its neighbour.
MEAN, STD = (0.485, 0.31, 0.72), (0.229, 0.4, 0.11)


class Small(nn.Module):
    """Two units in the place of the network's 94."""

    convolutions = InceptionV3.convolutions

    def __init__(self) -> None:
        super().__init__()
        self.first = Convolution(3, 8, 3, stride=2)
        self.second = Convolution(8, 4, (1, 5))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Give random weights for two units, which are all that is folded."""
    monkeypatch.setattr(folding, "empty_network", lambda **_: Small().to("meta"))
    generator = torch.Generator().manual_seed(3)
    tensors: dict[str, Tensor] = {}
    for name, unit in Small().convolutions():  # type: ignore[misc]
        tensors[f"{name}.conv.weight"] = torch.randn(unit.weight.shape, generator=generator)
        for part in ("weight", "bias", "running_mean"):
            tensors[f"{name}.bn.{part}"] = torch.randn(unit.out_channels, generator=generator)
        variance = torch.rand(unit.out_channels, generator=generator)
        tensors[f"{name}.bn.running_var"] = variance
    return Weights(dataclasses.replace(FAKE_RECORD, mean=MEAN, std=STD), tensors)


def channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)


def normalised(weights: Weights, name: str, inputs: Tensor, **options: int) -> Tensor:
    """Run torchvision's unit of that name, in float64."""
    kernel = weights.tensors[f"{name}.conv.weight"]
    shape = {"in_channels": kernel.shape[1], "out_channels": kernel.shape[0]}
    unit = BasicConv2d(**shape, kernel_size=tuple(kernel.shape[2:]), **options).eval().double()
    parts = {k[len(name) + 1 :]: v for k, v in weights.tensors.items() if k.startswith(name)}
    unit.load_state_dict(parts, strict=False)
    with torch.inference_mode():
        result: Tensor = unit(inputs)
    return result


def test_folded_units_do_what_normalising_before_and_after_does(small: Weights) -> None:
    state = fold(small).state
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (2, 3, 15, 17), generator=generator).double()
    first = normalised(small, "first", (pixels / 255 - channels(MEAN)) / channels(STD), stride=2)
    unit = nn.functional.conv2d(
        pixels, state["first.weight"].double(), state["first.bias"].double(), stride=2
    ).relu()
    assert torch.allclose(unit, first, rtol=1e-4, atol=1e-4)
    second = normalised(small, "second", first)
    unit = nn.functional.conv2d(
        first, state["second.weight"].double(), state["second.bias"].double()
    ).relu()
    assert torch.allclose(unit, second, rtol=1e-4, atol=1e-4)
    assert second.max() > 1
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


def is_same(one: folding.FoldedWeights | None, other: folding.FoldedWeights) -> bool:
    assert one is not None
    assert one.record == other.record
    assert list(one.state) == list(other.state)
    for name, tensor in one.state.items():
        assert tensor.shape == other.state[name].shape
        assert tensor.stride() == other.state[name].stride()
    return all(torch.equal(tensor, other.state[name]) for name, tensor in one.state.items())


def the_file(cache: Path) -> Path:
    (file,) = (cache / "networks").iterdir()
    return file


def test_the_kept_network_has_the_same_numbers_and_is_used(
    small: Weights, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept(small.record) is None
    made = folded(small)
    assert is_same(made, fold(small))
    monkeypatch.setattr(folding, "fold", None)
    assert is_same(kept(small.record), made)
    assert is_same(folded(small), made)
    for change in ({"mean": (0.5,) * 3}, {"pooling": "tensorflow"}, {"fingerprint": "0" * 64}):
        assert kept(dataclasses.replace(small.record, **change)) is None


def flip(file: Path, place: Callable[[bytes], int]) -> None:
    content = bytearray(file.read_bytes())
    content[place(bytes(content))] ^= 0x10
    file.write_bytes(content)


def rewrite(file: Path, change: Callable[[Tensor], Tensor]) -> None:
    """Write other parameters with a digest that fits them."""
    content = torch.load(file, weights_only=True)
    content["parameters"] = change(content["parameters"])
    content["sha256"] = hashlib.sha256(content["parameters"].numpy().tobytes()).hexdigest()
    torch.save(content, file)


DAMAGE: dict[str, Callable[[Path, bytes], object]] = {
    "a byte of the numbers": lambda file, numbers: flip(file, lambda c: c.index(numbers) + 50),
    "the last byte of the numbers": lambda file, numbers: flip(
        file, lambda c: c.index(numbers) + len(numbers) - 1
    ),
    "the first byte": lambda file, _: flip(file, lambda c: 0),
    "a byte of the end": lambda file, _: flip(file, lambda c: len(c) - 20),
    "half of it": lambda file, _: file.write_bytes(file.read_bytes()[:1000]),
    "all of it": lambda file, _: file.write_bytes(b""),
    "one number": lambda file, _: rewrite(file, lambda parameters: parameters[:-1].clone()),
    "one number too many": lambda file, _: rewrite(
        file, lambda parameters: torch.cat([parameters, parameters[:1]])
    ),
    "what it is": lambda file, _: torch.save([1, 2], file),
}


@pytest.mark.parametrize("lost", DAMAGE)
def test_a_damaged_file_is_noticed_told_of_and_made_again(
    lost: str, small: Weights, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = folded(small)
    file = the_file(own_cache)
    numbers = torch.load(file, weights_only=True)["parameters"].numpy().tobytes()
    whole = file.read_bytes()
    DAMAGE[lost](file, numbers)
    assert file.read_bytes() != whole
    assert is_same(folded(small), made)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"weights: {file} is damaged" in record.getMessage()
    assert "is not used" in record.getMessage()
    caplog.clear()
    assert is_same(kept(small.record), made)
    assert not caplog.records


def test_a_file_of_another_format_is_made_again(small: Weights, own_cache: Path) -> None:
    made = folded(small)
    content = torch.load(the_file(own_cache), weights_only=True)
    torch.save({**content, "format": folding.FORMAT + 1}, the_file(own_cache))
    assert kept(small.record) is None
    assert is_same(folded(small), made)
    assert is_same(kept(small.record), made)


def test_a_cache_that_cannot_be_written_is_told_of_and_stops_nothing(
    small: Weights, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(content: object, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folding, "save_whole", full)
    assert is_same(folded(small), fold(small))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "cannot be kept in" in record.getMessage()
    assert "No space left on device" in record.getMessage()
    assert kept(small.record) is None


@pytest.fixture
def model(small: Weights, tmp_path: Path) -> Path:
    head = Head(torch.eye(3, 2048), torch.zeros(3))
    save_model(Model(list("rgb"), head, Preprocessing(), small.record), tmp_path / "model.pt")
    return tmp_path / "model.pt"


@pytest.mark.usefixtures("fake_network")
def test_a_model_is_loaded_without_a_look_at_the_source_of_its_weights(
    small: Weights, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded(small)

    def unwanted(*_: object, **__: object) -> Weights:
        raise AssertionError("the source of the weights was asked")

    monkeypatch.setattr(classifier, "load_weights", unwanted)
    assert Classifier.load(model).engine.record == small.record
    with pytest.raises(AssertionError, match="source"):
        Classifier.load(model, weights="imagenet")


@pytest.mark.usefixtures("fake_network")
def test_without_a_whole_kept_network_the_source_of_the_weights_is_asked(
    small: Weights, own_cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(sources: str, *, pooling: str) -> Weights:
        assert pooling == small.record.pooling
        asked.append(sources)
        return small

    monkeypatch.setattr(classifier, "load_weights", load)
    assert Classifier.load(model).engine.record == small.record
    assert asked == ["imagenet"]
    folded(small)
    Classifier.load(model)
    assert asked == ["imagenet"]
    the_file(own_cache).write_bytes(b"damaged")
    Classifier.load(model)
    assert asked == ["imagenet"] * 2


@pytest.fixture
def real(real_cache: Path) -> Weights:
    """Give the real weights, on a scale of their own for each channel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        weights = load_weights("npm:nsfwjs")
    record = dataclasses.replace(weights.record, mean=MEAN, std=STD, pooling="torchvision")
    return dataclasses.replace(weights, record=record)


@pytest.mark.real_weights
def test_the_whole_network_gives_what_torchvisions_gives_for_scaled_images(real: Weights) -> None:
    network = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    network.load_state_dict(real.tensors, strict=False)
    network.fc = nn.Identity()
    flipped = torch.from_numpy(landscape()[:, ::-1].copy())
    images = torch.stack([torch.from_numpy(landscape()), flipped]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        scaled = (images / 255 - channels(MEAN)) / channels(STD)
        expected = network.eval()(scaled.float())
    found = CpuEngine(fold(real), device=torch.device("cpu"))(images)
    assert float((found - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.real_weights
def test_the_whole_kept_network_gives_the_same_rows_bit_for_bit(real: Weights) -> None:
    image = torch.from_numpy(landscape()).permute(2, 0, 1)[None]
    made = folded(real)
    found = kept(real.record)
    assert found is not None
    one, other = (CpuEngine(each, device=torch.device("cpu"))(image) for each in (made, found))
    assert torch.equal(one, other)
