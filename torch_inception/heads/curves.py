"""Each class against all others: what a threshold on its score finds, and what it costs."""

from typing import NamedTuple

import torch
from torch import Tensor


class Curve(NamedTuple):
    """One class's curve.

    Attributes:
        x: (K,) float64, 0 to 1, ascending.
        y: (K,) float64, 0 to 1.
        area: 0 to 1, what sums it up.
    """

    x: Tensor
    y: Tensor
    area: float


def roc_curve(scores: Tensor, is_positive: Tensor) -> Curve:
    """Return true positive rate over false positive rate, and the area under it.

    Fawcett 2006, "An introduction to ROC analysis", Pattern Recognition Letters 27, algorithms 1
    and 2. The area is the probability that a positive scores higher than a negative; ties count
    half.

    Args:
        scores: (N,) of the class.
        is_positive: (N,) bool, which images are of the class; at least one is, and one is not.
    """
    true, false = (_from_zero(counts) for counts in _counts(scores, is_positive))
    x, y = false / false[-1], true / true[-1]
    return Curve(x, y, float(torch.trapezoid(y, x)))


def precision_recall_curve(scores: Tensor, is_positive: Tensor) -> Curve:
    """Return precision over recall, and the average precision.

    That is the sum of precisions, each times the recall that its threshold adds: points are not
    joined by straight lines, which would promise too much (Davis and Goadrich 2006, "The
    Relationship Between Precision-Recall and ROC Curves", ICML).

    Args:
        scores: (N,) of the class.
        is_positive: (N,) bool, which images are of the class; at least one is.
    """
    true, false = _counts(scores, is_positive)
    precision, recall = true / (true + false), true / true[-1]
    area = float((precision * _from_zero(recall).diff()).sum())
    return Curve(_from_zero(recall), torch.cat([precision.new_ones(1), precision]), area)


def _counts(scores: Tensor, is_positive: Tensor) -> tuple[Tensor, Tensor]:
    """Count positives and negatives at or above each score that there is, highest first."""
    values, order = scores.sort(descending=True)
    is_last = torch.ones(len(values), dtype=torch.bool)
    is_last[:-1] = values[1:] < values[:-1]
    true = is_positive[order].double().cumsum(0)[is_last]
    return true, torch.where(is_last)[0] + 1 - true


def _from_zero(values: Tensor) -> Tensor:
    return torch.cat([values.new_zeros(1), values])
