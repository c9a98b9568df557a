"""Images as near copies are looked for among: by the directions of their rows, and hashes."""

import numpy
import torch
from numpy.typing import NDArray

from torch_inception.features.near_copies import Likeness
from torch_inception.features.row_selection import RowSelection
from torch_inception.images.facts import FACTS
from torch_inception.network import COLUMNS, ROW_SIZE

Directions = NDArray[numpy.float64]


def likeness_of(directions: Directions, hashes: list[int], *, contrast: float = 50) -> Likeness:
    """Make images of which the square roots of Mixed_7a begin with these numbers (N, D)."""
    rows = torch.zeros(len(hashes), ROW_SIZE)
    rows[:, COLUMNS["Mixed_7a"]][:, : directions.shape[1]] = torch.from_numpy(directions) ** 2
    facts = numpy.zeros(len(hashes), FACTS)
    facts["perceptual_hash"], facts["contrast"] = hashes, contrast
    return Likeness.of(RowSelection.of(rows), facts)


def angles(*degrees: float) -> Directions:
    """Return directions in a plane."""
    radians = numpy.radians(degrees)
    return numpy.stack([numpy.cos(radians), numpy.sin(radians)], axis=1)


def random_hashes(count: int) -> list[int]:
    """Return hashes that differ in many bits."""
    hashes = numpy.random.default_rng(0).integers(0, 2**64, count, dtype=numpy.uint64)
    return [int(each) for each in hashes]
