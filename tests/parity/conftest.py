"""What the parity tests share: pictures, a table of errors, and TensorFlow."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from tests.parity.pictures import Pixels, draw_pictures

FEATURE_LIMIT = 1e-4
"""Largest relative L2 error of a picture's features."""

PROBABILITY_LIMIT = 1e-4
"""Largest absolute error of a probability."""

_TABLE: list[str] = []

Compare = Callable[..., None]


@pytest.fixture(scope="session")
def pictures() -> Pixels:
    """Draw eight pictures, (8, 299, 299, 3) uint8."""
    return draw_pictures()


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
        numpy.save(folder / "pictures.npy", draw_pictures())
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

    def check(
        lineage: str,
        runtime: str,
        *,
        ours: NDArray[Any],
        theirs: NDArray[Any],
        our_probabilities: NDArray[Any] | None = None,
        their_probabilities: NDArray[Any] | None = None,
    ) -> None:
        assert ours.shape == theirs.shape == (len(ours), 2048)
        lengths = numpy.linalg.norm(theirs, axis=1)
        assert lengths.min() > 0
        feature = float((numpy.linalg.norm(ours - theirs, axis=1) / lengths).max())
        probability = None
        if our_probabilities is not None and their_probabilities is not None:
            assert our_probabilities.shape == their_probabilities.shape
            probability = float(numpy.abs(our_probabilities - their_probabilities).max())
        shown = "-" if probability is None else f"{probability:.1e}"
        _TABLE.append(f"| {lineage} | {runtime} | {feature:.1e} | {shown} |")
        assert feature < FEATURE_LIMIT
        assert probability is None or probability < PROBABILITY_LIMIT

    return check


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TABLE:
        terminalreporter.section("parity: largest errors")
        terminalreporter.line("| weights | compared with | features, relative | probabilities |")
        terminalreporter.line("| --- | --- | --- | --- |")
        for line in _TABLE:
            terminalreporter.line(line)
