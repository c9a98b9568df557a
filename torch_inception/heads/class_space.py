"""Where an image lies among those that a model was trained on, and how far from all of them.

Distances are relative Mahalanobis distances (Ren et al. 2021, "A Simple Fix to Mahalanobis Distance
for Improving Near-OOD Detection", arXiv:2106.09022): of the squared distance to the nearest class
mean, measured by the covariance within classes, that to the mean of all images is taken off,
measured by the covariance of all images. What sets every image apart from every class, such as how
it was taken, counts in both.

With x the square roots of the 1280 numbers of Mixed_7a, m the mean of the training images, m_k of
their classes, S and S0 the covariances within classes and of all (divisor N), v and v0 their mean
eigenvalues, and s = 0.5:

    W = (1 - s) S + s v I,    T = (1 - s) S0 + s v0 I
    d(x)^2 = min over k of (x - m_k)' W^-1 (x - m_k)  -  (x - m)' T^-1 (x - m)  +  c
    c      = max over k of (m_k - m)' (T - W)^-1 (m_k - m)

T - W is positive definite, and with c no d(x)^2 is negative: -c is the least that the difference
can be for the class with the largest c_k.

Stored are the first `AXES` principal axes of S0. Across the others S and S0 count as multiples of
the identity: only the squared length of what is left of x is needed there.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import NEGLIGIBLE, Covariance
from torch_inception.heads.solvers.discriminant import DiscriminantAnalysis
from torch_inception.heads.solvers.selection import sampled_rows
from torch_inception.network import COLUMNS

LAYER = "Mixed_7a"
"""The layer that tells strangers apart best; docs/results.md."""

STRENGTH = 0.5
"""Share of the identity in the covariances, s. Fixed: the strength that is best for the head gives
distances that differ much between data sets."""

AXES = 512
"""Principal axes that are stored, at most. With so many, no more than 0.002 of the area under the
ROC curve is lost; docs/results.md."""

SIMILARITY_AXES = 256
"""Coordinates by which images are compared with each other; more find no more of the same class."""

MOST_DISTANCES = 1001
"""Distances of training images that are stored, spread evenly over their ranks, at most."""


@dataclass(frozen=True)
class ClassSpace:
    """Coordinates in which the images of each class spread alike in every direction.

    They are in units in which s v = 1, so that all of it fits into float16.

    Attributes:
        middle: (D,) float16, m.
        axes: (D, R) float16, the principal axes.
        whitening: (R, R) float16, maps (x - m) along the axes to coordinates: W^-1 is its square.
        shares: (R,) float16, the diagonal of T^-1 along the axes.
        rest: the difference of W^-1 and T^-1 across the axes.
        means: (C, R) float16, coordinates of the class means.
        unit: 1 / (s v).
        offset: c.
        left_out: (Q,) float32, distances of training images to classes that were fitted without
            them, in order.
        judged: how many images these stand for.
    """

    middle: Tensor
    axes: Tensor
    whitening: Tensor
    shares: Tensor
    rest: float
    means: Tensor
    unit: float
    offset: float
    left_out: Tensor
    judged: int

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to coordinates (K, R) float64."""
        return self._along(_centred(rows, self.middle)) @ self.whitening.double().T

    def distances(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to distances (K,) float64, 0 or more."""
        centred = _centred(rows, self.middle)
        along = self._along(centred)
        across = (centred.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0)
        coordinates = along @ self.whitening.double().T
        to_classes = torch.cdist(coordinates, self.means.double()).min(dim=1).values.square()
        to_all = along.square() @ self.shares.double()
        difference = to_classes - to_all + self.rest * across
        return (difference * self.unit + self.offset).clamp(min=0).sqrt()

    def _along(self, centred: Tensor) -> Tensor:
        along: Tensor = centred @ self.axes.double()
        return along

    def limit(self, false_rejection: float) -> float | None:
        """Return the distance over which a share of images like the training images lies.

        It is the ceil((n + 1) (1 - share))-th smallest of n distances, as for sets of labels
        (`coverage.py`).

        Args:
            false_rejection: the share, above 0 and below 1.

        Returns:
            the distance; None where there are too few training images to tell.
        """
        rank = math.ceil(round((self.judged + 1) * (1 - false_rejection), 9))
        if rank > self.judged:
            return None
        place = 0.0 if self.judged == 1 else (rank - 1) / (self.judged - 1)
        return float(self.left_out[math.ceil(round(place * (len(self.left_out) - 1), 9))])


class FittedSpace(NamedTuple):
    """A space, and the distances of the images that it was fitted on.

    Attributes:
        space: the space.
        rows: (K,) int64, which rows could be left out.
        distances: (K,) float64, of these, each to classes that were fitted without its group.
    """

    space: ClassSpace
    rows: Tensor
    distances: Tensor


def fit_class_space(labelled: LabelledRows) -> FittedSpace:
    """Fit a space on training images; on a sample of them where they are very many.

    Args:
        labelled: rows of images as they are, of two classes or more.
    """
    rows = sampled_rows(labelled)
    some = labelled.subset(rows)
    classes = LabelledRows(
        RowSelection.of(_inputs(some.features.all_rows[some.features.numbers])),
        some.targets,
        some.classes,
        groups=some.groups,
    )
    one_class = dataclasses.replace(classes, targets=torch.zeros_like(classes.targets), classes=1)
    within, total = DiscriminantAnalysis(classes), DiscriminantAnalysis(one_class)
    space = _space(within, total)
    to_classes, to_all = (
        each.distances_left_out(STRENGTH, each.coordinates()) for each in (within, total)
    )
    squares = to_classes.min(dim=1).values - to_all[:, 0] + space.offset
    is_left_out = ~squares.isnan()
    distances = squares[is_left_out].clamp(min=0).sqrt()
    space = dataclasses.replace(
        space, left_out=_spread(distances.sort().values), judged=len(distances)
    )
    return FittedSpace(space, rows[is_left_out], distances)


def _space(within: DiscriminantAnalysis, total: DiscriminantAnalysis) -> ClassSpace:
    """Return the space; nothing is known of its limit yet."""
    assert isinstance(total.covariance, Covariance)
    variance, total_variance = within.covariance.variance, total.covariance.variance
    values, axes = total.covariance.principal(AXES)
    size, count = axes.shape
    identity = torch.eye(count, dtype=torch.float64)
    # Along the axes: S0 is `total`, S is `own`, and their difference comes from the class means.
    means = within.classes.means @ axes
    shares = within.classes.counts / within.classes.counts.sum()
    between = (means.T * shares) @ means
    own = torch.diag(values) - between
    shrunk = (1 - STRENGTH) * own + STRENGTH * variance * identity
    shrunk_total = (1 - STRENGTH) * values + STRENGTH * total_variance
    across = [
        _inverse_across(variance, own, size),
        _inverse_across(total_variance, torch.diag(values), size),
    ]
    unit = STRENGTH * variance
    root = torch.linalg.cholesky(shrunk)
    whitening = torch.linalg.solve_triangular(root, identity * math.sqrt(unit), upper=False)
    # It must not be singular where all class means are the same.
    gap = STRENGTH * max(total_variance - variance, NEGLIGIBLE)
    apart = (1 - STRENGTH) * between + gap * identity
    lowest = (means * torch.linalg.solve(apart, means.T).T).sum(dim=1).max()
    return ClassSpace(
        middle=total.centre.half(),
        axes=axes.half(),
        whitening=whitening.half(),
        shares=(unit / shrunk_total).half(),
        rest=unit * (across[0] - across[1]),
        means=(means @ whitening.T).half(),
        unit=1 / unit,
        offset=float(lowest),
        left_out=torch.empty(0),
        judged=0,
    )


def _inverse_across(variance: float, along: Tensor, size: int) -> float:
    """Return the inverse of a shrunk covariance across the axes, where it is taken as one number.

    Args:
        variance: mean eigenvalue of the covariance.
        along: (R, R), the covariance along the axes.
        size: D.
    """
    left = max(size * variance - float(along.trace()), 0) / max(size - len(along), 1)
    return 1 / ((1 - STRENGTH) * left + STRENGTH * variance)


def _spread(ordered: Tensor) -> Tensor:
    """Return values of some N in order, spread evenly over their ranks, as float32."""
    count = min(len(ordered), MOST_DISTANCES)
    places = torch.linspace(0, len(ordered) - 1, count, dtype=torch.float64)
    return ordered[places.ceil().long()].float()


def _centred(rows: Tensor, middle: Tensor) -> Tensor:
    return _inputs(rows).double() - middle.double()


def _inputs(rows: Tensor) -> Tensor:
    """Return the square roots (K, D) float32 of the layer's numbers in rows (K, 4096)."""
    return rows[:, COLUMNS[LAYER]].float().clamp(min=0).sqrt()
