"""A covariance matrix that is shrunk towards the identity and solved."""

import torch
from torch import Tensor


class Covariance:
    """S = rows' rows / N, to be shrunk and solved, in the smaller of its two dimensions.

    Args:
        rows: (N, D) float64 deviations from the class means.
    """

    def __init__(self, rows: Tensor) -> None:
        self.count, self.size = rows.shape
        self.rows = rows
        self.gram = (rows.T @ rows if self.count >= self.size else rows @ rows.T) / self.count
        self.variance = max(float(self.gram.trace()) / self.size, 1e-12)

    def solve(self, strength: float, right: Tensor) -> Tensor:
        """Solve ((1 - strength) S + strength * variance * I) x = right.

        For N < D it is found by the Woodbury identity from the N x N Gram matrix:
        (rows' rows + r I)^-1 = (I - rows' (rows rows' + r I)^-1 rows) / r.

        Args:
            strength: in (0, 1].
            right: (D, C) float64.

        Returns:
            (D, C) float64.
        """
        ridge = strength * self.variance
        shrunk = self.gram * (1 - strength)
        shrunk.diagonal().add_(ridge)
        factor = torch.linalg.cholesky(shrunk)
        if self.count >= self.size:
            return torch.cholesky_solve(right, factor)
        inner = torch.cholesky_solve(self.rows @ right, factor)
        return (right - self.rows.T @ inner * ((1 - strength) / self.count)) / ridge
