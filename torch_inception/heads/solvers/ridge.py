"""Ridge regression of many targets on the same rows, with exact leave-one-out in closed form.

With X the centred rows (N, D), S = X'X / N, v its mean eigenvalue and s the strength, the weights
for targets y with the mean m are

    w = (1 - s) A X'(y - m) / N,    A = ((1 - s) S + s v I)^-1

which is ridge regression with the penalty N s v / (1 - s) and an intercept that is not penalised
(Hoerl and Kennard 1970, "Ridge Regression", Technometrics 12). What it fits is linear in the
targets, H y with H = 1 1' / N + (1 - s) X A X' / N, and so the answers to a group G of rows by a
fit without them follow from that of all rows (Cook and Weisberg 1982, "Residuals and Influence in
Regression", section 2.2):

    y_G - (I - H_GG)^-1 (y_G - (H y)_G)

The penalty is held fixed; the centre is not.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import PANEL, Covariance
from torch_inception.heads.solvers.leave_one_out import LARGEST_GROUP, MOST_NUMBERS
from torch_inception.system.threads import on_cores


class Scaled(NamedTuple):
    """What `left_out` needs of a strength, whatever the targets.

    Attributes:
        rows: (N, R) float64, (1 - s) X A / N in the coordinates.
        own: (N,) float64, the diagonal of H: what each row has to do with its own answer.
    """

    rows: Tensor
    own: Tensor


class Ridge:
    """Fits for every strength, of one decomposition of the rows.

    Args:
        rows: N to fit on.
    """

    def __init__(self, rows: LabelledRows) -> None:
        self._rows = rows
        self.centre = mean_row(rows)
        self._covariance = Covariance(
            (inputs.double() - self.centre for inputs, _ in rows.portions()),
            count=len(rows),
            size=rows.size,
        )

    def coordinates(self) -> Tensor:
        """Return the rows (N, R) float64 in coordinates for `scaled` and `left_out`."""
        return torch.cat(
            [
                self._covariance.coordinates(inputs.double() - self.centre)
                for inputs, _ in self._rows.portions()
            ]
        )

    def products(self, targets: Tensor) -> Tensor:
        """Return X'(y - m) / N, (D, C) float64, for targets (N, C) float64."""
        centred = targets - targets.mean(dim=0)
        found = torch.zeros(self._rows.size, targets.shape[1], dtype=torch.float64)
        parts = torch.split(centred, self._rows.features.portion)
        for (inputs, _), part in zip(self._rows.portions(), parts, strict=True):

            def add(start: int, inputs: Tensor = inputs, part: Tensor = part) -> None:
                panel = slice(start, start + PANEL)
                found[panel] += (inputs[:, panel].double() - self.centre[panel]).T @ part

            on_cores(add, range(0, self._rows.size, PANEL))
        return found / len(centred)

    def weights(self, strength: float, products: Tensor) -> Tensor:
        """Return the weights (C, D) float64 for the centred rows.

        Args:
            strength: s, in (0, 1).
            products: (D, C), of `products`.
        """
        return (1 - strength) * self._covariance.solve(strength, products).T

    def scaled(self, strength: float, coordinates: Tensor) -> Scaled:
        """Return what `left_out` needs of a strength.

        Args:
            strength: s, in (0, 1).
            coordinates: (N, R), of all rows.
        """
        count = len(coordinates)
        scaled = coordinates * ((1 - strength) * self._covariance.inverse(strength) / count)
        parts = zip(torch.split(scaled, PANEL), torch.split(coordinates, PANEL), strict=True)
        return Scaled(scaled, torch.cat([(a * b).sum(dim=1) for a, b in parts]) + 1 / count)

    def projected(self, coordinates: Tensor, targets: Tensor) -> Tensor:
        """Return what `left_out` needs of targets, whatever the strength: (R, C) float64.

        Args:
            coordinates: (N, R), of all rows.
            targets: (N, C) float64.
        """
        return coordinates.T @ (targets - targets.mean(dim=0))

    def left_out(
        self, coordinates: Tensor, scaled: Scaled, projected: Tensor, targets: Tensor
    ) -> Tensor:
        """Return the answers (N, C) float64 to rows by fits that did not see their group.

        They are NaN for groups of more than `LARGEST_GROUP` rows, and for one that has all of them.

        Args:
            coordinates: (N, R), of all rows.
            scaled: of these, at a strength.
            projected: of the targets.
            targets: (N, C) float64.
        """
        count = len(targets)
        surplus = targets - targets.mean(dim=0) - scaled.rows @ projected
        answers = torch.full_like(targets, torch.nan)
        for members in _groups(self._rows.group_numbers()):
            if members.shape[1] == 1:
                alone = members[:, 0]
                rest = 1 - scaled.own[alone, None]
                answers[alone] = targets[alone] - surplus[alone] / rest
                continue
            own = coordinates[members]
            hat = scaled.rows[members] @ own.transpose(1, 2) + 1 / count
            rest = torch.eye(members.shape[1], dtype=torch.float64) - hat
            answers[members] = targets[members] - torch.linalg.solve(rest, surplus[members])
        return answers


def mean_row(rows: LabelledRows) -> Tensor:
    """Return the mean (D,) float64 of what is read of rows."""
    sums = torch.zeros(rows.size, dtype=torch.float64)
    for inputs, _ in rows.portions():
        sums += inputs.sum(dim=0, dtype=torch.float64)
    return sums / len(rows)


def _groups(groups: Tensor) -> Iterator[Tensor]:
    """Yield positions (G, K) of the rows of groups of one size, some groups at a time."""
    order = torch.argsort(groups, stable=True)
    sizes = torch.unique_consecutive(groups[order], return_counts=True)[1]
    starts = sizes.cumsum(0) - sizes
    for size in sizes.unique().tolist():
        if size <= LARGEST_GROUP and size < len(groups):
            members = order[starts[sizes == size][:, None] + torch.arange(size)]
            yield from torch.split(members, max(1, MOST_NUMBERS // (size * 4096)))
