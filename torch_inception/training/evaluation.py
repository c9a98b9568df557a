"""What is told of a trained head: on the screen, in metrics.json and in predictions.csv."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_inception.config import TrainConfig
from torch_inception.features.cached_pass import PassResult
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows, all_logits
from torch_inception.heads.metrics import confusion_matrix, per_class, summary, wilson_interval
from torch_inception.system.escape import columns, padded, printable
from torch_inception.training.examples import Examples

HistoryRow = tuple[str, float | None, float | None, float | None, float | None]
"""Setting; accuracy and cross entropy of the training images, and of the validation images."""

MISCLASSIFIED_SHOWN = 10
"""Misclassified images that a run lists on the screen at most."""


class History:
    """The course of training: one row per strength or step.

    Args:
        train: rows that the head is fitted on.
        validation: rows that choose it.
    """

    HEADER = (
        "setting",
        "train_accuracy",
        "train_cross_entropy",
        "validation_accuracy",
        "validation_cross_entropy",
    )

    def __init__(self, train: LabelledRows, validation: LabelledRows) -> None:
        self._parts = (train, validation)
        self.rows: list[HistoryRow] = []

    def add(self, entries: Sequence[tuple[str, Head]]) -> None:
        """Record how good heads are, each under its setting."""
        heads = [head for _, head in entries]
        results = [evaluate(heads, labelled) for labelled in self._parts]
        for (setting, _), *found in zip(entries, *results, strict=True):
            train, validation = ((each["accuracy"], each["cross_entropy"]) for each in found)
            self.rows.append((setting, *train, *validation))

    def table(self, fitted: FittedHead) -> list[str]:
        """Return the rows as lines, aligned, with the chosen one marked, and why it was chosen."""
        by_folds = fitted.chosen_by == "folds"
        kind = fitted.setting.partition(" ")[0]
        lines = [
            f"{'':12}{'train':^18}  {'validation':^18}{'left out' if by_folds else '':>10}",
            f"{kind:>10}" + f"{'accuracy':>10}{'log loss':>10}" * 2
            + f"{'log loss' if by_folds else '':>10}",
        ]  # fmt: skip
        for setting, *values in self.rows:
            shares = [percent(values[0]), number(values[1]), percent(values[2]), number(values[3])]
            cells = [setting.partition(" ")[2], *shares]
            if by_folds:
                cells.append(number(fitted.losses.get(setting)))
            shown = "".join(f"{cell:>10}" for cell in cells)
            lines.append(f"*{shown[1:]}" if setting == fitted.setting else shown)
        return [*(line.rstrip() for line in lines), f"* {_why(fitted)}"]


def _why(fitted: FittedHead) -> str:
    """Say why a setting was chosen."""
    if not fitted.losses:
        return f"chosen: {fitted.setting}; there are no images to compare settings on"
    where = {
        "validation": "on the validation images",
        "folds": "on training and validation images left out in turn, in five folds",
    }[fitted.chosen_by]
    return f"chosen: {fitted.setting}, the lowest log loss {where}"


def evaluate(heads: Sequence[Head], labelled: LabelledRows) -> list[dict[str, Any]]:
    """Return `accuracy`, `cross_entropy` and `n` of each head; the rows are read once."""
    sums = [[0.0, 0.0] for _ in heads]
    for features, targets in labelled.portions():
        for head, total in zip(heads, sums, strict=True):
            result = summary(head.logits(features), targets)
            if result["n"]:
                total[0] += result["accuracy"] * result["n"]
                total[1] += result["cross_entropy"] * result["n"]
    count = len(labelled)
    return [
        {
            "accuracy": round(right) / count if count else None,
            "cross_entropy": loss / count if count else None,
            "n": count,
        }
        for right, loss in sums
    ]


def evaluate_test(head: Head, test: LabelledRows, labels: Sequence[str]) -> dict[str, Any]:
    """Return what `evaluate` gives, with each class by itself and the confusion matrix."""
    predicted = predictions(head, test)[0]
    confusion = confusion_matrix(predicted, test.targets, classes=len(labels))
    (result,) = evaluate([head], test)
    right = sum(confusion[i][i] for i in range(len(labels)))
    interval = list(wilson_interval(right, len(test))) if len(test) else None
    return {
        **result,
        "wilson_interval_95": interval,
        "per_class": per_class(confusion, labels),
        "confusion": confusion,
    }


def predictions(head: Head, labelled: LabelledRows) -> tuple[Tensor, Tensor]:
    """Return the best class (N,) of each row, and its probability (N,)."""
    (logits,) = all_logits([head], labelled)
    best = torch.softmax(logits, dim=1).max(dim=1)
    return best.indices, best.values


def final_report(metrics: Mapping[str, Any], wrong: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the lines that a run ends with.

    Args:
        metrics: what `make_metrics` gave.
        wrong: (path, label, prediction) of the misclassified test images.
    """
    test = metrics["test"]
    line = f"Final test accuracy = {percent(test['accuracy'])} (N={test['n']})"
    if test["wilson_interval_95"] is not None:
        low, high = test["wilson_interval_95"]
        line += f", 95% interval {percent(low)} to {percent(high)} (Wilson)"
    if not wrong:
        return [line]
    rows = [[printable(name) for name in names] for names in wrong[:MISCLASSIFIED_SHOWN]]
    width = max(columns(path) for path, *_ in rows)
    listed = [f"  {padded(path, width)}  {label}, taken for {other}" for path, label, other in rows]
    if len(wrong) > len(rows):
        listed.append(f"  and {len(wrong) - len(rows)} more; all are in predictions.csv")
    return [line, "Misclassified test images:", *listed]


