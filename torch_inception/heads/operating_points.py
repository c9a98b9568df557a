"""What a threshold on the score of a class finds of its images, and what it takes for them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_inception.answers.shares import wilson_interval

STEPS = 100
"""Steps between the thresholds 0 and 1 that are looked at."""


class ThresholdCurves(NamedTuple):
    """Sensitivity and specificity of a class by threshold.

    Attributes:
        thresholds: (K,) float64 from 0 to 1.
        sensitivity: (K,) float64, share of the class's images that score the threshold or more.
        specificity: (K,) float64, share of all other images that score less.
    """

    thresholds: Tensor
    sensitivity: Tensor
    specificity: Tensor


def threshold_curves(scores: Tensor, is_positive: Tensor) -> ThresholdCurves:
    """Return sensitivity and specificity at the thresholds 0, 0.01, ... 1.

    Args:
        scores: (N,) of the class, 0 to 1.
        is_positive: (N,) bool, which images are of the class; at least one is, and one is not.
    """
    thresholds = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS

    def below(some: Tensor) -> Tensor:
        ordered = some.double().sort().values
        return torch.searchsorted(ordered, thresholds) / len(ordered)

    return ThresholdCurves(thresholds, 1 - below(scores[is_positive]), below(scores[~is_positive]))


def operating_points(
    thresholds: Mapping[str, float], labels: Sequence[str], scores: Tensor, targets: Tensor
) -> dict[str, dict[str, Any]]:
    """Return what `operating_point` gives of each class that has a threshold.

    Args:
        thresholds: label -> threshold.
        labels: of all C classes.
        scores: (N, C), 0 to 1.
        targets: (N,) int64 class numbers.
    """
    numbers = {label: labels.index(label) for label in thresholds}
    return {
        label: operating_point(scores[:, number], targets == number, thresholds[label])
        for label, number in numbers.items()
    }


def operating_point(scores: Tensor, is_positive: Tensor, threshold: float) -> dict[str, Any]:
    """Return sensitivity and specificity at a threshold, with their 95 % Wilson intervals.

    Args:
        scores: (N,) of the class, 0 to 1.
        is_positive: (N,) bool, which images are of the class.
        threshold: the score from which on an image is taken for one of the class.

    Returns:
        plain values; those of the shares are None where there are no such images.
    """
    is_over = scores >= threshold
    return {
        "threshold": threshold,
        **_share("sensitivity", is_over[is_positive]),
        "positives": int(is_positive.sum()),
        **_share("specificity", ~is_over[~is_positive]),
        "negatives": int((~is_positive).sum()),
    }


def _share(name: str, holds: Tensor) -> dict[str, Any]:
    count, right = len(holds), int(holds.sum())
    return {
        name: right / count if count else None,
        f"{name}_interval_95": list(wilson_interval(right, count)) if count else None,
    }
