"""Shrinkage linear discriminant analysis: a head in closed form.

Classes are taken to be normal with one covariance in common, shrunk towards a multiple of the
identity as in Friedman 1989, "Regularized Discriminant Analysis" (JASA 84), equation 18. The
discriminants are those of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
section 4.3, equation 4.10. A class mean of few images seems farther from the middle than it is,
by trace(inverse covariance * covariance) / n in squared distance; that bias is taken off, as in
Moran and Murphy 1979, "A Closer Look at Two Alternative Methods of Statistical Discrimination"
(Applied Statistics 28).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance

STRENGTHS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of the identity in the covariance that are tried."""

ABSENT_CLASS_BIAS = -100.0
"""How far below the least likely class one without rows is put."""


def fit_path(labelled: LabelledRows, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength; the covariance is computed once.

    Args:
        labelled: training rows.
        strengths: shares of the identity in the shrunk covariance, each in (0, 1].
    """
    counts = labelled.counts()
    totals = counts * labelled.weight_of_class()
    means = _class_means(labelled)
    covariance = Covariance(
        _deviations(labelled, means.float()), count=len(labelled), size=labelled.size
    )
    # A common shift of all means changes no decision, and small numbers lose less.
    middle = totals @ means / totals.sum()
    shifted = means - middle
    for strength in strengths:
        weight = covariance.solve(strength, shifted.T).T
        surplus = covariance.effective_size(strength) / counts.clamp(min=1).double()
        distances = (weight * shifted).sum(dim=1) - surplus
        bias = torch.log(totals / totals.sum()) - 0.5 * distances
        absent = totals == 0
        bias[absent] = bias[~absent].min() + ABSENT_CLASS_BIAS
        yield Head(weight.float(), (bias - weight @ middle).float())


def _class_means(labelled: LabelledRows) -> Tensor:
    """Return the mean row (C, D) float64 of each class; 0 for one without rows."""
    sums = torch.zeros(labelled.classes, labelled.size, dtype=torch.float64)
    for features, targets in labelled.portions():
        sums.index_add_(0, targets, features.double())
    return sums / labelled.counts().clamp(min=1)[:, None]


def _deviations(labelled: LabelledRows, means: Tensor) -> Iterator[Tensor]:
    """Yield portions of the rows less the means of their classes, times the roots of weights."""
    roots = labelled.weight_of_class().sqrt().float()
    for features, targets in labelled.portions():
        yield features.sub_(means[targets]).mul_(roots[targets, None])
