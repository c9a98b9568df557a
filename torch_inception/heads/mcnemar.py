"""McNemar's test: is one of two classifiers better, or is the difference one of chance?"""

import math


def mcnemar(first: int, second: int) -> float:
    """Return the probability that chance alone gives a difference at least so large.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, page 153; here in its exact form, not by chi-square: if neither
    classifier is better, then of n = first + second images that only one of them names right, the
    number that the first one names right is binomial, B(n, 1/2). Both tails count.

    Args:
        first: images that the first classifier alone names right.
        second: those that the second alone names right.

    Returns:
        the two-sided p-value, above 0 (but for underflow) to 1.
    """
    count, fewer = first + second, min(first, second)
    of_all = math.lgamma(count + 1) - count * math.log(2)
    tail = math.fsum(
        math.exp(of_all - math.lgamma(right + 1) - math.lgamma(count - right + 1))
        for right in range(fewer + 1)
    )
    return min(1.0, 2 * tail)
