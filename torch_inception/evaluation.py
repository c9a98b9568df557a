"""What is told of a trained head: on the screen, in metrics.json and in predictions.csv."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_inception.config import TrainConfig
from torch_inception.examples import Examples
from torch_inception.features import FeatureTable
from torch_inception.head import Head
from torch_inception.metrics import confusion_matrix, per_class, summary, wilson_interval
from torch_inception.solvers import FittedHead, Problem
from torch_inception.weights import Weights


class History:
    """The course of training: one row a strength or step.

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

    def __init__(self, train: Problem, validation: Problem) -> None:
        self._problems = (train, validation)
        self.rows: list[tuple[object, ...]] = []

    def add(self, setting: str, head: Head) -> str:
        """Record how good a head is; return it as a line for the screen."""
        row: list[object] = [setting]
        shown: list[str] = []
        for name, problem in zip(("train", "validation"), self._problems, strict=True):
            result = evaluate(head, problem)
            row += [result["accuracy"], result["cross_entropy"]]
            shown.append(
                f"{name} accuracy {percent(result['accuracy'])}, "
                f"cross entropy {number(result['cross_entropy'])}"
            )
        self.rows.append(tuple(row))
        return f"{setting}: {'; '.join(shown)}"


def evaluate(head: Head, problem: Problem) -> dict[str, Any]:
    """Return `accuracy`, `cross_entropy` and `n` of a head on labelled rows."""
    return summary(head.all_logits(problem.features), problem.targets)


def evaluate_test(head: Head, test: Problem, labels: Sequence[str]) -> dict[str, Any]:
    """Return what `evaluate` gives, with each class by itself and the confusion matrix."""
    predicted = predictions(head, test)[0]
    confusion = confusion_matrix(predicted, test.targets, classes=len(labels))
    result = evaluate(head, test)
    right = sum(confusion[i][i] for i in range(len(labels)))
    interval = list(wilson_interval(right, len(test))) if len(test) else None
    return {
        **result,
        "wilson_interval_95": interval,
        "per_class": per_class(confusion, labels),
        "confusion": confusion,
    }


def predictions(head: Head, problem: Problem) -> tuple[Tensor, Tensor]:
    """Return the best class (N,) of each row, and its probability (N,)."""
    best = torch.softmax(head.all_logits(problem.features), dim=1).max(dim=1)
    return best.indices, best.values


def final_report(metrics: Mapping[str, Any], wrong: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the lines that a run ends with.

    Args:
        metrics: what `make_metrics` gave.
        wrong: (path, label, prediction) of the misclassified test pictures.
    """
    test = metrics["test"]
    line = f"Final test accuracy = {percent(test['accuracy'])} (N={test['n']})"
    if test["wilson_interval_95"] is not None:
        low, high = test["wilson_interval_95"]
        line += f", 95% interval {percent(low)} to {percent(high)} (Wilson)"
    if not wrong:
        return [line]
    listed = [f"  {path}: {label}, taken for {prediction}" for path, label, prediction in wrong]
    return [line, "Misclassified test pictures:", *listed]


def make_metrics(
    config: TrainConfig,
    examples: Examples,
    table: FeatureTable,
    fitted: FittedHead,
    weights: Weights,
    *,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Collect what metrics.json holds; plain values only."""
    test = evaluate_test(fitted.head, examples.problem("test"), examples.labels)
    speed = table.computed / table.seconds if table.computed else None
    return {
        "classes": examples.labels,
        "counts": examples.counts(),
        "train": evaluate(fitted.head, examples.problem("train")),
        "validation": evaluate(fitted.head, examples.problem("validation")),
        "confusion": test.pop("confusion"),
        "test": test,
        "head": {
            "solver": config.solver,
            "setting": fitted.setting,
            "temperature": fitted.temperature,
        },
        "backbone": {
            **weights.record.as_dict(),
            "refused": [{"source": s, "reason": reason} for s, reason in weights.refused],
        },
        "features": {
            "computed": table.computed,
            "reused": table.reused,
            "skipped": len(table.skipped),
            "images_per_second": speed,
        },
        "seconds": dict(seconds),
        "seed": config.seed,
    }


def misclassified(tested: Sequence[tuple[str, str, str, float]]) -> list[tuple[str, str, str]]:
    """Return (path, label, prediction) of those of `test_predictions` that are wrong."""
    return [
        (path, label, prediction) for path, label, prediction, _ in tested if label != prediction
    ]


def test_predictions(head: Head, examples: Examples) -> list[tuple[str, str, str, float]]:
    """Return (path, label, prediction, score) of every test picture."""
    numbers, scores = predictions(head, examples.problem("test"))
    return [
        (sample.path, sample.label, examples.labels[int(best)], float(score))
        for sample, best, score in zip(examples.part_samples("test"), numbers, scores, strict=True)
    ]


def percent(share: float | None) -> str:
    """Write a share (0 to 1) as `93.3%`."""
    return "n/a" if share is None else f"{100 * share:.1f}%"


def number(value: float | None) -> str:
    """Write a number with four decimals."""
    return "n/a" if value is None else f"{value:.4f}"
