"""Shrinkage linear discriminant analysis: a head in closed form.

Classes are taken to be normal with one covariance in common, shrunk towards a multiple of the
identity as in Friedman 1989, "Regularized Discriminant Analysis" (JASA 84), equation 18. The
discriminants are those of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
section 4.3, equation 4.10. A class mean of few images seems farther from the middle than it is,
by trace(inverse covariance * covariance) / n in squared distance; that bias is taken off, as in
Moran and Murphy 1979, "A Closer Look at Two Alternative Methods of Statistical Discrimination"
(Applied Statistics 28).
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.features.row_selection import SLICE, whole_groups
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.metrics import Answers, answers_of, keeps_scores, scores_of
from torch_inception.heads.solvers.covariance import PANEL, Covariance, ShrunkCovariance
from torch_inception.heads.solvers.leave_one_out import (
    ABSENT_CLASS,
    LARGEST_GROUP,
    Classes,
    LeftOut,
)
from torch_inception.system.threads import on_cores

STRENGTHS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of the identity in the covariance that are tried."""


class LeftOutAnswers(NamedTuple):
    """What heads that did not see their group make of rows.

    Attributes:
        rows: (K,) int64, which rows these are.
        answers: to these.
        scores: (K, C) float32, the probability of each class; None where they are too many.
    """

    rows: Tensor
    answers: Answers
    scores: Tensor | None


class DiscriminantAnalysis:
    """Heads for every strength, of one decomposition of the rows' covariance.

    Args:
        labelled: rows to fit on.
        strength: where it is known already; then none is decomposed, and there is no other.

    Attributes:
        covariance: of the rows about the means of their classes.
        centre: (D,) float64, the mean row.
        classes: their means are less the centre.
    """

    def __init__(self, labelled: LabelledRows, *, strength: float | None = None) -> None:
        self._labelled = labelled
        counts, weights = labelled.counts().double(), labelled.weight_of_class()
        means = _class_means(labelled)
        make = Covariance if strength is None else partial(ShrunkCovariance, strength=strength)
        self.covariance: Covariance | ShrunkCovariance = make(
            # Many rows for one strength: see `ShrunkCovariance`.
            _deviations(labelled, means if strength is None else means.float()),
            count=len(labelled),
            size=labelled.size,
        )
        # A common shift of all means changes no decision, and small numbers lose less.
        totals = counts * weights
        self.centre = totals @ means / totals.sum()
        self.classes = Classes(means - self.centre, counts, weights)
        self._left_out = LeftOut(self.classes, self.covariance)

    def head(self, strength: float) -> Head:
        """Fit a head.

        Args:
            strength: share of the identity in the shrunk covariance, in (0, 1].
        """
        means, counts = self.classes.means, self.classes.counts
        weight = self.covariance.solve(strength, means.T).T
        # Views of one image count as so many rows here, though they are not independent.
        bias_of_length = self.covariance.effective_size(strength) / counts.clamp(min=1)
        lengths = (weight * means).sum(dim=1) - bias_of_length
        bias = self.classes.log_priors() - 0.5 * lengths
        absent = counts == 0
        weight[absent] = 0.0  # some other class is at its own bias or above, wherever a row lies
        bias[absent] = bias[~absent].min() - ABSENT_CLASS
        return self._labelled.inputs.head(weight, bias - weight @ self.centre)

    def coordinates(self) -> Tensor:
        """Return the rows (N, R) float64 in coordinates for `logits_left_out`."""
        parts = (
            on_cores(self._coordinates, torch.split(inputs, SLICE))
            for inputs, _ in self._labelled.portions()
        )
        return torch.cat([part for portion in parts for part in portion])

    def _coordinates(self, inputs: Tensor) -> Tensor:
        return self.covariance.coordinates(inputs.double() - self.centre)

    def logits_left_out(self, strength: float, coordinates: Tensor) -> Tensor:
        """Return the logits (N, C) float64 of rows by heads that did not see their group.

        They are NaN where `LeftOut` cannot leave the group out.

        Args:
            strength: as for `head`.
            coordinates: of all rows.
        """
        groups = self._labelled.group_numbers()
        return self._left_out.at(strength).logits(coordinates, self._labelled.targets, groups)

    def distances_left_out(self, strength: float, coordinates: Tensor) -> Tensor:
        """Return squared distances (N, C) float64 of rows to class means that lack their group.

        They are NaN where `LeftOut` cannot leave the group out.

        Args: as for `logits_left_out`.
        """
        groups = self._labelled.group_numbers()
        return self._left_out.at(strength).distances(coordinates, self._labelled.targets, groups)

    def answers_left_out(self, strength: float, temperature: float) -> LeftOutAnswers:
        """Return answers to rows by heads that did not see their group.

        Rows are read a few whole groups at a time. Groups that cannot be left out have none, nor
        have further views of an image.

        Args:
            strength: as for `head`.
            temperature: that logits are divided by.
        """
        left_out = self._left_out.at(strength)
        with_scores = keeps_scores(len(self._labelled.originals()), self._labelled.classes)

        def answer(positions: Tensor) -> LeftOutAnswers:
            some = self._labelled.subset(positions)
            logits = left_out.logits(
                self._coordinates(some.matrix()), some.targets, some.group_numbers()
            )
            judged = rows_judged(some, logits)
            logits = logits[judged] / temperature
            return LeftOutAnswers(
                positions[judged],
                answers_of(logits, some.targets[judged]),
                scores_of(logits) if with_scores else None,
            )

        parts = on_cores(answer, _whole_groups(self._labelled.group_numbers(), SLICE))
        rows, order = torch.cat([part.rows for part in parts]).sort()
        scores = [part.scores for part in parts if part.scores is not None]
        return LeftOutAnswers(
            rows,
            Answers.join([part.answers for part in parts]).subset(order),
            torch.cat(scores)[order] if scores else None,
        )


