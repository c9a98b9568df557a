"""Near copies among images: matrices in, groups out, no files.

Two images are near copies if the square roots of their Mixed_7a means point the same way, or much
the same way where their perceptual hashes differ in few bits. All pairs are compared, a block
against a block. The cosine is not computed of all: lengths in a few dimensions are never larger
than in all of them, so those that differ too much there are no near copies.
"""

import threading
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.network import COLUMNS
from torch_inception.system.threads import on_cores, one_thread

MOST_BITS = 8
"""Bits of 64 in which the hashes of near copies differ at most."""

LEAST_COSINE = 0.98
"""Cosine of near copies at least. Copies of half the size, of JPEG quality 30 and cropped to 95 %
were found by one or the other in 97 to 100 of 100 cases, with 5 wrong pairs of 11,175."""

LEAST_COSINE_BY_HASH = 0.9
"""Cosine at least of those whose hashes tell that they are. Copies of those three kinds lose 0 to 2
of 100 by it; different drawings on plain grounds, whose hashes are often alike, are kept apart."""

LEAST_CONTRAST = 1.0
"""Deviation of the luma, of 255, below which an image is not compared: all plain images look alike
to the network, and the bits of their hashes come of rounding."""

BLOCK = 1024
"""Images of a block."""

DIMENSIONS = 128
"""In how many dimensions images are compared first."""

SAMPLE = 4096
"""Images by which these dimensions are chosen. That decides on the speed alone."""

MANY = 1 / 64
"""Share of the pairs of two blocks from which on a product of matrices is faster than one of each
pair."""

_SLACK = 1e-4
"""How far rounding can move a squared distance, generously."""

Labels = NDArray[numpy.int64]
"""(N,) the same number for images of one group: the place of its first image."""

Flags = NDArray[numpy.bool_]


@dataclass(frozen=True)
class Likeness:
    """What images are compared by.

    Attributes:
        rows: N rows of features.
        hashes: (N,) uint64 perceptual hashes.
        is_flat: (N,) bool, which have too little contrast to be compared.
    """

    rows: RowSelection
    hashes: NDArray[numpy.uint64]
    is_flat: NDArray[numpy.bool_]

    @classmethod
    def of(cls, rows: RowSelection, facts: NDArray[numpy.void]) -> "Likeness":
        """Return that of N rows and the `images.facts.FACTS` (N,) of their images."""
        return cls(rows, facts["perceptual_hash"], facts["contrast"] < LEAST_CONTRAST)

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, chosen: Labels) -> "Likeness":
        """Return that of some images, (K,) int64."""
        return replace(
            self,
            rows=self.rows.subset(torch.from_numpy(chosen)),
            hashes=self.hashes[chosen],
            is_flat=self.is_flat[chosen],
        )

    def directions(self, chosen: Labels) -> Tensor:
        """Return the square roots of Mixed_7a of some images, at length 1: (K, 1280) float32."""
        numbers = self.rows.numbers[torch.from_numpy(chosen)]
        roots = self.rows.all_rows[numbers, COLUMNS["Mixed_7a"]].float().clamp_(min=0).sqrt_()
        return torch.nn.functional.normalize(roots)

    def bits(self) -> Tensor:
        """Return the bits of the hashes as -1 and 1, (N, 64) float32."""
        little = numpy.ascontiguousarray(self.hashes.astype("<u8")).view(numpy.uint8)
        bits = numpy.unpackbits(little.reshape(-1, 8), axis=1, bitorder="little")
        return torch.from_numpy(bits).float() * 2 - 1


def link_near_copies(
    likeness: Likeness, *, block: int = BLOCK, dimensions: int = DIMENSIONS
) -> "Linked":
    """Group images by near copies; the same groups in any order and on any number of cores.

    Args:
        likeness: of N images.
        block: images that are compared with so many others at a time.
        dimensions: in which images are compared first.
    """
    compared = numpy.flatnonzero(~likeness.is_flat)
    linked = Linked(len(compared))
    if len(compared):
        images = _Compared.of(likeness.subset(compared), block=block, dimensions=dimensions)
        blocks = [slice(start, start + block) for start in range(0, len(compared), block)]
        on_cores(
            lambda pair: _compare(images, linked, *pair), combinations_with_replacement(blocks, 2)
        )
    return linked.among(len(likeness), compared)


def join(labels: Labels, first: Labels, second: Labels) -> Labels:
    """Return the groups that there are once pairs are in one.

    Args:
        labels: (N,) groups before; each is named by the place of its first image.
        first: (P,) places of images.
        second: (P,) those that they are joined to.
    """
    while True:
        one, other = labels[first], labels[second]
        if (one == other).all():
            return labels
        labels = labels.copy()
        numpy.minimum.at(labels, numpy.maximum(one, other), numpy.minimum(one, other))
        while (labels[labels] != labels).any():
            labels = labels[labels]


