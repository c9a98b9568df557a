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
    A'   = A + A D' M D A,    M = (I - B H)^-1 B,    H = D A D',
    B    = block-diagonal, (1 - s) w_c / N * (I + 1 1' / (n_c - K_c)) for each class of the group
    z_k  = log p_k - ((x - m_k')' A' (x - m_k') - trace(A S) / (n_k - K_k)) / 2

N, v, trace(A S), the weights w_c and the priors p_k stay those of all rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.heads.solvers.covariance import Covariance, ShrunkCovariance

MOST_NUMBERS = 2**22
"""Numbers of the largest array that one step makes: 32 MB."""

LARGEST_GROUP = 2000
"""Rows of the largest group that is left out: the work grows with their cube."""

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
    """Discriminants of rows by heads that did not see their group.

    Args:
        classes: of all rows.
        covariance: of all rows about their class means.
    """

    def __init__(self, classes: Classes, covariance: Covariance | ShrunkCovariance) -> None:
        self._classes, self._covariance = classes, covariance
        self._means = covariance.coordinates(classes.means)
        # Rows differ from their class means within the span of the eigenvectors alone.
        outside = covariance.outside(classes.means)
        self._outside = torch.cdist(outside, outside).square()

    def at(self, strength: float) -> "OneStrength":
        """Return the discriminants for one strength.

        Args:
            strength: share of the identity in the shrunk covariance, in (0, 1].
        """
        return OneStrength(self._classes, self._covariance, self._means, self._outside, strength)


class OneStrength:
    """Discriminants for one strength; the names are those of the module's formulas."""

    def __init__(
        self,
        classes: Classes,
        covariance: Covariance | ShrunkCovariance,
        means: Tensor,
        outside: Tensor,
        strength: float,
    ) -> None:
        self._counts, self._log_priors = classes.counts, classes.log_priors()
        self._means, self._inverse = means, covariance.inverse(strength)
        self._trace = covariance.effective_size(strength)
        self._share = (1 - strength) * classes.weights / classes.counts.sum()
        self._between = (means * self._inverse) @ means.T  # m_k' A m_l
        self._outside = outside / (strength * covariance.variance)

    def logits(self, rows: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
        """Return discriminants (K, C) float64; NaN for the rows of groups that must stay.

        These are groups of more than `LARGEST_GROUP` rows, and those without which a class has no
        rows.

        Args:
            rows: (K, R) float64 coordinates (`Covariance.coordinates`) of whole groups.
            targets: (K,) int64 class numbers.
            groups: (K,) int64, the same number for rows that are left out together.
        """
        logits = torch.full((len(rows), len(self._means)), torch.nan, dtype=torch.float64)
        for some, distances, left in self._left_out(rows, targets, groups):
            logits[some] = self._log_priors - (distances - self._trace / left) / 2
        absent = self._counts == 0
        if absent.any():
            lowest = logits[:, ~absent].min(dim=1, keepdim=True).values
            logits[:, absent] = lowest - ABSENT_CLASS
        return logits

    def distances(self, rows: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
        """Return squared distances (K, C) float64 to the class means, as A' measures them.

        They are NaN where logits are, and mean nothing for a class without rows.

        Args: as for `logits`.
        """
        found = torch.full((len(rows), len(self._means)), torch.nan, dtype=torch.float64)
        for some, distances, _ in self._left_out(rows, targets, groups):
            found[some] = distances
        return found

    def _left_out(
        self, rows: Tensor, targets: Tensor, groups: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield positions (G, K), squared distances (G, K, C) and n_c - K_c (G, 1, C)."""
        for members in self._can_leave(targets, groups):
            size = members.shape[1]
            numbers = size * max(size * len(self._means), rows.shape[1])
            for some in torch.split(members, max(1, MOST_NUMBERS // numbers)):
                yield some, *self._distances_of_one_size(rows[some], targets[some])

    def _can_leave(self, targets: Tensor, groups: Tensor) -> Iterator[Tensor]:
        """Yield positions (G, K) of the rows of groups of one size, all that can be left out."""
        order = torch.argsort(groups, stable=True)
        sizes = torch.unique_consecutive(groups[order], return_counts=True)[1]
        starts = sizes.cumsum(0) - sizes
        for size in sizes.unique().tolist():
            if size > LARGEST_GROUP:
                continue
            members = order[starts[sizes == size][:, None] + torch.arange(size)]
            own = targets[members]
            same = (own[:, :, None] == own[:, None]).sum(dim=2)
            yield members[(self._counts[own] > same).all(dim=1)]

    def _distances_of_one_size(self, rows: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return squared distances (G, K, C), and n_c - K_c (G, 1, C), for groups of one size.

        Args:
            rows: (G, K, R).
            own: (G, K), the class of each.
        """
        is_own = torch.nn.functional.one_hot(own, len(self._means)).double()
        left = (self._counts - is_own.sum(dim=1)).clamp(min=1)  # (G, C), n_c - K_c
        scaled = rows * self._inverse
        to_means = scaled @ self._means.T  # (G, K, C), x_i' A m_k
        inner = scaled @ rows.transpose(1, 2)  # (G, K, K), x_i' A x_j
        to_own = to_means.gather(2, own[:, None].expand_as(inner))  # x_i' A m of j's class
        rows_along = inner - to_own  # (G, K, K), x_i' A d_j
        gram = rows_along - to_own.transpose(1, 2)
        gram = gram + self._between[own[:, :, None], own[:, None]]  # (G, K, K), H
        # (G, C, K), m_k' A d_j, before and after the means move: m_k' = m_k - sum_j moves_jk d_j
        moves = is_own / left[:, None]
        means_along = to_means.transpose(1, 2) - self._between[:, own].transpose(0, 1)
        moved_along = means_along - moves.transpose(1, 2) @ gram
        lengths = inner.diagonal(dim1=1, dim2=2)[:, :, None]
        distances = lengths - 2 * to_means + self._between.diagonal() + self._outside[own]
        distances += 2 * rows_along @ moves
        distances -= ((means_along + moved_along) * moves.transpose(1, 2)).sum(dim=2)[:, None]
        # (x - m_k')' A D' M D A (x - m_k'), M symmetric
        woodbury = self._woodbury(own, left, gram)
        rows_by, means_by = rows_along @ woodbury, moved_along @ woodbury
        distances += (rows_by * rows_along).sum(dim=2)[:, :, None]
        distances -= 2 * rows_by @ moved_along.transpose(1, 2)
        distances += (means_by * moved_along).sum(dim=2)[:, None]
        return distances, left[:, None]

    def _woodbury(self, own: Tensor, left: Tensor, gram: Tensor) -> Tensor:
        """Return M of groups, (G, K, K)."""
        identity = torch.eye(own.shape[1], dtype=torch.float64)
        is_same = own[:, :, None] == own[:, None]
        block = identity + is_same / left.gather(1, own)[:, None]
        block = block * self._share[own][:, :, None]
        woodbury: Tensor = torch.linalg.solve(identity - block @ gram, block)
        return woodbury
