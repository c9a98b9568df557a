"""Which images to label next: those that a model is unsure of, and no two of them alike.

Of ten times as many images as are asked for, those whose two best classes have the nearest scores,
clusters are made, and one image is taken of each: Zhdanov 2019, "Diverse mini-batch Active
Learning", arXiv:1901.05954. docs/results.md has what was compared.
"""

import heapq
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import require_one_label
from torch_inception.curation.clusters import representatives
from torch_inception.errors import ImageError
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes

CANDIDATES = 10
"""Images that clusters are made of, for each that is asked for: beta in the paper."""


class UnsureImage(NamedTuple):
    """An image whose label would teach much.

    Attributes:
        path: of the image.
        suggestion: label of its best class.
        score: of that class, 0 to 1.
        margin: how much the next class has less, 0 to 1.
        known: whether it is like the training images; None where that cannot be told.
        coordinates: (R,) float32, of `ClassSpace`.
    """

    path: Path
    suggestion: str
    score: float
    margin: float
    known: bool | None
    coordinates: Tensor


class ToLabel(NamedTuple):
    """What is to be labelled, the least sure first; how many images were seen, and the bad ones."""

    images: list[UnsureImage]
    seen: int
    bad: list[tuple[Path, ImageError]]


@default_modes()
def choose_to_label(
    classifier: Classifier, paths: Iterable[Path], count: int, *, false_rejection: float
) -> ToLabel:
    """Return the images whose labels would teach a model most.

    Args:
        classifier: that was trained by this package.
        paths: of the images. No more than `CANDIDATES` times `count` of them are remembered.
        count: how many to choose, 1 or more.
        false_rejection: see `Classifier.distance`.

    Raises:
        ConfigError: the model gives several labels.
        ModelError: it does not know its training images.
    """
    require_one_label(
        classifier.model,
        "unsure",
        why="it chooses by how little the best label is ahead of the next",
        instead="Labels are unsure whose scores are near their thresholds: predict --format csv "
        "has the scores, and show the thresholds.",
    )
    least_sure: list[tuple[float, int, UnsureImage]] = []
    bad: list[tuple[Path, ImageError]] = []
    number = 0
    for number, (path, row) in enumerate(classifier.stream_with_rows(paths), start=1):
        if isinstance(row, ImageError):
            bad.append((path, row))
            continue
        best, *others = classifier.best(row, 2)
        margin = best.score - others[0].score if others else best.score
        known = classifier.distance_of(row, false_rejection=false_rejection).known
        image = UnsureImage(path, *best, margin, known, classifier.coordinates_of(row).float())
        entry = (-margin, -number, image)
        if len(least_sure) < CANDIDATES * count:
            heapq.heappush(least_sure, entry)
        else:
            heapq.heappushpop(least_sure, entry)
    candidates = [image for *_, image in sorted(least_sure, reverse=True)]
    # Of a small folder the surer half is no candidate, however much it differs.
    candidates = candidates[: max(count, (number - len(bad)) // 2)]
    return ToLabel(_spread(candidates, count), number, bad)


def _spread(candidates: list[UnsureImage], count: int) -> list[UnsureImage]:
    """Choose one image of each cluster of candidates, which come the least sure first."""
    if len(candidates) <= count:
        return candidates
    points = torch.stack([each.coordinates for each in candidates]).double()
    margins = torch.tensor([each.margin for each in candidates], dtype=torch.float64)
    chosen = weighted_representatives(points, margins, count).tolist()
    return [candidates[place] for place in sorted(chosen)]


@one_thread()
def weighted_representatives(points: Tensor, margins: Tensor, count: int) -> Tensor:
    """Return one candidate of each cluster; the less sure they are, the more they count.

    Args:
        points: (N, R) float64, coordinates; the least sure come first.
        margins: (N,) float64, 0 to 1.
        count: 1 to N.

    Returns:
        (count,) int64, positions.
    """
    # What is sure counts a little, too: no weight may be 0.
    chosen = representatives(points, 1 - margins + 1e-6, count)
    others = torch.tensor(
        [place for place in range(len(points)) if place not in set(chosen.tolist())]
    )
    return torch.cat([chosen, others[: count - len(chosen)].long()])
