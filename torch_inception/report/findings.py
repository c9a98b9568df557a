"""What the page shows of the images themselves: samples, the odd ones, copies."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy

from torch_inception.datasets.parts import PARTS
from torch_inception.report.gallery import Gallery, Tile
from torch_inception.report.results_folder import GroupedImage, ResultsFolder

SAMPLES = 8
"""Images of a class that are shown at most."""

MOST_SAMPLES = 240
"""Of all classes together, or one of each."""

MOST_CLASSES = 500
"""Classes of which samples are shown."""

MOST_UNLIKE = 14

MOST_GROUPS = 24

SHOWN_IN_GROUP = 8


_COPIED = ("content", "near copy")
"""Reasons of groups.csv for which an image is a copy; for others, such as its name, it need not."""

_KINDS = {"train": "training", "validation": "validation", "test": "test"}


class ClassSample(NamedTuple):
    """Some images of a class, and how many each part has."""

    label: str
    counts: Sequence[tuple[str, int]]
    tiles: Sequence[Tile]


class Unlike(NamedTuple):
    """An image that is unlike the training images.

    Attributes:
        tile: of the image.
        distance: divided by the threshold: above 1, it is refused.
    """

    tile: Tile
    distance: float


class CopyGroup(NamedTuple):
    """Images that are nearly the same, how many, and the labels that they have."""

    labels: Sequence[str]
    tiles: Sequence[Tile]
    images: int


class Copies(NamedTuple):
    """Groups of near copies, those with different labels first, and how many there are.

    Attributes:
        shown: groups.
        groups: how many there are.
        images: in all of them.
        torn: how many of the groups have different labels.
    """

    shown: Sequence[CopyGroup]
    groups: int
    images: int
    torn: int


def class_samples(results: ResultsFolder, gallery: Gallery) -> list[ClassSample]:
    """Return a sample of each class: those first in the order of their contents' SHA-256.

    Where nothing was trained on, these are test images.
    """
    labels: list[str] = results.metrics["classes"]
    most = max(1, min(SAMPLES, MOST_SAMPLES // max(1, len(labels))))
    part = "train" if any(image.split == "train" for image in results.images) else "test"
    paths: defaultdict[str, dict[str, str]] = defaultdict(dict)
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for image in sorted(results.images, key=lambda image: image.sha256):
        for label in results.classes_of(image):
            counts[label][image.split] += 1
            if image.split == part:
                paths[label][image.sha256] = image.path  # copies are shown once
    return [
        ClassSample(
            label,
            [(_KINDS[part], counts[label][part]) for part in PARTS if counts[label][part]],
            gallery.tiles(results, list(paths[label].values())[:most]),
        )
        for label in labels[:MOST_CLASSES]
    ]


def most_unlike(results: ResultsFolder, gallery: Gallery, threshold: float | None) -> list[Unlike]:
    """Return the images that are farthest from the training images, as scores.csv has it.

    Args:
        results: whose images these are.
        gallery: for thumbnails.
        threshold: distance above which an image is refused; None where that is not known, and then
            there are none.
    """
    scores = results.scores
    if scores is None or scores.distances is None or not threshold:
        return []
    known = numpy.flatnonzero(~numpy.isnan(scores.distances))
    rows = known[numpy.argsort(-scores.distances[known], kind="stable")][:MOST_UNLIKE]
    tiles = gallery.tiles(results, [scores.paths[row] for row in rows])
    return [
        Unlike(tile, float(scores.distances[row]) / threshold)
        for tile, row in zip(tiles, rows, strict=True)
    ]


def copies(results: ResultsFolder, gallery: Gallery) -> Copies:
    """Return the copies and near copies of each group that has some besides what users grouped."""
    members: defaultdict[str, list[GroupedImage]] = defaultdict(list)
    for row in results.groups:
        members[row.group].append(row)
    found = [
        [row for row in group if row.reason in _COPIED or row.nearest]
        for group in members.values()
        if any(row.reason in _COPIED for row in group)
    ]
    found.sort(key=lambda group: (-len({row.label for row in group}), -len(group)))
    shown = [
        CopyGroup(
            sorted({row.label for row in group}),
            gallery.tiles(results, [row.path for row in group[:SHOWN_IN_GROUP]]),
            len(group),
        )
        for group in found[:MOST_GROUPS]
    ]
    torn = sum(len({row.label for row in group}) > 1 for group in found)
    return Copies(shown, len(found), sum(map(len, found)), torn)
