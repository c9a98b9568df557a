"""`scores.csv`: the probability of every class for every image."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from torch_inception.heads.fit import FittedHead
from torch_inception.heads.labelled_rows import all_scores
from torch_inception.heads.metrics import keeps_scores
from torch_inception.training.examples import Examples
from torch_inception.training.grouping import LabelledImage
from torch_inception.training.parts import Part

ScoreRow = Sequence[object]


def scores_header(labels: Sequence[str]) -> list[str]:
    """Return the names of the columns of `image_scores`."""
    return ["path", "label", "split", "seen", *(f"score:{label}" for label in labels)]


def image_scores(fitted: FittedHead, examples: Examples, *, views: int) -> Iterator[ScoreRow]:
    """Yield a row per image, part by part; none where there are too many numbers.

    Path, label and part of the image; whether the head that gives the scores was fitted on it; the
    probability of each class. Training images are answered by heads that were fitted without them,
    where they could be left out.

    Args:
        fitted: the head.
        examples: the images.
        views: rows of each training image that the head was fitted on.
    """
    if not keeps_scores(len(examples.images), len(examples.labels)):
        return
    for part in examples.all_parts:
        scores, is_seen = _scores_of_part(fitted, examples, part, views=views)
        yield from score_rows(examples.part_images(part), part, is_seen, scores)


def score_rows(
    images: Sequence[LabelledImage], part: Part, is_seen: Sequence[bool], scores: Tensor
) -> Iterator[ScoreRow]:
    """Yield a row of scores.csv per image of a part.

    Args:
        images: of the part.
        part: of all of them.
        is_seen: for each, whether the head that gives the scores was fitted on it.
        scores: (N, C).
    """
    for image, seen, row in zip(images, is_seen, scores.numpy(), strict=True):
        yield image.path, image.label, part, str(seen).lower(), *(f"{p:.6g}" for p in row)


def _scores_of_part(
    fitted: FittedHead, examples: Examples, part: Part, *, views: int
) -> tuple[Tensor, list[bool]]:
    """Return the scores (N, C) of a part's images, and whether the head was fitted on each."""
    scores = all_scores(fitted.head, examples.labelled_rows(part))
    is_seen = [part == "train"] * len(scores)
    if part == "train" and fitted.left_out is not None and fitted.left_out_scores is not None:
        places = fitted.left_out // views
        scores[places] = fitted.left_out_scores
        for place in places.tolist():
            is_seen[place] = False
    return scores, is_seen
