"""Exact leave-one-out discriminants of shrinkage LDA, in closed form.

Of each group of rows that belong together (one row, the views of an image, near copies), the
discriminants are those of a head that was fitted without the group. No head is fitted again: the
class means move, the pooled covariance changes by a term of the group's size (Lachenbruch and
Mickey 1968, "Estimation of Error Rates in Discriminant Analysis", Technometrics 10), and the
inverse follows by the identity of Sherman, Morrison and Woodbury.

With S the pooled within-class covariance (divisor N), v its mean eigenvalue, s the strength,
A = ((1 - s) S + s v I)^-1, and for a group with K_c rows in class c, D_c their deviations from the
class mean m_c:

    m_c' = m_c - D_c' 1 / (n_c - K_c)
    S'   = S - sum over c of w_c / N * D_c' (I + 1 1' / (n_c - K_c)) D_c
    A'   = A + A D' (I - B H)^-1 B D A,    H = D A D',
    B    = block-diagonal, (1 - s) w_c / N * (I + 1 1' / (n_c - K_c)) for each class of the group
    z_k  = log p_k - ((x - m_k')' A' (x - m_k') - trace(A S) / (n_k - K_k)) / 2

N, v, trace(A S), the weights w_c and the priors p_k stay those of all rows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.heads.solvers.covariance import Covariance, ShrunkCovariance

MOST_NUMBERS = 2**22
"""Numbers of the largest array that one step makes: 32 MB."""

ABSENT_CLASS = 100.0
"""How far below the least likely class one without rows is put."""


@dataclass(frozen=True)
class Classes:
    """What is known of the classes when all rows are there.

    Attributes:
        means: (C, D) float64, mean row of each class; anything for one without rows.
        counts: (C,) float64, rows of each class.
        weights: (C,) float64, what a row of each class weighs; all rows' weights sum to N.
    """

    means: Tensor
    counts: Tensor
    weights: Tensor

    def log_priors(self) -> Tensor:
        """Return the logarithms (C,) of the classes' shares; -inf for one without rows."""
        totals = self.counts * self.weights
        return torch.log(totals / totals.sum())


class LeftOut:
    """Discriminants of rows by heads that did not see their group, for one strength.

    Args:
        classes: of all rows.
        covariance: of all rows about their class means.
        strength: share of the identity in the shrunk covariance, in (0, 1].
    """

    def __init__(
        self, classes: Classes, covariance: Covariance | ShrunkCovariance, strength: float
    ) -> None:
        self._classes = classes
        self._means = covariance.coordinates(classes.means)
        self._inverse = covariance.inverse(strength)
        self._size = covariance.effective_size(strength)
        self._share = (1 - strength) * classes.weights / classes.counts.sum()
        # Rows differ from their class means within the span of the eigenvectors alone.
        outside = covariance.outside(classes.means)
        self._between = (self._means * self._inverse) @ self._means.T
        self._outside = torch.cdist(outside, outside).square() / (strength * covariance.variance)

    def logits(self, rows: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
        """Return discriminants (K, C) float64; NaN where a class has rows in the group alone.

        Args:
            rows: (K, R) float64 coordinates (`Covariance.coordinates`) of whole groups.
            targets: (K,) int64 class numbers.
            groups: (K,) int64, the same number for rows that are left out together.
        """
        logits = torch.empty(len(rows), len(self._means), dtype=torch.float64)
        order = torch.argsort(groups, stable=True)
        sizes = torch.unique_consecutive(groups[order], return_counts=True)[1]
        starts = sizes.cumsum(0) - sizes
        for size in sizes.unique().tolist():
            members = order[starts[sizes == size][:, None] + torch.arange(size)]
            numbers = size * max(size * len(self._means), rows.shape[1])
            for some in torch.split(members, max(1, MOST_NUMBERS // numbers)):
                logits[some] = self._of_groups(rows[some], targets[some])
        absent = self._classes.counts == 0
        if absent.any():
            lowest = logits[:, ~absent].min(dim=1, keepdim=True).values
            logits[:, absent] = lowest - ABSENT_CLASS
        return logits

    def _of_groups(self, rows: Tensor, own: Tensor) -> Tensor:
        """Return the discriminants (G, K, C) of groups of one size: rows (G, K, R), own (G, K)."""
        is_own = torch.nn.functional.one_hot(own, len(self._means)).double()
        left = self._classes.counts - is_own.sum(dim=1)
        is_gone = (left.gather(1, own) == 0).any(dim=1)
        left = left.clamp(min=1)
        scaled = rows * self._inverse
        products = scaled @ self._means.T
        inner = scaled @ rows.transpose(1, 2)
        # d_j is the deviation of row j from its class mean: x_i' A d_j, and d_i' A d_j.
        to_own = products.gather(2, own[:, None].expand_as(inner))
        along_rows = inner - to_own
        height = along_rows - to_own.transpose(1, 2) + self._between[own[:, :, None], own[:, None]]
        along_means = products.transpose(1, 2) - self._between[:, own].transpose(0, 1)
        # How far each mean moves: m_k' = m_k - sum over j of moves_jk d_j.
        moves = is_own / left[:, None]
        moved = moves.transpose(1, 2) @ height - along_means
        lengths = inner.diagonal(dim1=1, dim2=2)[:, :, None]
        distances = lengths - 2 * products + self._between.diagonal() + self._outside[own]
        distances += 2 * along_rows @ moves
        distances += ((moved - along_means) * moves.transpose(1, 2)).sum(dim=2)[:, None]
        middle = self._middle(own, left, height)
        for row in torch.split(torch.arange(own.shape[1]), self._rows_at_once(own)):
            along = along_rows[:, row, None] + moved[:, None]
            distances[:, row] += ((along @ middle[:, None]) * along).sum(dim=3)
        logits = self._classes.log_priors() - (distances - self._size / left[:, None]) / 2
        return torch.where(is_gone[:, None, None], torch.nan, logits)

    def _middle(self, own: Tensor, left: Tensor, height: Tensor) -> Tensor:
        """Return (I - B H)^-1 B of groups, (G, K, K)."""
        identity = torch.eye(own.shape[1], dtype=torch.float64)
        is_same = own[:, :, None] == own[:, None]
        block = identity + is_same / left.gather(1, own)[:, None]
        block = block * self._share[own][:, :, None]
        middle: Tensor = torch.linalg.solve(identity - block @ height, block)
        return middle

    def _rows_at_once(self, own: Tensor) -> int:
        groups, size = own.shape
        return max(1, MOST_NUMBERS // (groups * size * len(self._means)))
