"""How good a head of independent classes is: each class by itself, and all labels of an image."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from torch_inception.answers.shares import wilson_interval
from torch_inception.heads.curves import precision_recall_curve
from torch_inception.heads.marked_rows import PRESENT, UNKNOWN
from torch_inception.heads.metrics import mean_of_known, per_class


def several_report(
    scores: Tensor, marks: Tensor, thresholds: Tensor, labels: Sequence[str]
) -> dict[str, Any]:
    """Return how good scores are; where a class of an image is unknown, it is not judged.

    `mean_average_precision` and `macro_f1` are means over the classes that have images;
    `micro_f1` is of all labels of all classes together. `exact_match` is the share of images whose
    labels, as far as they are known, are all right and complete. All are None where no image is.

    Args:
        scores: (N, C) float32 or float64, 0 to 1.
        marks: (N, C) int8, as in `MarkedRows`.
        thresholds: (C,) float64; a label is named from this score on.
        labels: C class names.
    """
    named = scores.double() >= thresholds
    classes = {
        label: _class_report(scores[:, number], marks[:, number], named[:, number])
        for number, label in enumerate(labels)
    }
    known = marks != UNKNOWN
    judged = known.any(dim=1)
    right = int((((named == (marks == PRESENT)) | ~known).all(dim=1) & judged).sum())
    count = int(judged.sum())
    return {
        "n": len(scores),
        "mean_average_precision": mean_of_known(
            [each["average_precision"] for each in classes.values()]
        ),
        "micro_f1": _micro_f1(classes),
        "macro_f1": mean_of_known([each["f1"] for each in classes.values() if each["n"]]),
        "exact_match": right / count if count else None,
        "exact_match_interval_95": list(wilson_interval(right, count)) if count else None,
        "exact_match_n": count,
        "per_class": classes,
    }


def _class_report(scores: Tensor, marks: Tensor, named: Tensor) -> dict[str, Any]:
    """Return what `per_class` gives of a class, its average precision, and how many know it."""
    known = marks != UNKNOWN
    present, named = marks[known] == PRESENT, named[known]
    right, actual, claimed = (int(each.sum()) for each in (present & named, present, named))
    absent = int(known.sum()) - actual
    confusion = [[right, actual - right], [claimed - right, absent - (claimed - right)]]
    return {
        "average_precision": average_precision(scores[known], present),
        **per_class(confusion, ["present", "absent"])["present"],
        "known": int(known.sum()),
        "right": right,
        "named": claimed,
    }


def _micro_f1(classes: Mapping[str, Mapping[str, Any]]) -> float | None:
    right, both = (
        sum(sum(each[name] for name in names) for each in classes.values())
        for names in (("right",), ("n", "named"))
    )
    return 2 * right / both if both else None


def average_precision(scores: Tensor, present: Tensor) -> float | None:
    """Return what `precision_recall_curve` calls its area; None where no row has the class.

    Args:
        scores: (N,).
        present: (N,) bool.
    """
    return precision_recall_curve(scores, present).area if present.any() else None
