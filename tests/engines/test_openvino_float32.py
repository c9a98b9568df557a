"""The network in float32 by OpenVINO: torch's rows, a little sooner."""

import pickle
from pathlib import Path

import numpy
import pytest
import torch

from tests.commands.test_int8 import command, patterns
from tests.drawings import landscape
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.float32 import float32_engine
from torch_inception.images.preprocess import Pixels
from torch_inception.network import COLUMNS, ROW_SIZE
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import load_weights

pytest.importorskip("openvino")
pytestmark = pytest.mark.real_weights

__all__ = ["patterns"]  # a fixture


@pytest.fixture(scope="module")
def float32(real_cache: Path) -> CpuEngine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        return CpuEngine(load_weights("npm:nsfwjs"), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def engine(float32: CpuEngine, tmp_path_factory: pytest.TempPathFactory) -> OpenVinoEngine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        made = float32_engine(float32)
        again = float32_engine(float32)
    image = [landscape()]
    assert numpy.array_equal(made.session()(image), again.session()(image))
    return again


def images(count: int) -> list[Pixels]:
    return [numpy.roll(landscape(), 30 * shift, axis=1) for shift in range(count)]


@pytest.mark.parametrize("count", [1, 3, 4, 6])
def test_rows_are_those_of_torch_for_any_number_of_images(
    float32: CpuEngine, engine: OpenVinoEngine, count: int
) -> None:
    expected = numpy.concatenate([float32.session()([each]).copy() for each in images(count)])
    found = engine.session()(images(count))
    assert found.shape == expected.shape == (count, ROW_SIZE)
    for layer in COLUMNS.values():
        wanted = expected[:, layer]
        assert numpy.linalg.norm(found[:, layer] - wanted) < 1e-5 * numpy.linalg.norm(wanted)


def test_maxima_in_the_last_block_are_converted_too(
    float32: CpuEngine, real_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    weights = load_weights("npm:nsfwjs", pooling="tensorflow-2015")
    other = CpuEngine(weights, device=torch.device("cpu"))
    expected = other.session()([landscape()])
    found = float32_engine(other).session()([landscape()])
    assert numpy.linalg.norm(found - expected) < 1e-5 * numpy.linalg.norm(expected)
    average = float32.session()([landscape()])
    assert numpy.linalg.norm(found - average) > 1e-2 * numpy.linalg.norm(expected)


def test_a_pickled_copy_is_as_large_as_the_network_and_gives_the_same_rows(
    float32: CpuEngine, engine: OpenVinoEngine
) -> None:
    content = pickle.dumps(engine)
    parameters = 4 * sum(values.numel() for values in float32.parameters())
    assert parameters < len(content) < parameters + 2**20
    copy = pickle.loads(content)
    assert copy.identity == engine.identity
    assert numpy.array_equal(copy.session()(images(3)), engine.session()(images(3)))


def test_its_rows_have_a_place_of_their_own_in_the_cache(
    float32: CpuEngine, engine: OpenVinoEngine
) -> None:
    assert engine.identity != float32.identity


def test_training_with_it_and_naming_without_it(
    real_cache: Path, tmp_path: Path, patterns: Path
) -> None:
    output = str(tmp_path / "run")
    flags = ("--data", str(patterns), "--weights", "npm:nsfwjs", "--output", output)
    status, shown, complaints = command("train", *flags, "--engine", "openvino", cache=real_cache)
    assert status == 0, complaints
    assert "features: 60 computed" in shown
    image = str(patterns / "dots" / "0.png")
    status, shown, complaints = command("predict", "--model", output, image, cache=real_cache)
    assert status == 0, complaints
    assert shown.startswith("dots")
    assert "differ a little" not in complaints


def test_on_a_gpu_it_is_refused(tmp_path: Path, real_cache: Path, patterns: Path) -> None:
    flags = ("--data", str(patterns), "--output", str(tmp_path / "run"), "--device", "cuda")
    status, _, complaints = command(
        "train", *flags, "--weights", "npm:nsfwjs", "--engine", "openvino", cache=real_cache
    )
    assert status == 1
    assert "for the CPU" in complaints
    assert "Traceback" not in complaints
