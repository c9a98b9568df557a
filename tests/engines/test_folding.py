"""Normalisation and scaling folded into the network, and what is kept of that."""

import dataclasses
import logging
import pickle
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.inception import BasicConv2d

from tests.drawings import landscape
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.folding import FoldedWeights, fold, load_cached_folded, load_folded
from torch_inception.errors import WeightsError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE, empty_network
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights

# Each channel another, so that none can be taken for its neighbour.
MEAN, STD = (0.485, 0.31, 0.72), (0.229, 0.4, 0.11)


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Give random weights of the whole network."""
    generator = torch.Generator().manual_seed(3)
    tensors: dict[str, Tensor] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        tensors[f"{name}.conv.weight"] = torch.randn(unit.weight.shape, generator=generator)
        for part in ("weight", "bias", "running_mean"):
            tensors[f"{name}.bn.{part}"] = torch.randn(unit.out_channels, generator=generator)
        variance = torch.rand(unit.out_channels, generator=generator)
        tensors[f"{name}.bn.running_var"] = variance
    return make_weights(
        tensors, source="imagenet", version="random", pooling="torchvision", scale=(MEAN, STD)
    )


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


def test_folded_units_do_what_normalising_before_and_after_does(weights: Weights) -> None:
    state = fold(weights).state
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (2, 3, 15, 17), generator=generator).double()
    scaled = (pixels / 255 - channels(MEAN)) / channels(STD)
    maps = torch.randn((2, 192, 9, 10), generator=generator).double()
    first, inner = "Conv2d_1a_3x3", "Mixed_6e.branch7x7_3"
    for name, inputs, expected in (
        (first, pixels, normalised(weights, first, scaled, stride=2)),
        (inner, maps, normalised(weights, inner, maps)),
    ):
        kernel, bias = (state[f"{name}.{part}"].double() for part in ("weight", "bias"))
        stride = 2 if name == first else 1
        found = nn.functional.conv2d(inputs, kernel, bias, stride=stride).relu()
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))
        assert expected.max() > 1
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


def is_same(one: FoldedWeights | None, other: FoldedWeights) -> bool:
    assert one is not None
    assert one.record == other.record
    assert list(one.state) == list(other.state)
    for name, tensor in one.state.items():
        assert tensor.shape == other.state[name].shape
        assert tensor.stride() == other.state[name].stride()
    return all(torch.equal(tensor, other.state[name]) for name, tensor in one.state.items())


def test_the_kept_network_has_the_same_numbers_and_is_used(weights: Weights) -> None:
    assert load_cached_folded(weights.record) is None
    made = load_folded(weights)
    assert is_same(made, fold(weights))
    assert is_same(load_cached_folded(weights.record), made)
    # There is nothing here that could be folded.
    assert is_same(load_folded(dataclasses.replace(weights, tensors={})), made)
    for change in ({"mean": (0.5,) * 3}, {"pooling": "tensorflow"}, {"fingerprint": "0" * 64}):
        assert load_cached_folded(dataclasses.replace(weights.record, **change)) is None


def damage(cache: Path) -> Path:
    """Turn a bit over in the middle of the kept network; return its folder."""
    (folder,) = (cache / "networks").iterdir()
    (file,) = folder.glob("*.pt")
    with file.open("r+b") as content:
        content.seek(file.stat().st_size // 2)
        (byte,) = content.read(1)
        content.seek(-1, 1)
        content.write(bytes([byte ^ 1]))
    return folder


def test_a_damaged_network_is_told_of_and_made_again(
    weights: Weights, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = load_folded(weights)
    folder = damage(own_cache)
    assert is_same(load_folded(weights), made)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"cache: {folder} is damaged" in record.getMessage()
    assert "is not used" in record.getMessage()
    caplog.clear()
    assert is_same(load_cached_folded(weights.record), made)
    assert not caplog.records


def test_a_cache_that_cannot_be_written_is_told_of_and_stops_nothing(
    weights: Weights, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file in the place of the cache")
    assert is_same(load_folded(weights), fold(weights))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "cannot be kept" in record.getMessage()
    assert load_cached_folded(weights.record) is None


def test_each_parameter_has_memory_of_its_own(weights: Weights) -> None:
    load_folded(weights)
    found = load_cached_folded(weights.record)
    assert found is not None
    for tensor in found.state.values():
        assert tensor.untyped_storage().nbytes() == 4 * tensor.numel()
    numbers = sum(tensor.numel() for tensor in found.state.values())
    assert 4 * numbers < len(pickle.dumps(found)) < 4 * numbers + 100_000
    assert is_same(pickle.loads(pickle.dumps(found)), found)


def test_a_model_is_loaded_from_the_cache_or_from_the_source_of_its_weights(
    weights: Weights, own_cache: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source.pth"
    state_file.save(weights, source)
    record = load_weights(source).record
    model, head = tmp_path / "model.pt", Head(torch.eye(3, 2048), torch.zeros(3))
    save_model(Model(list("rgb"), head, Preprocessing(), record), model)
    assert Classifier.load(model, device="cpu").engine.record == record
    source.unlink()
    assert Classifier.load(model, device="cpu").engine.record == record
    with pytest.raises(WeightsError, match=r"there is no file .*source\.pth"):
        Classifier.load(model, weights=source, device="cpu")
    damage(own_cache)
    with pytest.raises(WeightsError, match=r"there is no file .*source\.pth"):
        Classifier.load(model, device="cpu")


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
    found = CpuEngine(fold(real), device=torch.device("cpu"))(images)[:, -LAST_LAYER_SIZE:]
    assert float((found - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.real_weights
def test_the_whole_kept_network_gives_the_same_rows_bit_for_bit(real: Weights) -> None:
    image = torch.from_numpy(landscape()).permute(2, 0, 1)[None]
    made = load_folded(real)
    found = load_cached_folded(real.record)
    assert found is not None
    one, other = (CpuEngine(each, device=torch.device("cpu"))(image) for each in (made, found))
    assert torch.equal(one, other)
