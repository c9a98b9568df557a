"""What tests read in a run folder, and the type of the fixture `train`."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

TrainCommand = Callable[..., tuple[int, str, str]]
"""Runs the command on `colours` with some flags; returns (status, out, err)."""


def table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def metrics_of(run: Path) -> dict[str, Any]:
    """Return what metrics.json holds."""
    content = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content
