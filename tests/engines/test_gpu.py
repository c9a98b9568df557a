"""The GPU's code path, as far as it goes on a processor; on a GPU, all of it."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
import torch

from tests.drawings import landscape
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.folding import FoldedWeights, fold, load_folded
from torch_inception.engines.gpu import GPU_BATCH, GpuEngine, gpu_arithmetic
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.images.preprocess import Pixels
from torch_inception.network import COLUMNS
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def real_weights(real_cache: Path) -> FoldedWeights:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        return load_folded(load_weights("npm:nsfwjs"))


def images(count: int) -> list[Pixels]:
    return [numpy.roll(landscape(), 30 * shift, axis=1) for shift in range(count)]


def rows(engine: TorchEngine, chosen: Sequence[Pixels]) -> torch.Tensor:
    session = engine.session()
    return torch.from_numpy(session(chosen))


def cosines(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the cosine (3, N) of each layer and image."""
    layers = [
        torch.nn.functional.cosine_similarity(one[:, layer], other[:, layer], dim=1)
        for layer in COLUMNS.values()
    ]
    return torch.stack(layers)


@pytest.mark.real_weights
def test_its_rows_in_float32_are_those_of_the_processor(real_weights: FoldedWeights) -> None:
    expected = rows(CpuEngine(real_weights, device=CPU), images(3))
    found = rows(GpuEngine(real_weights, device=CPU, arithmetic="fp32"), images(3))
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.real_weights
def test_it_pools_as_the_weights_want(real_weights: FoldedWeights) -> None:
    record = real_weights.record.pooling_as("tensorflow-2015")
    weights = FoldedWeights(record, real_weights.state)
    expected = rows(CpuEngine(weights, device=CPU), images(2))
    found = rows(GpuEngine(weights, device=CPU, arithmetic="fp32"), images(2))
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(found, rows(CpuEngine(real_weights, device=CPU), images(2)))


@pytest.mark.real_weights
def test_its_rows_in_bfloat16_are_close_and_in_float32(real_weights: FoldedWeights) -> None:
    expected = rows(CpuEngine(real_weights, device=CPU), images(2))
    found = rows(GpuEngine(real_weights, device=CPU, arithmetic="bf16"), images(2))
    assert found.dtype == torch.float32
    assert float(cosines(found, expected).min()) > 0.995
    assert not torch.equal(found, expected)


@pytest.mark.real_weights
def test_what_a_session_gave_stays_when_it_goes_on(real_weights: FoldedWeights) -> None:
    session = GpuEngine(real_weights, device=CPU, arithmetic="fp32").session()
    first = session(images(2))
    before = first.copy()
    session(images(2)[::-1])
    assert numpy.array_equal(first, before)


@pytest.fixture(scope="module")
def folded_random(random_weights: Path) -> FoldedWeights:
    return fold(state_file.load(random_weights))


def test_each_arithmetic_has_rows_of_its_own_in_the_cache(folded_random: FoldedWeights) -> None:
    engines = [GpuEngine(folded_random, device=CPU, arithmetic=each) for each in ("fp32", "bf16")]
    assert engines[0].identity != engines[1].identity
    assert engines[0].identity == CpuEngine(folded_random, device=CPU).identity


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
def test_a_pickled_copy_gives_the_same_rows(folded_random: FoldedWeights, arithmetic: str) -> None:
    engine = GpuEngine(folded_random, device=CPU, arithmetic=arithmetic)
    copy = pickle.loads(pickle.dumps(engine))
    assert copy.identity == engine.identity
    assert torch.equal(rows(copy, images(2)), rows(engine, images(2)))


@pytest.mark.parametrize(
    ("asked", "capability", "given"),
    [
        ("auto", (9, 0), "bf16"),
        ("auto", (8, 0), "bf16"),
        ("auto", (7, 5), "fp32"),
        ("fp32", (9, 0), "fp32"),
        ("bf16", (9, 0), "bf16"),
        ("int8 1234", (9, 0), "fp32"),
    ],
)
def test_the_arithmetic_is_that_of_the_card_or_of_the_model(
    asked: str, capability: tuple[int, int], given: str
) -> None:
    assert gpu_arithmetic(asked, capability) == given


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
@pytest.mark.real_weights
@pytest.mark.parametrize(("arithmetic", "least"), [("fp32", 0.99999), ("bf16", 0.995)])
def test_a_long_run_on_a_gpu_gives_the_same_rows_all_along(
    real_weights: FoldedWeights, arithmetic: str, least: float
) -> None:
    chosen = [images(8)[number % 8] for number in range(GPU_BATCH)]
    expected = rows(CpuEngine(real_weights, device=CPU), chosen[:8])
    session = GpuEngine(real_weights, device=torch.device("cuda"), arithmetic=arithmetic).session()
    for _ in range(30):
        found = torch.from_numpy(session(chosen))
        assert float(cosines(found[:8], expected).min()) > least
        assert torch.allclose(found[:8], found[8:16], rtol=1e-3, atol=1e-4)
