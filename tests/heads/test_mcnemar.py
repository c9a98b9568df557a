"""McNemar's test: by hand, and as scipy computes the binomial test that it is."""

import pytest
from scipy.stats import binomtest

from torch_inception.heads.mcnemar import mcnemar


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 5, 2 / 32),
        (3, 12, 2 * (1 + 15 + 105 + 455) / 2**15),
        (4, 4, 1.0),
    ],
)
def test_by_hand(first: int, second: int, expected: float) -> None:
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 7, 40, 333])
def test_it_is_the_binomial_test_on_either_side(count: int) -> None:
    for first in range(0, count + 1, 1 + count // 40):
        expected = binomtest(first, count, 0.5).pvalue
        assert mcnemar(first, count - first) == pytest.approx(expected, rel=1e-9)


def test_many_images() -> None:
    expected = binomtest(49_500, 100_000, 0.5).pvalue
    assert mcnemar(50_500, 49_500) == pytest.approx(expected, rel=1e-8)
    assert 0 <= mcnemar(0, 1_000_000) < 1e-300
