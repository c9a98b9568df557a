"""`scores.csv`: the probability of every class for every image."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from torch_inception.datasets.label_sets import LABEL_COLUMN, SEVERAL_COLUMN
from torch_inception.datasets.parts import Part
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.fit_independent import FittedClasses
from torch_inception.heads.labelled_rows import all_scores
from torch_inception.heads.metrics import keeps_scores
from torch_inception.training.distances import Distances
from torch_inception.training.examples import Examples
from torch_inception.training.grouping import LabelledImage

ScoreRow = Sequence[object]


def scores_header(labels: Sequence[str], *, several: bool = False) -> list[str]:
    """Return the names of the columns of `image_scores`, for images of one label or several."""
    return [
        "path",
        SEVERAL_COLUMN if several else LABEL_COLUMN,
        "split",
        "seen",
        "distance",
        *(f"score:{label}" for label in labels),
    ]


def image_scores(
    fitted: FittedHead | FittedClasses, examples: Examples, distances: Distances, *, views: int
) -> Iterator[ScoreRow]:
    """Yield a row per image, part by part; none where there are too many numbers.

    Path, label (or labels) and part of the image; whether the head that gives the scores was
    fitted on it; how far it is from the training images; the probability of each class. Training
    images are answered by heads that were fitted without them, where they could be left out.

    Args:
        fitted: the head.
        examples: the images.
        distances: of the images.
        views: rows of each training image that the head was fitted on.
    """
    if not keeps_scores(len(examples.images), len(examples.classes)):
        return
    for part in examples.all_parts:
        scores, is_seen = scores_of_part(fitted, examples, part, views=views)
        images = examples.part_images(part)
        yield from score_rows(images, part, is_seen, distances[part], scores)


def score_rows(
    images: Sequence[LabelledImage],
    part: Part,
    is_seen: Tensor,
    distances: Tensor,
    scores: Tensor,
) -> Iterator[ScoreRow]:
    """Yield a row of scores.csv per image of a part.

    Args:
        images: N of the part.
        part: of all of them.
        is_seen: (N,) bool, whether the head that gives the scores was fitted on the image.
        distances: (N,) of the image from the training images.
        scores: (N, C).
    """
    for image, seen, distance, row in zip(
        images, is_seen.tolist(), distances.tolist(), scores.numpy(), strict=True
    ):
        numbers = (f"{number:.6g}" for number in (distance, *row))
        yield image.path, image.label, part, str(seen).lower(), *numbers


def scores_of_part(
    fitted: FittedHead | FittedClasses, examples: Examples, part: Part, *, views: int
) -> tuple[Tensor, Tensor]:
    """Return the scores (N, C) of a part's images, and whether (N,) the head was fitted on each."""
    rows = examples.labelled_rows(part)
    is_seen = torch.full((len(rows),), part == "train")
    if part != "train" or fitted.left_out is None or fitted.left_out_scores is None:
        return all_scores(fitted.head, rows), is_seen
    places = fitted.left_out // views
    is_seen[places] = False
    scores = torch.empty(len(rows), len(examples.classes), dtype=torch.float32)
    scores[places] = fitted.left_out_scores
    scores[is_seen] = all_scores(fitted.head, rows.subset(is_seen))
    return scores, is_seen
