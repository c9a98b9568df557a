"""How far the images of a run are from what was learnt, and how many of them are too far."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_inception.config import PredictConfig
from torch_inception.datasets.parts import Part
from torch_inception.heads.class_space import ImageSpace, all_distances
from torch_inception.heads.fit_class_space import FittedSpace
from torch_inception.heads.metrics import keeps_scores
from torch_inception.training.examples import Examples

Distances = Mapping[Part, Tensor]
"""For each part, the distance (N,) float64 of each of its images."""


def image_distances(fitted: FittedSpace[ImageSpace], examples: Examples) -> Distances:
    """Return how far each image is from the training images.

    Training images are compared with what was fitted without them, where they could be
    left out. Where scores.csv has no room for all images, these are the test images alone.

    Args:
        fitted: the space, fitted on the training images.
        examples: all images.
    """
    is_told = keeps_scores(len(examples.images), len(examples.classes))
    return {
        part: _distances_of_part(fitted, examples, part)
        for part in examples.all_parts
        if is_told or part == "test"
    }


def _distances_of_part(fitted: FittedSpace[ImageSpace], examples: Examples, part: Part) -> Tensor:
    rows = examples.labelled_rows(part).features
    if part != "train":
        return all_distances(fitted.space, rows)
    is_seen = torch.ones(len(rows), dtype=torch.bool)
    is_seen[fitted.rows] = False
    distances = torch.empty(len(rows), dtype=torch.float64)
    distances[fitted.rows] = fitted.distances
    distances[is_seen] = all_distances(fitted.space, rows.subset(is_seen))
    return distances


def unlike_counts(space: ImageSpace, tested: Tensor | None) -> dict[str, Any]:
    """Return what metrics.json says of images that are unlike the training images.

    `threshold` is the distance over which a share of images like the training images lies,
    `false_rejection`; `test` is how many test images lie over it, of `n`. The first is None where
    there are too few training images to tell, and then so is the second.

    Args:
        space: of the training images.
        tested: (N,) distances of the test images; None where there are none.
    """
    share = PredictConfig.false_rejection
    threshold = space.threshold(share)
    tested = torch.empty(0) if tested is None else tested
    over = None if threshold is None else int((tested > threshold).sum())
    return {"false_rejection": share, "threshold": threshold, "test": over, "n": len(tested)}
