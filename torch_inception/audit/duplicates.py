"""Exact and near duplicates: the same bytes, or the same image saved anew, smaller or cropped.

Features and hashes only choose what is compared: on plain grounds, and of one texture, different
images are alike to both. Pixels decide (`features/alike.py`): near duplicates differ by no more
than what saving anew leaves, by far less than the next image does and than is usual between
an image and the next one. Where images are drawn or taken so much alike that even others do not
differ by more, no limit tells copies from them, and only the nearest are near duplicates.

Training joins images by features and hashes alone (`features/near_copies.py`): it keeps images
together that are alike, copies or not, which costs nothing, and reads no thumbnails. Here images
are proposed for removal, and a wrong one costs an image.
"""

import io
import logging
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image

from torch_inception.audit.audited_data import AuditedData
from torch_inception.features.alike import Difference, compare, side_of, small_image
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.image_rows import read_image
from torch_inception.features.likely_copies import NEAREST, likely_copies
from torch_inception.features.near_copies import Flags, Labels, join
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.escape import counted
from torch_inception.system.threads import on_cores

log = logging.getLogger(__name__)

Differences = NDArray[numpy.float32]

MOST_IMAGES = 200_000
"""Images among which near duplicates are looked for: the work grows with their square."""

MOST_READ = 5000
"""Images without a thumbnail in the cache that are read again to be compared, at most."""

SLICE = 256
"""Pairs that are one thread's work."""

MOST_DIFFERENCE = 1.5
"""Of near duplicates; what is usual for copies is below 1."""

MOST_OF_CONTRAST = 0.5
"""How much near duplicates differ at most, as a share of how they differ from a plain image."""

MOST_OF_NEXT = 0.25
"""How much near duplicates differ at most, as a share of how the next image differs."""

MOST_OF_USUAL = 0.1
"""The same, as a share of how the next image usually differs: the median over all images."""


class DuplicateSet(NamedTuple):
    """Images that show the same.

    Attributes:
        places: of the images, in order.
        labels: theirs, without repetition, in order.
        is_exact: whether all of them are the same file, byte for byte.
        is_split: whether some are for training and some for the test or validation.
    """

    places: Sequence[int]
    labels: Sequence[str]
    is_exact: bool
    is_split: bool


class Duplicates(NamedTuple):
    """What was found.

    Attributes:
        sets: those across classes first, then those across the split, then the others.
        score: (N,) float64, the difference from the nearest duplicate as a share of that from a
            plain image: 0 for the same bytes, 1 for an image that has no duplicate.
        groups: (N,) the same number for images of one set: the place of its first image.
    """

    sets: Sequence[DuplicateSet]
    score: NDArray[numpy.float64]
    groups: Labels


def find_duplicates(data: AuditedData, kept: Flags) -> Duplicates:
    """Return the sets of duplicates.

    Args:
        data: the images.
        kept: (N,) which stay whatever is like them: they are in no set.
    """
    first: dict[bytes, int] = {}
    groups = numpy.array(
        [first.setdefault(image.digest, place) for place, image in enumerate(data.images)],
        numpy.int64,
    )
    score = numpy.ones(len(data))
    _, number, counts = numpy.unique(groups, return_inverse=True, return_counts=True)
    score[counts[number] > 1] = 0.0
    near = _near_pairs(data, numpy.unique(groups))
    for one, other, share in near:
        for place in (one, other):
            score[place] = min(score[place], share)
    pairs = numpy.array([(one, other) for one, other, _ in near], numpy.int64).reshape(-1, 2)
    groups = join(groups, *pairs.T)
    return Duplicates(_sets(data, groups, kept), score, groups)


def _near_pairs(data: AuditedData, different: Labels) -> list[tuple[int, int, float]]:
    """Return pairs of places of near duplicates and their difference as a share of the contrast.

    Args:
        data: the images.
        different: (K,) places of images, one of each content.
    """
    if len(different) > MOST_IMAGES:
        log.warning(
            "WARNING: near duplicates are looked for among %s images at most, and these are %s.",
            f"{MOST_IMAGES:,}", f"{len(different):,}",
        )  # fmt: skip
        return []
    pairs = different[likely_copies(data.likeness.subset(different))]
    thumbnails = _thumbnails_of(data, pairs)
    known = [all(place in thumbnails for place in pair) for pair in pairs.tolist()]
    pairs = pairs[numpy.array(known, bool)]
    return near_among(pairs, thumbnails, len(different))


def near_among(
    pairs: Labels, thumbnails: Mapping[int, bytes], count: int
) -> list[tuple[int, int, float]]:
    """Return pairs of near duplicates and their difference as a share of the contrast.

    Args:
        pairs: (P, 2) places of images that may be near duplicates.
        thumbnails: of these images, by place.
        count: of all images; what is in no pair is far away.
    """
    found = _compared(pairs, thumbnails)
    is_near = _are_near(pairs, found.difference.numpy(), count)
    share = found.difference / found.contrast.clamp(min=1e-6)
    is_near &= (share <= MOST_OF_CONTRAST).numpy()
    chosen = numpy.flatnonzero(is_near)
    return list(zip(*pairs[chosen].T.tolist(), share[chosen].tolist(), strict=True))