class Linked:
    """Three ways to group images by single linkage; each is finer than the one before.

    Groups may grow on several threads.

    Attributes:
        by_either: near copies by the hash (and a weaker cosine) or the cosine are in one group.
        by_hash: those by the hash are.
        by_both: those by both are.
    """

    def __init__(self, count: int) -> None:
        everything = numpy.arange(count)
        self.by_either, self.by_hash, self.by_both = everything, everything, everything
        self._lock = threading.Lock()

    def add(self, pairs: Labels, by_hash: Flags, by_cosine: Flags) -> None:
        """Join pairs of places (P, 2) that are near copies by the hash, the cosine or both."""
        both = by_hash & by_cosine
        with self._lock:
            self.by_either = join(self.by_either, *pairs[by_hash | by_cosine].T)
            self.by_hash = join(self.by_hash, *pairs[by_hash].T)
            self.by_both = join(self.by_both, *pairs[both].T)

    def unknown(
        self, one: Labels, other: Labels, by_hash: Flags, by_cosine: Flags
    ) -> tuple[Flags, Flags]:
        """Return by which of the two pairs would join groups that are apart.

        Args:
            one: places of images.
            other: of the images that they may be near copies of, of a shape that fits.
            by_hash: whether they are by the hash, of the shape of both together.
            by_cosine: whether they may be by the cosine.
        """
        is_apart = self.by_either[one] != self.by_either[other]
        may_join_both = by_hash & by_cosine & (self.by_both[one] != self.by_both[other])
        may_join = by_hash & (is_apart | (self.by_hash[one] != self.by_hash[other]))
        return may_join | may_join_both, (by_cosine & is_apart) | may_join_both

    def among(self, count: int, places: Labels) -> "Linked":
        """Return the same groups where these images are some of more, by their places there (N,).

        The others are by themselves.
        """

        def spread(labels: Labels) -> Labels:
            spread_out = numpy.arange(count)
            spread_out[places] = places[labels]
            return spread_out

        linked = Linked(count)
        linked.by_either = spread(self.by_either)
        linked.by_hash = spread(self.by_hash)
        linked.by_both = spread(self.by_both)
        return linked


class _Compared(NamedTuple):
    """What N images are compared by, block by block.

    Attributes:
        likeness: of the images.
        bits: of their hashes.
        left: first factors (N, d + 2) of `_projections`.
        right: second factors.
        block: images of a block.
    """

    likeness: Likeness
    bits: Tensor
    left: Tensor
    right: Tensor
    block: int

    @classmethod
    def of(cls, likeness: Likeness, *, block: int, dimensions: int) -> "_Compared":
        return cls(likeness, likeness.bits(), *_projections(likeness, dimensions), block)


def _compare(images: _Compared, linked: Linked, block: slice, other: slice) -> None:
    """Link the near copies among the pairs of two blocks."""
    likeliest = (images.left[block] @ images.right[other].T).numpy() + 1  # the cosine, or more
    by_hash = (images.bits[block] @ images.bits[other].T >= 64 - 2 * MOST_BITS).numpy()
    by_hash &= likeliest >= LEAST_COSINE_BY_HASH - _SLACK
    by_cosine = likeliest >= LEAST_COSINE - _SLACK
    if not (by_hash.any() or by_cosine.any()):
        return
    everything = numpy.arange(len(images.likeness))
    one, two = everything[block][:, None], everything[other]
    by_hash, by_cosine = linked.unknown(one, two, by_hash, by_cosine)
    if by_cosine.mean() > MANY:
        directions = images.likeness.directions
        products = directions(one[:, 0]) @ directions(two).T
        by_cosine &= products.numpy() >= LEAST_COSINE - _SLACK
    places = numpy.argwhere(by_hash | by_cosine)
    # A look at each pair is dear, and one that is within a group by then needs none.
    for start in range(0, len(places), images.block):
        some = places[start : start + images.block]
        at = tuple(some.T)
        pairs = some + numpy.array([block.start, other.start])
        _look_at(images.likeness, linked, pairs, by_hash[at], by_cosine[at])


def _look_at(
    likeness: Likeness, linked: Linked, pairs: Labels, by_hash: Flags, may_be_by_cosine: Flags
) -> None:
    """Link pairs of places (P, 2), as far as their cosines allow it."""
    is_hash, may_be = linked.unknown(pairs[:, 0], pairs[:, 1], by_hash, may_be_by_cosine)
    cosines = numpy.zeros(len(pairs))
    cosines[is_hash | may_be] = _cosines(likeness, pairs[is_hash | may_be])
    linked.add(
        pairs,
        is_hash & (cosines >= LEAST_COSINE_BY_HASH),
        may_be & (cosines >= LEAST_COSINE),
    )


def _cosines(likeness: Likeness, pairs: Labels) -> NDArray[numpy.float64]:
    """Return the cosine (P,) of pairs of places (P, 2)."""
    one, other = (likeness.directions(places).double() for places in pairs.T)
    found: NDArray[numpy.float64] = (one * other).sum(dim=1).numpy()
    return found


def _projections(likeness: Likeness, dimensions: int) -> tuple[Tensor, Tensor]:
    """Return factors (N, d + 2) of the negative halves of squared distances in d dimensions."""
    inside = centred_projections(likeness, dimensions)
    half = inside.square().sum(dim=1, keepdim=True) / 2
    ones = torch.ones_like(half)
    return torch.cat([inside, -half, ones], dim=1), torch.cat([inside, ones, -half], dim=1)


def centred_projections(likeness: Likeness, dimensions: int = DIMENSIONS) -> Tensor:
    """Return the directions of images in d dimensions, the mean taken off: (N, d) float32.

    These dimensions are about those in which the images differ most: orthonormal, and found by
    three steps of subspace iteration.
    """
    places = numpy.arange(len(likeness))
    with one_thread():
        some = likeness.directions(places[:: -(-len(places) // SAMPLE)])
        middle = some.mean(dim=0)
        some = some - middle
        basis = some[:dimensions].T
        for _ in range(3):
            basis = torch.linalg.qr(some.T @ (some @ basis)).Q
    parts = on_cores(
        lambda chosen: (likeness.directions(chosen) - middle) @ basis,
        numpy.array_split(places, -(-len(places) // SLICE)),
    )
    return torch.cat(parts)