def rows_judged(labelled: LabelledRows, logits: Tensor) -> Tensor:
    """Return which rows (K,) int64 are originals that have logits (N, C)."""
    is_judged = ~logits.isnan().any(dim=1)
    if labelled.is_original is not None:
        is_judged &= labelled.is_original
    return torch.where(is_judged)[0]


def _whole_groups(groups: Tensor, count: int) -> Iterator[Tensor]:
    """Yield positions of rows, some `count` at a time, without tearing a group apart.

    Groups that are too large to be left out are passed over.
    """
    order = groups.argsort(stable=True)
    sizes = torch.unique_consecutive(groups[order], return_counts=True)[1]
    order = order[(sizes <= LARGEST_GROUP).repeat_interleave(sizes)]
    ends = sizes[sizes <= LARGEST_GROUP].cumsum(0)
    for some in whole_groups(ends.tolist(), count):
        yield order[some]


def _class_means(labelled: LabelledRows) -> Tensor:
    """Return the mean row (C, D) float64 of each class; 0 for one without rows."""
    sums = torch.zeros(labelled.classes, labelled.size, dtype=torch.float64)
    for inputs, targets in labelled.portions():

        def add(start: int, inputs: Tensor = inputs, targets: Tensor = targets) -> None:
            panel = slice(start, start + PANEL)
            sums[:, panel].index_add_(0, targets, inputs[:, panel].double())

        on_cores(add, range(0, labelled.size, PANEL))
    return sums / labelled.counts().clamp(min=1)[:, None]


def _deviations(labelled: LabelledRows, means: Tensor) -> Iterator[Tensor]:
    """Yield portions of the rows less the means of their classes, times the roots of weights."""
    roots = labelled.weight_of_class().sqrt().to(means.dtype)
    for inputs, targets in labelled.portions():
        yield inputs.to(means.dtype).sub_(means[targets]).mul_(roots[targets, None])
