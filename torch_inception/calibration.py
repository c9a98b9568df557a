"""Probabilities that mean what they say: one temperature, fitted on pictures not trained on."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_LOWEST, _HIGHEST = math.log(1e-3), math.log(1e3)
_STEPS = 60


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the temperature T for which softmax(logits / T) has the lowest cross entropy.

    Temperature scaling is that of Guo et al. 2017, "On Calibration of Modern Neural Networks",
    section 4.2 (arXiv:1706.04599). Few pictures, all of them right, would ask for T = 0 and for
    scores of 1; so the targets are smoothed as in Platt 1999, "Probabilistic Outputs for Support
    Vector Machines", section 2.2: with n pictures the true class gets (n + 1) / (n + 2).

    Args:
        logits: (N, C), N >= 1, of pictures that the head was not fitted on.
        targets: (N,) class numbers.

    Returns:
        T > 0.
    """
    count, classes = logits.shape
    miss = 1 / (count + 2)
    ideal = torch.full_like(logits, miss / max(classes - 1, 1), dtype=torch.float64)
    ideal.scatter_(1, targets[:, None], 1 - miss)

    def loss(log_temperature: float) -> float:
        scaled = logits.double() / math.exp(log_temperature)
        return float(functional.cross_entropy(scaled, ideal))

    # The loss is convex in 1/T, so it falls, then rises, in log T: ternary search finds the bottom.
    low, high = _LOWEST, _HIGHEST
    for _ in range(_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
