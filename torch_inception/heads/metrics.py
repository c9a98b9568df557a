"""How good a head is: accuracy, cross entropy, each class by itself, and how sure that is."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

NORMAL_QUANTILE_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution, for two-sided 95 % intervals."""


def summary(logits: Tensor, targets: Tensor) -> dict[str, Any]:
    """Return `accuracy` (0 to 1), `cross_entropy` (nats an image) and `n`; None where n is 0."""
    count = len(targets)
    if count == 0:
        return {"accuracy": None, "cross_entropy": None, "n": 0}
    right = int((logits.argmax(dim=1) == targets).sum())
    loss = float(functional.cross_entropy(logits.double(), targets))
    return {"accuracy": right / count, "cross_entropy": loss, "n": count}


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy of `right` out of `count`, count >= 1.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22, page 209.
    """
    z = NORMAL_QUANTILE_95
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half = spread / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def confusion_matrix(predicted: Tensor, targets: Tensor, *, classes: int) -> list[list[int]]:
    """Count images: row i, column j has those of class i that were taken for class j."""
    cells = torch.bincount(targets * classes + predicted, minlength=classes * classes)
    return [[int(cell) for cell in row] for row in cells.view(classes, classes)]


def per_class(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:
    """Return precision, recall (0 to 1; None where undefined) and n of each class."""
    result: dict[str, Any] = {}
    for number, label in enumerate(labels):
        right = confusion[number][number]
        actual = sum(confusion[number])
        claimed = sum(row[number] for row in confusion)
        result[label] = {
            "precision": right / claimed if claimed else None,
            "recall": right / actual if actual else None,
            "n": actual,
        }
    return result
