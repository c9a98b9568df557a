"""Ridge regression on one-hot targets: the solver that was compared and not kept."""

from collections.abc import Iterator, Sequence

import torch

from torch_inception.head import Head
from torch_inception.solvers.problem import Problem

STRENGTHS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Multiples of the features' mean variance that are added to the covariance's diagonal."""


def fit_path(problem: Problem, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength: W = (X'X / N + strength * variance * I)^-1 X'Y / N."""
    features = problem.features.double()
    middle = features.mean(dim=0)
    rows = features - middle
    targets = problem.one_hot().double()
    shares = targets.mean(dim=0)
    gram = rows.T @ rows / len(problem)
    right = rows.T @ (targets - shares) / len(problem)
    variance = float(gram.diagonal().mean())
    for strength in strengths:
        shrunk = gram.clone()
        shrunk.diagonal().add_(strength * variance)
        weight = torch.cholesky_solve(right, torch.linalg.cholesky(shrunk)).T
        yield Head(weight.float(), (shares - weight @ middle).float())
