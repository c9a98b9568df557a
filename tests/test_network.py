"""The network gives the numbers of the networks that its weights come from."""

import dataclasses
import hashlib
from pathlib import Path

import numpy
import pytest
import torch
import torchvision
from torch.nn import functional

from tests.drawings import landscape
from torch_inception.config import Pooling
from torch_inception.engines.cpu import CpuEngine
from torch_inception.network import COLUMNS, LAST_LAYER_SIZE, LAYERS, ROW_SIZE, convolve
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.checked import Weights, fingerprint
from torch_inception.weights.load import load_weights

CPU = torch.device("cpu")

REFERENCE = Path(__file__).parent / "data" / "landscape_features.npy"
"""Features of `landscape()` by TensorFlow.js; tests/data/landscape_features.js makes them."""

LANDSCAPE_SHA256 = "a34264f620e3a796d1b33b8a3cda32c5a06ea4862f8ee47284238f615f0b7ab5"


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [((1, 1), 1, (0, 0)), ((3, 3), 2, (0, 0)), ((1, 7), 1, (0, 3))]
)
def test_a_convolution_is_that_of_torch(
    kernel: tuple[int, int], stride: int, padding: tuple[int, int], dtype: torch.dtype,
    with_bias: bool,
) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 5, 17, 19, generator=generator, dtype=dtype)
    weight = torch.randn(4, 5, *kernel, generator=generator, dtype=dtype)
    bias = torch.randn(4, generator=generator, dtype=dtype) if with_bias else None
    found = convolve(maps, weight, bias, stride=(stride, stride), padding=padding)
    exact = functional.conv2d(
        maps.double(), weight.double(), None if bias is None else bias.double(), stride, padding
    )
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    assert torch.allclose(found.double(), exact, rtol=0, atol=tolerance * float(exact.abs().max()))


@pytest.fixture(scope="module")
def real_weights(real_cache: Path) -> Weights:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        return load_weights("npm:nsfwjs")


def engine(weights: Weights, pooling: Pooling) -> CpuEngine:
    record = dataclasses.replace(weights.record, pooling=pooling)
    return CpuEngine(dataclasses.replace(weights, record=record), device=CPU)


def batch(*images: numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.uint8]]) -> torch.Tensor:
    return torch.from_numpy(numpy.stack(images)).permute(0, 3, 1, 2)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def torchvision_network(weights: Weights) -> torch.nn.Module:
    """torchvision's own network with the same tensors, its classifier taken off."""
    network = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    loaded = network.load_state_dict(weights.tensors, strict=False)
    assert not loaded.unexpected_keys
    assert {name.split(".")[-1] for name in loaded.missing_keys} == {"weight", "bias"}
    network.fc = torch.nn.Identity()
    return network.eval()  # type: ignore[no-any-return]


def torchvision_layers(network: torch.nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the spatial mean (B, C) of what each of the layers gives in torchvision's network."""
    means: dict[str, torch.Tensor] = {}
    for name in LAYERS:

        def keep(unit: object, given: object, maps: torch.Tensor, name: str = name) -> None:
            means[name] = maps.mean(dim=(2, 3))

        network.get_submodule(name).register_forward_hook(keep)
    with torch.inference_mode():
        network(inputs)
    return means


@pytest.mark.real_weights
def test_features_are_those_of_tensorflow_js(real_weights: Weights) -> None:
    image = landscape()
    assert hashlib.sha256(image.tobytes()).hexdigest() == LANDSCAPE_SHA256
    expected = torch.from_numpy(numpy.load(REFERENCE))
    found = engine(real_weights, "tensorflow")(batch(image))[0, -LAST_LAYER_SIZE:]
    assert found.shape == expected.shape == (2048,)
    assert relative_error(found, expected) < 1e-4


@pytest.mark.real_weights
def test_the_other_pooling_is_caught(real_weights: Weights) -> None:
    expected = torch.from_numpy(numpy.load(REFERENCE))
    found = engine(real_weights, "torchvision")(batch(landscape()))[0, -LAST_LAYER_SIZE:]
    assert relative_error(found, expected) > 0.1


@pytest.mark.real_weights
def test_each_layer_is_that_of_torchvision(real_weights: Weights) -> None:
    images = batch(landscape(), landscape()[::-1].copy(), landscape()[:, ::-1].copy())
    expected = torchvision_layers(torchvision_network(real_weights), images / 127.5 - 1)
    found = engine(real_weights, "torchvision")(images)
    assert found.shape == (3, ROW_SIZE)
    assert list(expected) == ["Mixed_6e", "Mixed_7a", "Mixed_7c"]
    for name, (start, end) in zip(expected, [(0, 768), (768, 2048), (2048, 4096)], strict=True):
        assert relative_error(found[:, start:end], expected[name]) < 1e-5
        assert (COLUMNS[name].start, COLUMNS[name].stop) == (start, end)


@pytest.mark.real_weights
def test_a_row_does_not_depend_on_its_batch(real_weights: Weights) -> None:
    network = engine(real_weights, "tensorflow")
    images = batch(*(numpy.roll(landscape(), 40 * shift, axis=1) for shift in range(5)))
    together = network(images)
    alone = torch.cat([network(images[i : i + 1]) for i in range(5)])
    assert relative_error(together, alone) < 1e-6
    assert relative_error(network(images.flip(0)).flip(0), together) < 1e-6


@pytest.mark.real_weights
def test_a_row_has_the_means_of_the_maps(real_weights: Weights) -> None:
    network = engine(real_weights, "tensorflow")
    maps = network.feature_maps(batch(landscape()))
    assert [tuple(each.shape) for each in maps] == [
        (1, 768, 17, 17), (1, 1280, 8, 8), (1, 2048, 8, 8)
    ]  # fmt: skip
    row = network(batch(landscape()))[0]
    assert row[767] == pytest.approx(float(maps[0][0, 767].mean()), rel=1e-5)
    assert row[768] == pytest.approx(float(maps[1][0, 0].mean()), rel=1e-5)
    assert row[2048] == pytest.approx(float(maps[2][0, 0].mean()), rel=1e-5)


@pytest.mark.real_weights
def test_the_engine_stays_frozen_in_training_mode(real_weights: Weights) -> None:
    network = engine(real_weights, "tensorflow")
    before = network(batch(landscape()))
    assert torch.equal(network.train()(batch(landscape())), before)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


@pytest.mark.real_weights
def test_the_fingerprint_is_that_of_the_tensors(real_weights: Weights) -> None:
    assert real_weights.record.fingerprint == fingerprint(real_weights.tensors)
    changed = dict(real_weights.tensors)
    name = "Mixed_7c.branch_pool.bn.bias"
    changed[name] = changed[name].clone()
    changed[name][0] += 1e-3
    assert fingerprint(changed) != real_weights.record.fingerprint


@pytest.mark.real_weights
def test_real_imagenet_weights_where_they_are_at_hand() -> None:
    hub_file = Path(torch.hub.get_dir()) / "checkpoints" / "inception_v3_google-0cc3c7bd.pth"
    if not hub_file.exists():
        pytest.skip("the ImageNet weights are not in torch's hub cache")
    weights = load_weights("imagenet")
    network = torchvision.models.inception_v3(weights="IMAGENET1K_V1")
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    images = batch(landscape())
    expected = torchvision_layers(network.eval(), (images / 255 - mean) / deviation)
    found = CpuEngine(weights, device=CPU)(images)
    for name, layer in COLUMNS.items():
        assert relative_error(found[:, layer], expected[name]) < 1e-5
