"""Ridge regression on one-hot targets: the solver that was compared and not kept."""

from collections.abc import Iterator, Sequence

from torch_inception.head import Head
from torch_inception.solvers.covariance import Covariance
from torch_inception.solvers.problem import Problem

STRENGTHS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001)
"""Shares of the identity that are tried: s / (1 - s) is the penalty in units of the variance."""


def fit_path(problem: Problem, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength: W = (S + penalty * I)^-1 X'Y / N, X and Y centred."""
    middle = problem.features.double().mean(dim=0)
    rows = problem.features.double() - middle
    targets = problem.one_hot().double()
    shares = targets.mean(dim=0)
    right = rows.T @ (targets - shares) / len(problem)
    covariance = Covariance(rows)
    for strength in strengths:
        weight = (1 - strength) * covariance.solve(strength, right).T
        yield Head(weight.float(), (shares - weight @ middle).float())
