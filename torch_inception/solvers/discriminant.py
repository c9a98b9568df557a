"""Shrinkage linear discriminant analysis: a head in closed form.

Classes are taken to be normal with one covariance in common, shrunk towards a multiple of the
identity as in Friedman 1989, "Regularized Discriminant Analysis" (JASA 84), equation 18. The
discriminants are those of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
section 4.3, equation 4.10. A class mean of few pictures seems farther from the middle than it is,
by trace(inverse covariance * covariance) / n in squared distance; that bias is taken off, as in
Moran and Murphy 1979, "A Closer Look at Two Alternative Methods of Statistical Discrimination"
(Applied Statistics 28).
"""

from collections.abc import Iterator, Sequence

import torch

from torch_inception.head import Head
from torch_inception.solvers.covariance import Covariance
from torch_inception.solvers.problem import Problem

STRENGTHS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of the identity in the covariance that are tried."""

ABSENT_CLASS_BIAS = -100.0
"""How far below the least likely class one without rows is put."""


def fit_path(problem: Problem, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength; the covariance is computed once.

    Args:
        problem: training rows.
        strengths: shares of the identity in the shrunk covariance, each in (0, 1].
    """
    weights = problem.row_weights()[:, None]
    wanted = problem.one_hot()
    weighted = wanted * weights
    counts = wanted.sum(dim=0).clamp(min=1)
    totals = weighted.sum(dim=0)
    means = (weighted.T @ problem.features) / totals.clamp(min=1e-12)[:, None]
    deviations = (problem.features - means[problem.targets]) * weights.sqrt()
    covariance = Covariance(deviations.double())
    # A common shift of all means changes no decision, and small numbers lose less.
    middle = (totals @ means / totals.sum()).double()
    shifted = means.double() - middle
    for strength in strengths:
        weight = covariance.solve(strength, shifted.T).T
        distances = (weight * shifted).sum(dim=1) - covariance.effective_size(strength) / counts
        bias = torch.log(totals / totals.sum()).double() - 0.5 * distances
        absent = totals == 0
        bias[absent] = bias[~absent].min() + ABSENT_CLASS_BIAS
        yield Head(weight.float(), (bias - weight @ middle).float())
