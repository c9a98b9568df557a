"""Whether scores are what they say: of the answers with a score of 0.8, are 80 % right?"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

BINS = 10
"""Of equal width, from 0 to 1."""


class Bin(NamedTuple):
    """Answers whose scores lie in one range.

    Attributes:
        score: their mean score, 0 to 1.
        right: how many are right.
        answers: how many they are, 1 or more.
    """

    score: float
    right: int
    answers: int


def reliability(scores: Tensor, is_right: Tensor) -> list[Bin]:
    """Return the bins that are not empty, lowest first.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2 (arXiv:1706.04599).

    Args:
        scores: (N,) of the best class, 0 to 1.
        is_right: (N,) bool.
    """
    places = (scores.double() * BINS).ceil().long().clamp(1, BINS) - 1  # (0, 0.1], (0.1, 0.2], ...
    return [
        Bin(float(scores[chosen].double().mean()), int(is_right[chosen].sum()), int(chosen.sum()))
        for place in range(BINS)
        if (chosen := places == place).any()
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of score and accuracy, 0 to 1, weighted by the bins' answers.

    Guo et al. 2017, equation 3.

    Args:
        bins: one at least.
    """
    total = sum(each.answers for each in bins)
    return sum(abs(each.right - each.answers * each.score) for each in bins) / total