def make_metrics(
    config: TrainConfig,
    examples: Examples,
    pass_result: PassResult,
    fitted: FittedHead,
    *,
    network: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Collect what metrics.json holds; plain values only.

    Args:
        config: as resolved.
        examples: the images and their parts.
        pass_result: how their features were come by.
        fitted: the head.
        network: what is to be said of the network.
        seconds: by phase.
    """
    test = evaluate_test(fitted.head, examples.labelled_rows("test"), examples.labels)
    speed = pass_result.computed / pass_result.seconds if pass_result.computed else None
    return {
        "classes": examples.labels,
        "counts": examples.counts(),
        "train": evaluate([fitted.head], examples.labelled_rows("train"))[0],
        "validation": evaluate([fitted.head], examples.labelled_rows("validation"))[0],
        "confusion": test.pop("confusion"),
        "test": test,
        "head": {
            "solver": config.solver,
            "setting": fitted.setting,
            "temperature": fitted.temperature,
        },
        "network": dict(network),
        "features": {
            "computed": pass_result.computed,
            "reused": pass_result.reused,
            "skipped": len(pass_result.skipped),
            "images_per_second": speed,
        },
        "seconds": dict(seconds),
        "seed": config.seed,
    }


def misclassified(tested: Sequence[tuple[str, str, str, float]]) -> list[tuple[str, str, str]]:
    """Return (path, label, prediction) of those of `predict_test_part` that are wrong."""
    return [
        (path, label, prediction) for path, label, prediction, _ in tested if label != prediction
    ]


def predict_test_part(head: Head, examples: Examples) -> list[tuple[str, str, str, float]]:
    """Return (path, label, prediction, score) of every test image."""
    numbers, scores = predictions(head, examples.labelled_rows("test"))
    return [
        (image.path, image.label, examples.labels[int(best)], float(score))
        for image, best, score in zip(examples.part_images("test"), numbers, scores, strict=True)
    ]


def percent(share: float | None) -> str:
    """Write a share (0 to 1) as `93.3%`."""
    return "n/a" if share is None else f"{100 * share:.1f}%"


def number(value: float | None) -> str:
    """Write a number with four decimals, or a large one in as little room."""
    if value is None:
        return "n/a"
    return f"{value:.4f}" if value < 1000 else f"{value:.2g}"
