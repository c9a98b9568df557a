"""Shares of images in words, and how sure they are."""

import math

NORMAL_QUANTILE_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution, for two-sided 95 % intervals."""


def wilson_interval(right: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy of `right` out of `count`, count >= 1.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22, page 209.
    """
    z = NORMAL_QUANTILE_95
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half = spread / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def percent(share: float | None) -> str:
    """Write a share (0 to 1) as `93.3%`."""
    return "n/a" if share is None else f"{100 * share:.1f}%"


def accuracy_in_words(right: int, count: int) -> str:
    """Write an accuracy, of how many images it is, and its 95 % interval."""
    if not count:
        return "n/a (N=0)"
    low, high = map(percent, wilson_interval(right, count))
    return f"{percent(right / count)} (N={count}), 95% interval {low} to {high} (Wilson)"
