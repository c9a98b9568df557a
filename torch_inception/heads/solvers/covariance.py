"""A covariance matrix that is shrunk towards the identity and solved, for many strengths."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor

from torch_inception.system.threads import on_cores

PANEL = 256
"""Columns of the product that are one thread's work; their number never depends on the cores."""

NEGLIGIBLE = 1e-12
"""Eigenvalues under this share of the largest are those of rounding."""


class Covariance:
    """S = rows' rows / N, decomposed once, in the smaller of its two dimensions.

    Shrunk by a strength s it is (1 - s) S + s v I, where v is the mean variance of a feature.
    All sums are in float64: how exact products in float32 are, the program around us may have set.

    Args:
        portions: (K, D) each, centred; N rows in all. None is kept.
        count: N.
        size: D.
        cores: that share the work, which is the same on any number; all that are usable by default.

    Attributes:
        variance: v.
    """

    def __init__(
        self, portions: Iterable[Tensor], *, count: int, size: int, cores: int | None = None
    ) -> None:
        if count >= size:
            gram = _gram(portions, size, cores)
            # This reads the lower triangle alone.
            self._eigenvalues, self._vectors = torch.linalg.eigh(gram / count)
            self._eigenvalues.clamp_(min=0)
            self._is_whole = True
        else:
            self._decompose_rows(torch.cat([portion.double() for portion in portions]))
            self._is_whole = False
        self.variance = max(float(self._eigenvalues.sum()) / size, 1e-12)

    def _decompose_rows(self, rows: Tensor) -> None:
        """Find the eigenvectors of S that are not of 0 from those of rows rows' / N."""
        values, vectors = torch.linalg.eigh(rows @ rows.T / len(rows))
        is_kept = values > NEGLIGIBLE * values.max()
        self._eigenvalues = values[is_kept]
        self._vectors = rows.T @ (vectors[:, is_kept] / (len(rows) * values[is_kept]).sqrt())

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows (K, D) float64 to their coordinates (K, R) along the eigenvectors."""
        found: Tensor = rows @ self._vectors
        return found

    def principal(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the largest eigenvalues (R,) of S, in falling order, and their vectors (D, R).

        Args:
            count: R at most.
        """
        # torch gives them in rising order.
        return self._eigenvalues[-count:].flip(0), self._vectors[:, -count:].flip(1)

    def outside(self, rows: Tensor) -> Tensor:
        """Return what of rows (K, D) float64 is orthogonal to all eigenvectors, (K, D)."""
        if self._is_whole:
            return torch.zeros_like(rows)
        outside: Tensor = rows - self.coordinates(rows) @ self._vectors.T
        return outside

    def inverse(self, strength: float) -> Tensor:
        """Return the eigenvalues (R,) of the inverse of the shrunk covariance.

        Outside of the eigenvectors' span that inverse is 1 / (s v).

        Args:
            strength: s in (0, 1].
        """
        inverse: Tensor = 1 / ((1 - strength) * self._eigenvalues + strength * self.variance)
        return inverse

    def solve(self, strength: float, right: Tensor) -> Tensor:
        """Return the inverse of the shrunk covariance times columns.

        Args:
            strength: s in (0, 1].
            right: (D, C) float64.

        Returns:
            (D, C) float64.
        """
        within = (self.coordinates(right.T) * self.inverse(strength)) @ self._vectors.T
        solution: Tensor = within + self.outside(right.T) / (strength * self.variance)
        return solution.T

    def effective_size(self, strength: float) -> float:
        """Return the trace of S times the inverse of the shrunk covariance, 0 to min(N, D)."""
        return float((self._eigenvalues * self.inverse(strength)).sum())


class ShrunkCovariance:
    """(1 - s) S + s v I for one strength s: for more rows than are worth decomposing S for.

    It has what `Covariance` has, where the strength can be no other. Products of a portion of rows
    are in float32, and their sums in float64: with so many rows that is exact enough, and takes
    half the time. Where the program around us has made float32 less exact, they are in float64.

    Args:
        portions: (K, D) each, centred; N rows in all. None is kept.
        count: N, at least D.
        size: D.
        strength: s in (0, 1).
        cores: as for `Covariance`.

    Attributes:
        variance: v.
    """

    def __init__(
        self, portions: Iterable[Tensor], *, count: int, size: int, strength: float,
        cores: int | None = None,
    ) -> None:  # fmt: skip
        self._strength = strength
        is_exact = torch.get_float32_matmul_precision() == "highest"
        dtype = torch.float32 if is_exact else torch.float64
        gram = _gram(portions, size, cores, dtype).div_(count)
        self.variance = max(float(gram.trace()) / size, 1e-12)
        gram.mul_(1 - strength).diagonal().add_(strength * self.variance)
        root = torch.linalg.cholesky(gram)  # this reads the lower triangle alone
        identity = torch.eye(size, dtype=torch.float64)
        self._root = torch.linalg.solve_triangular(root, identity, upper=False)
        self._root_for_rows = self._root.to(dtype)

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows (K, D) float64 to (K, D), in which the inverse is the identity."""
        found, root = torch.empty_like(rows), self._root_for_rows
        rows = rows.to(root.dtype)
        for start in range(0, len(root), PANEL):
            end = min(start + PANEL, len(root))
            found[:, start:end] = rows[:, :end] @ root[start:end, :end].T
        return found

    def outside(self, rows: Tensor) -> Tensor:
        """Return zeros (K, D): nothing of rows (K, D) is outside."""
        return torch.zeros_like(rows)

    def inverse(self, strength: float) -> Tensor:
        """Return ones (D,)."""
        assert strength == self._strength
        return torch.ones(len(self._root), dtype=torch.float64)

    def solve(self, strength: float, right: Tensor) -> Tensor:
        """Return the inverse times columns (D, C) float64."""
        assert strength == self._strength
        solution: Tensor = self._root.T @ (self._root @ right)
        return solution

    def effective_size(self, strength: float) -> float:
        """Return the trace of S times the inverse: S = (shrunk - s v I) / (1 - s)."""
        assert strength == self._strength
        size, trace = len(self._root), float(self._root.square().sum())
        return (size - strength * self.variance * trace) / (1 - strength)


def _gram(
    portions: Iterable[Tensor], size: int, cores: int | None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return the lower triangle of the sum of portion' portion, (D, D) float64, by panels.

    torch's own threads would share the work in another way on another number of cores, and so
    round differently.
    """
    gram = torch.zeros(size, size, dtype=torch.float64)
    memory = torch.empty(0, size, dtype=dtype)
    starts = range(0, size, PANEL)

    def add(rows: Tensor, start: int) -> None:
        end = start + PANEL
        gram[start:, start:end] += rows[:, start:].T @ rows[:, start:end]

    for portion in portions:
        if len(portion) > len(memory):
            memory = torch.empty_like(portion, dtype=dtype)
        rows = memory[: len(portion)].copy_(portion)
        on_cores(partial(add, rows), starts, cores=cores)
    return gram