def _compared(pairs: Labels, thumbnails: Mapping[int, bytes]) -> Difference:
    """Return how much the images of pairs (P, 2) differ."""
    sizes = {place: _opened(jpeg).size for place, jpeg in thumbnails.items()}
    sides = numpy.array([side_of(sizes[one], sizes[other]) for one, other in pairs.tolist()], int)
    slices = [
        chosen[start : start + SLICE]
        for side in numpy.unique(sides)
        for chosen in [numpy.flatnonzero(sides == side)]
        for start in range(0, len(chosen), SLICE)
    ]

    def compare_some(chosen: Labels) -> Difference:
        some, side = pairs[chosen], int(sides[chosen[0]])
        small = {
            place: small_image(_opened(thumbnails[place]).convert("RGB"), side)
            for place in numpy.unique(some).tolist()
        }
        ones, others = (torch.stack([small[place] for place in of.tolist()]) for of in some.T)
        return compare(ones, others)

    found = Difference(torch.empty(len(pairs)), torch.empty(len(pairs)))
    for chosen, some in zip(slices, on_cores(compare_some, slices), strict=True):
        found.difference[chosen], found.contrast[chosen] = some
    return found


def _are_near(pairs: Labels, differences: Differences, count: int) -> Flags:
    """Tell which pairs (P, 2) are near, judged by what else each image is compared with.

    Args:
        pairs: places of images.
        differences: (P,) of their images.
        count: of all images; what was not compared is far away.
    """
    of_place: defaultdict[int, list[float]] = defaultdict(list)
    for pair, value in zip(pairs.tolist(), differences.tolist(), strict=True):
        for place in pair:
            of_place[place].append(value)
    gaps = {place: _gap(sorted(values)) for place, values in of_place.items()}
    following = [after for _, after in gaps.values()] + [math.inf] * (count - len(gaps))
    limit = min(MOST_DIFFERENCE, MOST_OF_USUAL * statistics.median(following))
    limits = [min(gaps[one][0], gaps[other][0], limit) for one, other in pairs.tolist()]
    near: Flags = differences <= numpy.array(limits)
    return near


def _gap(differences: list[float]) -> tuple[float, float]:
    """Return the last of these, in order, before the first gap, and the first after it.

    Where there is no gap, that is -1 and the first of all.
    """
    if len(differences) < NEAREST:  # what was not compared is far away
        differences.append(math.inf)
    for near, after in pairwise(differences):
        if near <= min(MOST_DIFFERENCE, MOST_OF_NEXT * after):
            return near, after
    return -1.0, differences[0]


def _opened(thumbnail: bytes) -> Image.Image:
    return Image.open(io.BytesIO(thumbnail))


def _thumbnails_of(data: AuditedData, pairs: Labels) -> Mapping[int, bytes]:
    """Return place -> thumbnail of the images of pairs: from the cache, or else of their files."""
    places = numpy.unique(pairs).tolist()
    cached = Thumbnails(cache_folder()).find([data.images[place].digest for place in places])
    found = {
        place: cached[data.images[place].digest]
        for place in places
        if data.images[place].digest in cached
    }
    missing = [place for place in places if place not in found]
    if len(missing) > MOST_READ:
        log.warning(
            "WARNING: %s look much alike, too many to compare them pixel by pixel: %s of them are "
            "not.",
            counted(len(places), "image"), f"{len(missing) - MOST_READ:,}",
        )  # fmt: skip
    made = on_cores(lambda place: _made(data, place), missing[:MOST_READ]) if missing else []
    return found | {place: jpeg for place, jpeg in zip(missing, made, strict=False) if jpeg}


def _made(data: AuditedData, place: int) -> bytes | None:
    """Make the thumbnail of an image, if its file is what it was."""
    path, digest = data.result.paths[place], data.images[place].digest
    return read_image(path, data.preprocessing, is_wanted=lambda each: each == digest).thumbnail


def _sets(data: AuditedData, groups: Labels, kept: Flags) -> list[DuplicateSet]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in numpy.flatnonzero(~kept).tolist():
        members[int(groups[place])].append(place)
    sets = [_set_of(data, places) for places in members.values() if len(places) > 1]
    return sorted(sets, key=lambda each: (len(each.labels) < 2, not each.is_split, each.places[0]))


def _set_of(data: AuditedData, places: Sequence[int]) -> DuplicateSet:
    images = [data.images[place] for place in places]
    parts = {data.parts[place] for place in places}
    return DuplicateSet(
        places,
        sorted({image.label for image in images}),
        is_exact=len({image.digest for image in images}) == 1,
        is_split="train" in parts and len(parts - {None}) > 1,
    )
