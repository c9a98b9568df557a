"""Fit the space that tells how far an image is from the classes: see `class_space.py`."""

import dataclasses
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.class_space import ClassSpace, ImageSpace, space_inputs
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import NEGLIGIBLE, Covariance
from torch_inception.heads.solvers.discriminant import DiscriminantAnalysis
from torch_inception.heads.solvers.selection import sampled_rows

STRENGTH = 0.5
"""Share of the identity in the covariances, s. Fixed: the strength that is best for the head gives
distances that differ much between data sets."""

AXES = 480
"""Principal axes that are stored, at most: 3.4 MB, and 1.9 kB per class. With so many, no more than
0.001 of the area under the ROC curve is lost; docs/results.md."""

LEAST_SPREAD = 1e-3
"""Mean variance within classes at least, as a share of that of all images. Where the images of each
class are all but equal, rounding would count as distance."""

MOST_DISTANCES = 1001
"""Distances of training images that are stored, spread evenly over their ranks, at most."""


Space_co = TypeVar("Space_co", bound=ImageSpace, covariant=True)


class FittedSpace(NamedTuple, Generic[Space_co]):
    """A space, and the distances of the images that it was fitted on.

    Attributes:
        space: the space.
        rows: (K,) int64, which rows could be left out.
        distances: (K,) float64, of these, each by a space that was fitted without its group.
    """

    space: Space_co
    rows: Tensor
    distances: Tensor


def fit_class_space(labelled: LabelledRows) -> FittedSpace[ClassSpace]:
    """Fit a space on training images; on a sample of them where they are very many.

    Args:
        labelled: rows of images as they are, of two classes or more.
    """
    rows = sampled_rows(labelled)
    some = labelled.subset(rows)
    classes = LabelledRows(
        RowSelection.of(space_inputs(some.features.all_rows[some.features.numbers])),
        some.targets,
        some.classes,
        groups=some.groups,
    )
    one_class = dataclasses.replace(classes, targets=torch.zeros_like(classes.targets), classes=1)
    within, total = DiscriminantAnalysis(classes), DiscriminantAnalysis(one_class)
    least = LEAST_SPREAD * total.covariance.variance
    within.covariance.variance = max(within.covariance.variance, least)
    space = _space(within, total)
    to_classes, to_all = (
        each.distances_left_out(STRENGTH, each.coordinates()) for each in (within, total)
    )
    squares = to_classes.min(dim=1).values - to_all[:, 0] + space.offset
    is_left_out = ~squares.isnan()
    distances = squares[is_left_out].clamp(min=0).sqrt()
    space = dataclasses.replace(
        space, left_out=spread_over_ranks(distances.sort().values), judged=len(distances)
    )
    return FittedSpace(space, rows[is_left_out], distances)


def _space(within: DiscriminantAnalysis, total: DiscriminantAnalysis) -> ClassSpace:
    """Return the space; nothing is known of its thresholds yet."""
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
    root = torch.linalg.cholesky(shrunk)
    whitening = torch.linalg.solve_triangular(root, identity, upper=False)
    # It must not be singular where all class means are the same.
    gap = STRENGTH * max(total_variance - variance, NEGLIGIBLE)
    apart = (1 - STRENGTH) * between + gap * identity
    lowest = (means * torch.linalg.solve(apart, means.T).T).sum(dim=1).max()
    return ClassSpace(
        middle=total.centre.float(),
        axes=axes.float(),
        whitening=whitening.float(),
        shares=(1 / shrunk_total).float(),
        rest=across[0] - across[1],
        means=(means @ whitening.T).float(),
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


def spread_over_ranks(ordered: Tensor) -> Tensor:
    """Return values of some N in order, spread evenly over their ranks, as float32."""
    count = min(len(ordered), MOST_DISTANCES)
    places = torch.linspace(0, len(ordered) - 1, count, dtype=torch.float64)
    return ordered[places.ceil().long()].float()
