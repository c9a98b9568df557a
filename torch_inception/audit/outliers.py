"""Images unlike every class: they may have come into the data set by mistake."""

from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.heads.class_space import all_distances
from torch_inception.heads.fit_class_space import fit_class_space
from torch_inception.heads.labelled_rows import LabelledRows

MOST_DEVIATIONS = 3.5
"""Modified z-score above which a distance is an outlier (Iglewicz and Hoaglin 1993, "How to Detect
and Handle Outliers", 3.3)."""

_NORMAL = 0.6745
"""Median absolute deviation of the standard normal distribution."""


class Outliers(NamedTuple):
    """How unlike N images are to the classes.

    Attributes:
        score: (N,) float64, limit / (limit + distance), 0 to 1: below 0.5 for an outlier.
        is_issue: (N,) bool.
    """

    score: Tensor
    is_issue: Tensor


def find_outliers(rows: LabelledRows) -> Outliers:
    """Return how far each image is from classes that were fitted without it and its group.

    The distance is that of `heads/class_space.py`. What is usual is measured by median and median
    absolute deviation, which outliers do not move.

    Args:
        rows: of all images.
    """
    fitted = fit_class_space(rows)
    distances = torch.empty(len(rows), dtype=torch.float64)
    is_left_out = torch.zeros(len(rows), dtype=torch.bool)
    is_left_out[fitted.rows] = True
    distances[fitted.rows] = fitted.distances
    if not is_left_out.all():
        distances[~is_left_out] = all_distances(fitted.space, rows.features.subset(~is_left_out))
    limit = _limit(distances)
    score = limit / (limit + distances).clamp(min=1e-12)
    return Outliers(score, distances > limit)


def _limit(distances: Tensor) -> float:
    middle = distances.median()
    deviation = (distances - middle).abs().median()
    # Where more than half of the images are alike, none is an outlier for a rounding.
    spread = torch.maximum(deviation / _NORMAL, 0.01 * middle)
    return float(middle + MOST_DEVIATIONS * spread)
