"""What the parity tests share: pictures, a table of errors, and peers that may be missing."""

import importlib
import os
from collections.abc import Callable
from types import ModuleType
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
def peer() -> Callable[[str], ModuleType]:
    """Import a peer; where it is not installed, skip the test, or fail in the parity run of CI."""

    def find(name: str) -> ModuleType:
        if os.environ.get("PARITY"):
            return importlib.import_module(name)
        reason = f"{name} is not installed: pip install '.[parity]'"
        found: ModuleType = pytest.importorskip(name, reason=reason)
        return found

    return find


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
