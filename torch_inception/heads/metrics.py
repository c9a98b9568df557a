"""How good a head is: accuracy, cross entropy, each class by itself, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from torch_inception.answers.shares import accuracy_in_words, wilson_interval

MOST_SCORES = 2**24
"""Probabilities, of images times classes, that are kept and written: 64 MB, and a table of some
150 MB."""


class Answers(NamedTuple):
    """What a head makes of N rows whose classes are known.

    Attributes:
        targets: (N,) int64, the class of each.
        best: (N,) int64, the class that it gives the highest probability.
        score: (N,) float64, that probability.
        loss: (N,) float64, minus the logarithm of the probability of the row's own class, in nats.
    """

    targets: Tensor
    best: Tensor
    score: Tensor
    loss: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def join(cls, parts: Sequence["Answers"]) -> "Answers":
        """Return the answers to all rows."""
        return cls(*(torch.cat(each) for each in zip(*map(tuple, parts), strict=True)))

    def subset(self, chosen: Tensor) -> "Answers":
        """Return the answers that a boolean mask (N,), or positions (K,) int64, choose."""
        return Answers(*(each[chosen] for each in tuple(self)))


def answers_of(logits: Tensor, targets: Tensor) -> Answers:
    """Return the answers of a head that gives logits (N, C) to rows of classes (N,)."""
    logarithms = torch.log_softmax(logits.double(), dim=1)
    best = logarithms.max(dim=1)
    loss = functional.nll_loss(logarithms, targets, reduction="none")
    return Answers(targets, best.indices, best.values.exp(), loss)


def keeps_scores(images: int, classes: int) -> bool:
    """Tell whether the probability of every class is kept for so many images."""
    return images * classes <= MOST_SCORES


def scores_of(logits: Tensor) -> Tensor:
    """Map logits (N, C) to the probability of each class, (N, C) float32."""
    return torch.softmax(logits.double(), dim=1).float()


def summary(answers: Answers) -> dict[str, Any]:
    """Return `accuracy` (0 to 1), `cross_entropy` (nats per image) and `n`; None where n is 0."""
    count = len(answers)
    if count == 0:
        return {"accuracy": None, "cross_entropy": None, "n": 0}
    right = int((answers.best == answers.targets).sum())
    return {"accuracy": right / count, "cross_entropy": float(answers.loss.mean()), "n": count}


def full_report(answers: Answers, labels: Sequence[str]) -> dict[str, Any]:
    """Return what `summary` gives, with intervals, each class by itself and the confusion matrix.

    `balanced_accuracy` is the mean recall of the classes that have images, `macro_f1` the mean F1
    of the classes that have images or were answered.
    """
    confusion = confusion_matrix(answers.best, answers.targets, classes=len(labels))
    classes = per_class(confusion, labels)
    right = sum(confusion[i][i] for i in range(len(labels)))
    return {
        **summary(answers),
        "wilson_interval_95": _interval(right, len(answers)),
        "balanced_accuracy": mean_of_known([each["recall"] for each in classes.values()]),
        "macro_f1": mean_of_known([each["f1"] for each in classes.values()]),
        "per_class": classes,
        "confusion": confusion,
    }


def summary_in_words(report: Mapping[str, Any]) -> str:
    """Write the accuracy that `summary` gave as `accuracy_in_words` does."""
    count = report["n"]
    return accuracy_in_words(round(report["accuracy"] * count) if count else 0, count)


def confusion_matrix(predicted: Tensor, targets: Tensor, *, classes: int) -> list[list[int]]:
    """Count images: row i, column j has those of class i that were taken for class j."""
    cells = torch.bincount(targets * classes + predicted, minlength=classes * classes)
    return [[int(cell) for cell in row] for row in cells.view(classes, classes)]


def per_class(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:
    """Return precision, recall and F1 (0 to 1; None where undefined) and n of each class.

    F1 is 2 right / (n + claimed). Precision and recall have their Wilson intervals. F1 has that of
    the share J of the right ones among all that are of the class or were taken for it, since F1 is
    2 J / (1 + J) (Lam, Gopal and Qian 2023, "Confidence Intervals for the F1 Score: A Comparison of
    Four Methods", arXiv:2309.14621, the indirect Wilson method).
    """
    result: dict[str, Any] = {}
    for number, label in enumerate(labels):
        right = confusion[number][number]
        actual = sum(confusion[number])
        claimed = sum(row[number] for row in confusion)
        result[label] = {
            "precision": right / claimed if claimed else None,
            "precision_interval_95": _interval(right, claimed),
            "recall": right / actual if actual else None,
            "recall_interval_95": _interval(right, actual),
            "f1": 2 * right / (actual + claimed) if actual + claimed else None,
            "f1_interval_95": _f1_interval(right, actual + claimed - right),
            "n": actual,
        }
    return result


def _interval(right: int, count: int) -> list[float] | None:
    return list(wilson_interval(right, count)) if count else None


def _f1_interval(right: int, union: int) -> list[float] | None:
    interval = _interval(right, union)
    return interval and [2 * share / (1 + share) for share in interval]


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are known; None where none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
