"""Images that teach nothing: those of one plain colour, and different ones with the same row."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray

from torch_inception.features.cached_pass import PassResult
from torch_inception.features.row_selection import RowSelection
from torch_inception.training.examples import relative_name

log = logging.getLogger(__name__)

NAMED = 5
"""Images, or groups of them, that a warning names."""


def warn_of_uninformative(pass_result: PassResult, folder: Path) -> None:
    """Warn of images that the network sees nothing in, or no difference between.

    Args:
        pass_result: the images and their rows.
        folder: of the data set, from which they are named.
    """
    names = [relative_name(path, folder) for path in pass_result.paths]
    is_plain = pass_result.facts["contrast"] == 0
    plain = [names[row] for row in numpy.flatnonzero(is_plain)]
    if plain:
        log.warning(
            "WARNING: the network sees one plain colour in %s, which teaches nothing: %s. If there "
            "is more to see, save as 8-bit PNG or JPEG.",
            _count(len(plain), "image"), _some(plain, ", "),
        )  # fmt: skip
    groups = same_rows(pass_result, is_plain)
    if groups:
        log.warning(
            "WARNING: the network sees no difference between %s: %s. Are they copies that were "
            "saved anew, or was something lost on the way?",
            _count(sum(map(len, groups)), "different file"),
            _some([_some([names[row] for row in group], " = ") for group in groups], "; "),
        )  # fmt: skip


def same_rows(pass_result: PassResult, left_out: NDArray[numpy.bool_]) -> list[list[int]]:
    """Return the groups of different files that have the same row; exact copies count as one.

    Args:
        pass_result: N images and their rows.
        left_out: (N,) images that are of no concern.

    Returns:
        positions of images, for each group; its first copy stands for a file.
    """
    first: dict[bytes, int] = {}
    for position, digest in enumerate(pass_result.digests):
        if not left_out[position]:
            first.setdefault(digest, position)
    positions = numpy.fromiter(first.values(), numpy.int64)
    hashes = _row_hashes(pass_result.rows.subset(torch.from_numpy(positions)))
    _, number, counts = numpy.unique(hashes, return_inverse=True, return_counts=True)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in numpy.flatnonzero(counts[number] > 1):
        groups[int(number[place])].append(int(positions[place]))
    return list(groups.values())


def _row_hashes(rows: RowSelection) -> NDArray[numpy.uint64]:
    """Return a number for each row, (N,); read in portions, they need not fit into memory.

    It is the sum of the row's 64-bit words, each times an odd number that was drawn: of a million
    different rows, two have the same number with a probability of 1e-7 or so.
    """
    factors = numpy.random.default_rng(0).integers(0, 2**63, 2**12, numpy.uint64) * 2 + 1
    hashes = [numpy.empty(0, numpy.uint64)]
    for numbers in torch.split(rows.numbers, rows.portion):
        words = rows.all_rows[numbers].numpy().view(numpy.uint64)
        hashes.append(words @ factors[: words.shape[1]])
    return numpy.concatenate(hashes)


def _some(names: Sequence[str], separator: str) -> str:
    more = [f"{len(names) - NAMED:,} more"] if len(names) > NAMED else []
    return separator.join([*names[:NAMED], *more])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
