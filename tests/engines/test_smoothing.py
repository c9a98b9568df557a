"""Channels are evened out, and the network still gives the same."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.drawings import landscape
from torch_inception.config import Pooling
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.smoothing import smooth
from torch_inception.network import COLUMNS, Convolution, InceptionV3, spatial_means
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import load_weights

pytestmark = pytest.mark.real_weights


@pytest.fixture(scope="module")
def engine(real_cache: Path) -> CpuEngine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        return CpuEngine(load_weights("npm:nsfwjs"), device=torch.device("cpu"))


def batches() -> list[Tensor]:
    """Make two batches of two images: as it is, inverted, turned, noise."""
    image = torch.from_numpy(landscape()).permute(2, 0, 1).float()
    noise = torch.randint(0, 256, image.shape, generator=torch.Generator().manual_seed(1))
    return [torch.stack([image, 255 - image]), torch.stack([image.flip(1), noise.float()])]


def rows(network: InceptionV3, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return spatial_means(network(images))


def peaks(network: InceptionV3) -> dict[str, Tensor]:
    """Return the largest value of each channel of each convolution's output."""
    found: dict[str, Tensor] = {}

    def watch(name: str) -> object:
        def hook(unit: Convolution, inputs: object, output: Tensor) -> None:
            largest = output.amax(dim=(0, 2, 3))
            found[name] = torch.maximum(found.get(name, largest), largest)

        return hook

    handles = [
        unit.register_forward_hook(watch(name))  # type: ignore[arg-type]
        for name, unit in network.convolutions()
    ]
    for batch in batches():
        rows(network, batch)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("pooling", ["tensorflow", "tensorflow-2015"])
def test_the_output_times_the_factors_is_what_it_was(pooling: Pooling, real_cache: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        weights = load_weights("npm:nsfwjs", pooling=pooling)
    engine = CpuEngine(weights, device=torch.device("cpu"))
    network = engine.copy_network()
    factors = smooth(network, batches())
    assert factors.shape == (4096,)
    assert factors.dtype == torch.float32
    assert float(factors.min()) > 0
    # Images that the ranges were taken from, and one of another kind.
    for images in (*batches(), torch.full((1, 3, 299, 299), 128.0)):
        expected = rows(engine.network, images)
        found = rows(network, images)
        for layer in COLUMNS.values():
            wanted = expected[:, layer]
            again = (found * factors)[:, layer]
            assert float((again - wanted).norm() / wanted.norm()) < 1e-4
            assert float((found[:, layer] - wanted).norm() / wanted.norm()) > 0.1


def test_the_channels_of_every_layer_are_more_even(engine: CpuEngine) -> None:
    network = engine.copy_network()
    before = peaks(network)
    smooth(network, batches())
    after = peaks(network)
    assert len(before) == 94
    shares = {
        name: (float((before[name] / before[name].max()).mean()),
               float((after[name] / after[name].max()).mean()))
        for name in before
    }  # fmt: skip
    assert all(later > earlier for earlier, later in shares.values())
    earlier, later = torch.tensor(list(shares.values())).mean(dim=0)
    assert later > 1.3 * earlier


def test_the_engine_and_its_hooks_are_left_as_they_were(engine: CpuEngine) -> None:
    before = rows(engine.network, batches()[0])
    network = engine.copy_network()
    smooth(network, batches())
    assert torch.equal(rows(engine.network, batches()[0]), before)
    assert not any(unit._forward_hooks for _, unit in network.convolutions())
    assert not any(parameter.requires_grad for parameter in network.parameters())
