"""Probabilities of independent classes that mean what they say: a slope and a shift for each."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_STEPS = 50
_TOLERANCE = 1e-9
_RIDGE = 1e-9
_ROUNDING = 1e-14
"""A loss that is higher by no more is the same."""

LEAST_SLOPE = 1e-6
"""Where held-out answers say nothing of a class, they often say the opposite: that is chance."""


class Platt(NamedTuple):
    """Maps scores z of classes to probabilities, sigmoid(slope * z + shift).

    Attributes:
        slope: (C,) float64, above 0.
        shift: (C,) float64.
        loss: (C,) float64, mean cross entropy of the smoothed targets, in nats.
    """

    slope: Tensor
    shift: Tensor
    loss: Tensor


def fit_platt(scores: Tensor, present: Tensor) -> Platt:
    """Fit a slope and a shift per class to scores of rows that were not fitted on.

    This is Platt 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2, with its
    smoothed targets: (n1 + 1) / (n1 + 2) for the n1 rows of a class, 1 / (n0 + 2) for the n0
    others. It is minimised by Newton's method with halved steps, as in Lin, Lin and Weng 2007, "A
    Note on Platt's Probabilistic Outputs for Support Vector Machines", section 2.

    Args:
        scores: (N, C) float64, N >= 1.
        present: (N, C) bool, which rows have the class.
    """
    positives = present.sum(dim=0).double()
    negatives = len(present) - positives
    wanted = torch.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # Scores of about unit size, so that one tolerance fits all.
    middle = scores.mean(dim=0)
    spread = (scores - middle).square().mean(dim=0).sqrt().clamp(min=1e-12)
    unit = (scores - middle) / spread
    slope, shift = torch.zeros_like(middle), ((positives + 1) / (negatives + 1)).log()
    loss = _loss(unit, wanted, slope, shift)
    for _ in range(_STEPS):
        step_slope, step_shift = _newton_step(unit, wanted, slope, shift)
        size = torch.ones_like(slope)
        before = loss
        for _ in range(20):
            found = _loss(unit, wanted, slope - size * step_slope, shift - size * step_shift)
            is_worse = found > before + _ROUNDING
            if not is_worse.any():
                break
            size = torch.where(is_worse, size / 2, size)
        size = torch.where(is_worse, 0.0, size)
        slope, shift = slope - size * step_slope, shift - size * step_shift
        loss = _loss(unit, wanted, slope, shift)
        if bool((before - loss <= _TOLERANCE).all()):
            break
    is_useless = slope < LEAST_SLOPE
    slope = slope.clamp(min=LEAST_SLOPE)
    base = (wanted.mean(dim=0) / (1 - wanted.mean(dim=0))).log()
    shift = torch.where(is_useless, base, shift)
    loss = _loss(unit, wanted, slope, shift)
    return Platt(slope / spread, shift - slope * middle / spread, loss)


def _loss(scores: Tensor, wanted: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    logits = scores * slope + shift
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=0)


def _newton_step(
    scores: Tensor, wanted: Tensor, slope: Tensor, shift: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what Newton's method takes off the slope and the shift, (C,) each."""
    probabilities = torch.sigmoid(scores * slope + shift)
    surplus, weights = probabilities - wanted, probabilities * (1 - probabilities)
    first, second = (surplus * scores).mean(dim=0), surplus.mean(dim=0)
    both = (weights * scores).mean(dim=0)
    of_slope = (weights * scores.square()).mean(dim=0) + _RIDGE
    of_shift = weights.mean(dim=0) + _RIDGE
    determinant = of_slope * of_shift - both.square()
    return (
        (of_shift * first - both * second) / determinant,
        (of_slope * second - both * first) / determinant,
    )
