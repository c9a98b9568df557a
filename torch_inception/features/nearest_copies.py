"""The nearest near copy of each image in its group, and how near it is."""

from typing import NamedTuple

import numpy
import torch

from torch_inception.features.near_copies import (
    LEAST_COSINE,
    LEAST_COSINE_BY_HASH,
    MOST_BITS,
    Labels,
    Likeness,
)
from torch_inception.features.row_selection import SLICE, whole_groups
from torch_inception.system.threads import one_thread

MOST_SHOWN = 2000
"""Images of a group up to which each one's nearest near copy is looked for."""


class NearCopy(NamedTuple):
    """A near copy of an image.

    Attributes:
        place: of the near copy.
        bits: in which the hashes differ.
        cosine: of the square roots of Mixed_7a.
    """

    place: int
    bits: int
    cosine: float


def nearest_copies(likeness: Likeness, groups: Labels) -> list[NearCopy | None]:
    """Return, for each image, the near copy in its group with the highest cosine; None without one.

    Args:
        likeness: of N images.
        groups: (N,) the same number for images of one group, which stand together. In groups of
            more than `MOST_SHOWN` images none are looked for.
    """
    found: list[NearCopy | None] = [None] * len(groups)
    _, numbers, sizes = numpy.unique(groups, return_inverse=True, return_counts=True)
    shown = numpy.flatnonzero(sizes[numbers] <= MOST_SHOWN)
    ends = numpy.flatnonzero(numpy.diff(numbers[shown], append=-1)) + 1
    for places in whole_groups(ends.tolist(), SLICE):
        some = shown[places]
        for own, near in _nearest(likeness.subset(some), numbers[some]).items():
            found[some[own]] = near._replace(place=int(some[near.place]))
    return found


def _nearest(likeness: Likeness, groups: Labels) -> dict[int, NearCopy]:
    """Return the nearest near copy in its group of each image that has one, all at once."""
    with one_thread():
        bits = likeness.bits()
        directions = likeness.directions(numpy.arange(len(likeness)))
        different, cosines = ((64 - bits @ bits.T) / 2).int(), directions @ directions.T
    own, is_flat = torch.from_numpy(groups), torch.from_numpy(likeness.is_flat)
    is_copy = (different <= MOST_BITS) & (cosines >= LEAST_COSINE_BY_HASH)
    is_copy |= cosines >= LEAST_COSINE
    is_copy &= (own == own[:, None]) & ~(is_flat | is_flat[:, None])
    highest, places = cosines.masked_fill(~is_copy.fill_diagonal_(fill_value=False), -1).max(dim=1)
    return {
        number: NearCopy(place, int(different[number, place]), round(cosine, 4))
        for number, (place, cosine) in enumerate(
            zip(places.tolist(), highest.tolist(), strict=True)
        )
        if cosine >= 0
    }
