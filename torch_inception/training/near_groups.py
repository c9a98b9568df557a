"""Near groups: groups that near copies join. Each is in one part, and is left out as a whole."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy

from torch_inception.config import GROUP_COLUMN_ADVICE
from torch_inception.datasets.parts import Part
from torch_inception.features.near_copies import (
    Flags,
    Labels,
    Likeness,
    join,
    link_near_copies,
)
from torch_inception.features.nearest_copies import nearest_copies
from torch_inception.system.escape import counted, listed
from torch_inception.training.grouping import LabelledImage, leadership

log = logging.getLogger(__name__)

LARGE_GROUP = 20
"""Images above which a group needs stronger evidence than the cosine, if it also holds more than
`LARGE_SHARE` of a class."""

LARGE_SHARE = 0.2

SMALL_GROUP = 6
"""Images from which on a group needs it, if it also holds more than `MOST_SHARE` of a class: little
would be left to learn from or to test."""

MOST_SHARE = 0.5

PAIRS_SHOWN = 5
"""Pairs of near copies with two labels that a warning names."""

MOST_IMAGES = 200_000
"""Images among which near copies are looked for: the work grows with their square."""


class GroupRow(NamedTuple):
    """A line of groups.csv: an image that has others in its group.

    Attributes:
        group: name of the group.
        path: relative to the data folder.
        label: of the image.
        split: its part.
        reason: why it is in the group: a "group" or "name" (before `_nohash_`) that it shares, the
            same "content", or "near copy".
        nearest: path of the most similar near copy in the group, where there is one.
        bits: in how many of 64 their hashes differ.
        cosine: of the square roots of their Mixed_7a means.
    """

    group: str
    path: str
    label: str
    split: Part
    reason: str
    nearest: str
    bits: int | str
    cosine: float | str


_REASONS = {"group": "group", "prefix": "name", "content": "content"}


def join_near_copies(
    images: Sequence[LabelledImage],
    groups: Sequence[str],
    likeness: Likeness,
    *,
    of_table: bool = False,
    most: int = MOST_IMAGES,
) -> list[str]:
    """Name, for each image, its near group: what it is in once near copies are joined.

    Where that would be a group of more than `LARGE_GROUP` images and `LARGE_SHARE` of a class, or
    of `SMALL_GROUP` and `MOST_SHARE`, the cosine alone joins none of its images; and if that does
    not do, nor does the hash alone.

    Args:
        images: all good images.
        groups: of `split.groups_of`.
        likeness: of the images.
        of_table: whether a table names them.
        most: images among which near copies are looked for.
    """
    if len(images) > most:
        log.warning(
            "WARNING: near copies are looked for among %s images at most, and these are %s: they "
            "can be on both sides of the split.",
            f"{most:,}", f"{len(images):,}",
        )  # fmt: skip
        return list(groups)
    before = _places(groups)
    linked = link_near_copies(likeness)
    everything = numpy.arange(len(images))
    joined, *finer = (
        join(before, everything, labels)
        for labels in (linked.by_either, linked.by_hash, linked.by_both)
    )
    # Sets of labels are no classes, and can be of few images each.
    classes = _places([image.label if image.labels is None else "" for image in images])
    is_large = _are_large(joined, before, classes)
    if is_large.any():
        log.warning(
            "WARNING: near copies: %d images look much alike to the network, too many to be copies "
            "of each other. Only those whose hashes agree too are kept together.%s",
            is_large.sum(),
            "" if any(image.group for image in images)
            else " If several show one subject, name the subjects: --group."
            + (f" {GROUP_COLUMN_ADVICE}" if of_table else ""),
        )  # fmt: skip
    _warn_of_labels(images, linked.by_both)
    for labels in finer:
        joined = numpy.where(_are_large(joined, before, classes), labels, joined)
    names: dict[int, str] = {}
    for place, group in zip(joined.tolist(), groups, strict=True):
        names[place] = min(names.get(place, group), group, key=leadership)
    is_joined = _are_joined(joined, before)
    if is_joined.any():
        log.info(
            "near copies: %s in %s belong together; see groups.csv. "
            "To take each by itself: --near-duplicates ignore",
            counted(int(is_joined.sum()), "image"),
            counted(len(set(joined[is_joined])), "group"),
        )  # fmt: skip
        _tell_of_labels(images, joined, is_joined)
    return [names[place] for place in joined.tolist()]


def _warn_of_labels(images: Sequence[LabelledImage], copies: Labels) -> None:
    """Warn of copies that have different labels: one of these is likely wrong."""
    pairs = [f"{one.path} and {other.path}" for _, one, other in _unlike_labels(images, copies)]
    if pairs:
        where = "in several classes" if images[0].labels is None else "with other labels"
        log.warning(
            "WARNING: %s %s, and a label may be wrong: %s.",
            "1 image has a near copy" if len(pairs) == 1
            else f"{len(pairs):,} images have a near copy",
            where, listed(pairs, PAIRS_SHOWN),
        )  # fmt: skip


def _tell_of_labels(images: Sequence[LabelledImage], joined: Labels, is_joined: Flags) -> None:
    """Tell of groups that have different labels.

    That is no warning: simple drawings of different classes are joined by the hash alone.
    """
    found: dict[int, str] = {}
    for group, one, other in _unlike_labels(images, joined):
        if is_joined[group]:
            found.setdefault(group, f"{one.path} and {other.path}")
    if found:
        log.info(
            "near copies: %s different labels, of which some may be wrong: %s.",
            "1 group has" if len(found) == 1 else f"{len(found):,} groups have",
            listed(list(found.values()), PAIRS_SHOWN),
        )  # fmt: skip


def _unlike_labels(
    images: Sequence[LabelledImage], groups: Labels
) -> Iterator[tuple[int, LabelledImage, LabelledImage]]:
    """Yield the images whose labels are not those of the first one of their group.

    Yields:
        the group, its first image, and that image.
    """
    first: dict[int, LabelledImage] = {}
    for image, group in zip(images, groups.tolist(), strict=True):
        other = first.setdefault(group, image)
        if other.classes != image.classes:
            yield group, other, image


def _places(names: Sequence[str]) -> Labels:
    """Return for each name the place where it is first."""
    first: dict[str, int] = {}
    places = (first.setdefault(name, place) for place, name in enumerate(names))
    return numpy.fromiter(places, numpy.int64)


def _are_large(joined: Labels, before: Labels, classes: Labels) -> Flags:
    """Tell which images are in a group that near copies make too large."""
    of_class, sizes = numpy.unique(numpy.stack([joined, classes]), axis=1, return_counts=True)
    shares, counts = sizes / numpy.bincount(classes)[of_class[1]], numpy.bincount(joined)
    found = numpy.zeros(len(joined), bool)
    for share, count in ((LARGE_SHARE, LARGE_GROUP + 1), (MOST_SHARE, SMALL_GROUP)):
        found |= numpy.isin(joined, of_class[0][shares > share]) & (counts[joined] >= count)
    large: Flags = found & _are_joined(joined, before)
    return large


def _are_joined(joined: Labels, before: Labels) -> Flags:
    """Tell which images are in a group that was several."""
    pairs = numpy.unique(numpy.stack([joined, before]), axis=1)
    found: Flags = numpy.bincount(pairs[0], minlength=len(joined))[joined] > 1
    return found


def group_rows(
    images: Sequence[LabelledImage],
    parts: Sequence[Part],
    groups: Sequence[str],
    near_groups: Sequence[str],
    likeness: Likeness,
) -> Iterator[GroupRow]:
    """Yield a line for each image that has others in its group, group by group.

    Args:
        images: all good images.
        parts: of each.
        groups: of `split.groups_of`.
        near_groups: what near copies make of these.
        likeness: of the images.
    """
    members: dict[str, list[int]] = {}
    for place, name in enumerate(near_groups):
        members.setdefault(name, []).append(place)
    places = [place for group in members.values() if len(group) > 1 for place in group]
    numbers = _places(near_groups)[places]
    shared = Counter(groups)
    nearest = nearest_copies(likeness.subset(numpy.array(places, numpy.int64)), numbers)
    for place, near in zip(places, nearest, strict=True):
        image, kind = images[place], groups[place].partition(":")[0]
        reason = _REASONS[kind] if shared[groups[place]] > 1 else "near copy"
        found = (images[places[near.place]].path, near.bits, near.cosine) if near else ("", "", "")
        yield GroupRow(near_groups[place], image.path, image.label, parts[place], reason, *found)
