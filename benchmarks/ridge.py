"""Ridge regression on one-hot targets: the solver that was compared and not kept.

Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", section 4.2 (regression of
an indicator matrix) with the penalty of section 3.4.1. The fitted values come near probabilities;
a temperature (`heads/temperature.py`) turns them into logits.
"""

from collections.abc import Iterator, Sequence

from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance

STRENGTHS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
"""Shares of the identity in the shrunk covariance that are tried."""


def fit_path(labelled: LabelledRows, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength; the covariance is computed once.

    With X and Y centred, weight = Y'X / N ((1 - s) X'X / N + s v I)^-1 (1 - s), where v is the mean
    variance of a feature: the penalty in units of v is s / (1 - s).

    Args:
        labelled: training rows.
        strengths: each s in (0, 1).
    """
    weights = labelled.row_weights()[:, None]
    features, wanted = labelled.matrix().double(), labelled.one_hot()
    middle, shares = (weights * features).mean(dim=0), (weights * wanted).mean(dim=0)
    rows = (features - middle) * weights.sqrt()
    right = rows.T @ ((wanted - shares) * weights.sqrt()) / len(labelled)
    covariance = Covariance([rows], count=len(labelled), size=labelled.size)
    for strength in strengths:
        weight = (1 - strength) * covariance.solve(strength, right).T
        yield labelled.inputs.head(weight, shares - weight @ middle)
