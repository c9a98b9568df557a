"""The score from which on an image is said to have a class: one per class."""

import torch
from torch import Tensor

NEVER = 1.0
"""Threshold of a class that is never named: scores are below (`head.HIGHEST`)."""

LEAST = 1e-9
"""Threshold at least: 0 would name every image, and model files refuse it."""


def best_f1_threshold(scores: Tensor, present: Tensor) -> float:
    """Return the threshold with the highest F1; of equal ones, the highest.

    It lies halfway between two scores. `NEVER` where no row has the class.

    Args:
        scores: (N,) float64 of rows that were not fitted on, 0 to 1.
        present: (N,) bool, which rows have the class.
    """
    thresholds, right, named = _cuts(scores, present)
    f1 = 2 * right / (named + present.sum())
    best = int(f1.argmax()) if len(f1) else 0
    return float(thresholds[best]) if len(f1) and f1[best] > 0 else NEVER


def precision_threshold(scores: Tensor, present: Tensor, precision: float) -> float | None:
    """Return the lowest threshold whose precision is no lower than asked for; None without one.

    Args:
        scores: as for `best_f1_threshold`.
        present: as for `best_f1_threshold`.
        precision: the share of right ones among the rows that are named, above 0 and up to 1.
    """
    thresholds, right, named = _cuts(scores, present)
    reached = torch.where((right >= precision * named - 1e-9) & (right > 0))[0]
    return float(thresholds[reached[-1]]) if len(reached) else None


def _cuts(scores: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the places where scores can be cut, the highest first.

    Returns:
        the thresholds (K,), and how many rows of those above have the class (K,), and how many
        there are (K,).
    """
    ordered, order = scores.double().sort(descending=True)
    right = present[order].double().cumsum(0)
    ends = torch.where(torch.cat([ordered[1:] < ordered[:-1], torch.ones(1, dtype=torch.bool)]))[0]
    if not len(scores):
        ends = ends[:0]
    below = torch.cat([ordered[1:], ordered.new_zeros(1)])
    thresholds = ((ordered[ends] + below[ends]) / 2).clamp(min=LEAST)
    return thresholds, right[ends], (ends + 1).double()
