"""What the parity tests share: images, a table of errors, and TensorFlow."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
import torch
from numpy.typing import NDArray

from tests.parity.drawings import Pixels, draw_images
from torch_inception.engines.cpu import CpuEngine
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import head_inputs
from torch_inception.network import COLUMNS
from torch_inception.weights.checked import Weights

FEATURE_LIMIT = 1e-4
"""Largest relative L2 error of an image's features, and of its logits."""

PROBABILITY_LIMIT = 1e-4
"""Largest absolute error of a probability."""

_TABLE: list[str] = []


class Answers(NamedTuple):
    """What a network says of the images: rows (8, 4096), and what its top makes of them."""

    features: NDArray[Any]
    logits: NDArray[Any] | None = None
    probabilities: NDArray[Any] | None = None


class Errors(NamedTuple):
    """The largest over the images, and the layers: relative L2; absolute of probabilities."""

    features: float
    logits: float | None
    probabilities: float | None


def answers_of(weights: Weights, images: Pixels) -> Answers:
    """Return what our network says, in float32 on the processor."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    rows = CpuEngine(weights, device=torch.device("cpu"))(pixels)
    if weights.classifier is None:
        return Answers(rows.numpy())
    head = Head(*weights.classifier)
    inputs = head_inputs(rows, head)
    return Answers(rows.numpy(), head.logits(inputs).numpy(), head.probabilities(inputs).numpy())


Compare = Callable[..., None]


@pytest.fixture(scope="session")
def images() -> Pixels:
    """Draw eight images, (8, 299, 299, 3) uint8."""
    return draw_images()


@pytest.fixture(scope="session")
def tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Run a script with TensorFlow, in a process of its own.

    TensorFlow and PyTorch cannot always be imported into one process.
    """
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed: pip install '.[parity]'")

    def run(script: str, *arguments: str | Path) -> Path:
        """Run `tests/parity/SCRIPT FOLDER ARGUMENTS...`; return the folder it wrote to."""
        folder = tmp_path_factory.mktemp("peer")
        numpy.save(folder / "images.npy", draw_images())
        path = Path(__file__).parent / script
        command = [sys.executable, str(path), str(folder), *map(str, arguments)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return folder

    return run


@pytest.fixture(scope="session")
def compare() -> Compare:
    """Compare a lineage with its runtime, and keep the largest errors for the table."""

    def check(lineage: str, runtime: str, *, ours: Answers, theirs: Answers) -> None:
        errors = errors_of(ours, theirs)
        cells = ("-" if each is None else f"{each:.1e}" for each in errors)
        _TABLE.append(f"| {lineage} | {runtime} | {' | '.join(cells)} |")
        require_small(errors)

    return check


def errors_of(ours: Answers, theirs: Answers) -> Errors:
    """Return the largest errors over the images."""
    assert ours.features.shape == (8, 4096)
    logit = probability = None
    if theirs.logits is not None:
        logit = relative_errors(ours.logits, theirs.logits).max()
    if theirs.probabilities is not None:
        assert ours.probabilities is not None
        assert ours.probabilities.shape == theirs.probabilities.shape
        probability = numpy.abs(ours.probabilities - theirs.probabilities).max()
    features = layer_errors(ours.features, theirs.features).max()
    return Errors(features, logit, probability)


def require_small(errors: Errors) -> None:
    """Fail where a network is not the one that it is compared with."""
    assert errors.features < FEATURE_LIMIT
    assert errors.logits is None or errors.logits < FEATURE_LIMIT
    assert errors.probabilities is None or errors.probabilities < PROBABILITY_LIMIT


def require_caught(wrong: Answers, theirs: Answers) -> None:
    """Fail unless a mistake is caught, and not by a hair: on every image, far from the limit."""
    with pytest.raises(AssertionError, match="FEATURE_LIMIT|< 0.0001"):
        require_small(errors_of(wrong, theirs))
    assert layer_errors(wrong.features, theirs.features)[-1].min() > 100 * FEATURE_LIMIT


def layer_errors(ours: Any, theirs: Any) -> NDArray[numpy.float64]:  # noqa: ANN401
    """Return the relative error (3, 8) of each layer of each image's row."""
    return numpy.stack([relative_errors(ours[:, c], theirs[:, c]) for c in COLUMNS.values()])


def relative_errors(ours: Any, theirs: Any) -> NDArray[numpy.float64]:  # noqa: ANN401
    """Return ||ours - theirs|| / ||theirs|| for each image."""
    assert ours.shape == theirs.shape
    lengths = numpy.linalg.norm(theirs, axis=1)
    assert lengths.min() > 0
    errors: NDArray[numpy.float64] = numpy.linalg.norm(ours - theirs, axis=1) / lengths
    return errors


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    if _TABLE:
        terminalreporter.section("parity: largest errors")
        terminalreporter.line("| weights | compared with | features | logits | probabilities |")
        terminalreporter.line("| --- | --- | --- | --- | --- |")
        for line in _TABLE:
            terminalreporter.line(line)
