"""Images that teach nothing: those of one plain colour, and different ones with the same row."""

import hashlib
import logging
from collections import defaultdict
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.features.cached_pass import PassResult
from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.system.escape import counted, listed
from torch_inception.system.threads import on_cores
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
            "is more to see, choose the range of its values (--intensity), or save as 8-bit PNG.",
            counted(len(plain), "image"), listed(plain, NAMED),
        )  # fmt: skip
    groups = same_rows(pass_result, is_plain)
    if groups:
        same = [listed([names[row] for row in group], NAMED, separator=" = ") for group in groups]
        log.warning(
            "WARNING: the network sees no difference between %s: %s. Are they copies that were "
            "saved anew, or was something lost on the way?",
            counted(sum(map(len, groups)), "different file"), listed(same, NAMED, separator="; "),
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

    It is 64 bits of BLAKE2b (RFC 7693) of the row's bytes: of a million different rows, two have
    the same number with a probability of 3e-8.
    """

    def hashed(numbers: Tensor) -> bytes:
        some = rows.all_rows[numbers].numpy().view(numpy.uint8)
        return b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in some)

    return numpy.frombuffer(
        b"".join(on_cores(hashed, torch.split(rows.numbers, SLICE))), numpy.uint64
    )
