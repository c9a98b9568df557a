"""Shrinkage linear discriminant analysis: the solver that was compared and not kept.

Classes are taken to be normal with one covariance in common. The covariance within classes is
shrunk towards a multiple of the identity, as in Friedman 1989, "Regularized Discriminant Analysis"
(JASA 84), equation 18; the discriminants are those of Hastie, Tibshirani and Friedman, "The
Elements of Statistical Learning", section 4.3, equation 4.10.
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
    weighted = problem.one_hot() * weights
    totals = weighted.sum(dim=0)
    means = (weighted.T @ problem.features) / totals.clamp(min=1e-12)[:, None]
    deviations = (problem.features - means[problem.targets]) * weights.sqrt()
    covariance = Covariance(deviations.double())
    # A common shift of all means changes no decision, and small numbers lose less.
    middle = (totals @ means / totals.sum()).double()
    shifted = means.double() - middle
    for strength in strengths:
        weight = covariance.solve(strength, shifted.T).T
        bias = torch.log(totals / totals.sum()).double() - 0.5 * (weight * shifted).sum(dim=1)
        absent = totals == 0
        bias[absent] = bias[~absent].min() + ABSENT_CLASS_BIAS
        yield Head(weight.float(), (bias - weight @ middle).float())
