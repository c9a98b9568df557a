"""A covariance matrix that is shrunk towards the identity and solved, for many strengths."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from torch_inception.system.cores import usable_cores
from torch_inception.system.threads import compute_alone

PANEL = 256
"""Columns of the product that are one thread's work; their number never depends on the cores."""


class Covariance:
    """S = rows' rows / N, decomposed once, in the smaller of its two dimensions.

    Shrunk by a strength s it is (1 - s) S + s v I, where v is the mean variance of a feature.
    Where N >= D the rows are not kept.

    Args:
        portions: (K, D) float64 each, in memory of its own, centred; N rows in all.
        count: N.
        size: D.
        cores: that share the work, which is the same on any number; all that are usable by default.
    """

    def __init__(
        self, portions: Iterable[Tensor], *, count: int, size: int, cores: int | None = None
    ) -> None:
        self.count = count
        self.is_tall = count >= size
        if self.is_tall:
            gram = _gram(portions, size, cores or usable_cores())
        else:
            self.rows = torch.cat(list(portions))
            gram = self.rows @ self.rows.T
        # This reads the lower triangle alone.
        self.eigenvalues, self.vectors = torch.linalg.eigh(gram / count)
        self.eigenvalues.clamp_(min=0)
        self.variance = max(float(self.eigenvalues.sum()) / size, 1e-12)

    def solve(self, strength: float, right: Tensor) -> Tensor:
        """Return the inverse of the shrunk covariance times a matrix.

        For N >= D, with S = V diag(l) V', it is V diag(1 / (a l + r)) V' right, where a = 1 - s
        and r = s v. For N < D the eigenvectors U are those of rows rows' / N, and by the Woodbury
        identity it is (right - a / N rows' U diag(1 / (a l + r)) U' rows right) / r.

        Args:
            strength: s in (0, 1].
            right: (D, C) float64.

        Returns:
            (D, C) float64.
        """
        ridge = strength * self.variance
        if self.is_tall:
            return self._scaled(strength, right)
        inner = self.rows.T @ self._scaled(strength, self.rows @ right)
        shrunk: Tensor = (right - inner * ((1 - strength) / self.count)) / ridge
        return shrunk

    def effective_size(self, strength: float) -> float:
        """Return the trace of S times the inverse of the shrunk covariance, 0 to min(N, D)."""
        return float((self.eigenvalues / self._denominators(strength)).sum())

    def _scaled(self, strength: float, right: Tensor) -> Tensor:
        coordinates = self.vectors.T @ right / self._denominators(strength)[:, None]
        scaled: Tensor = self.vectors @ coordinates
        return scaled

    def _denominators(self, strength: float) -> Tensor:
        denominators: Tensor = (1 - strength) * self.eigenvalues + strength * self.variance
        return denominators


def _gram(portions: Iterable[Tensor], size: int, cores: int) -> Tensor:
    """Return the lower triangle of the sum of portion' portion, (D, D) float64, by panels.

    Torch's own threads would share the work in another way on another number of cores, and so
    round differently.
    """
    gram = torch.zeros(size, size, dtype=torch.float64)
    starts = range(0, size, PANEL)

    def add(rows: Tensor, start: int) -> None:
        end = start + PANEL
        gram[start:, start:end] += rows[:, start:].T @ rows[:, start:end]

    with ThreadPoolExecutor(cores, initializer=compute_alone) as pool:
        for portion in portions:
            list(pool.map(partial(add, portion), starts))
    return gram
