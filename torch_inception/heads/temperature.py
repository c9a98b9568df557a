"""Probabilities that mean what they say: one temperature, fitted on images not trained on."""

import math

import numpy
from numpy.typing import NDArray
from torch import Tensor

_LOWEST, _HIGHEST = math.log(1e-3), math.log(1e3)
_STEPS = 40
"""Each step of the search leaves two thirds of the range: 40 leave a relative error of 1e-6."""


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the temperature T for which softmax(logits / T) has the lowest cross entropy.

    Temperature scaling is that of Guo et al. 2017, "On Calibration of Modern Neural Networks",
    section 4.2 (arXiv:1706.04599). Few images, all of them right, would ask for T = 0 and for
    scores of 1; so the targets are smoothed as in Platt 1999, "Probabilistic Outputs for Support
    Vector Machines", section 2.2: with n images the true class gets (n + 1) / (n + 2).

    Args:
        logits: (N, C), N >= 1, C >= 2, of images that the head was not fitted on.
        targets: (N,) class numbers.

    Returns:
        T, between 0.001 and 1000.
    """
    values = logits.double().numpy()
    count, classes = values.shape
    miss = 1 / (count + 2)
    ideal = numpy.full_like(values, miss / (classes - 1))
    ideal[numpy.arange(count), targets.numpy()] = 1 - miss
    # The loss is convex in 1/T, so it falls, then rises, in log T: ternary search finds the bottom.
    low, high = _LOWEST, _HIGHEST
    for _ in range(_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if _loss(values / math.exp(left), ideal) <= _loss(values / math.exp(right), ideal):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _loss(logits: NDArray[numpy.float64], ideal: NDArray[numpy.float64]) -> float:
    """Return the mean cross entropy of softmax(logits) against soft targets."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normaliser = numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))
    return float((ideal * (normaliser - shifted)).sum(axis=1).mean())
