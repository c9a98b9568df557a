"""What a run on images with several labels says on the screen."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch_inception.answers.accuracy import FEW_TESTED
from torch_inception.answers.shares import percent
from torch_inception.config import TrainConfig
from torch_inception.heads.fit_independent import FittedClasses
from torch_inception.system.escape import columns, listed, padded, printable
from torch_inception.training.report_lines import (
    LABELS_SHOWN,
    compared_layers,
    number,
)

LOW_RECALL = 0.1
"""Recall under which a class is warned of, where a precision was asked for."""

CLASSES_SHOWN = 20
"""Classes in a table at most."""


def head_table(fitted: FittedClasses, labels: Sequence[str], config: TrainConfig) -> list[str]:
    """Return what was chosen for each class, a line per class, and how.

    Args:
        fitted: the head.
        labels: names of its classes.
        config: the precision that was asked for, and thresholds that were set.
    """
    shown = [printable(label) for label in labels[:CLASSES_SHOWN]]
    wide = max(map(columns, ["class", *shown]))
    lines = [
        "head: ridge regression, each class by itself",
        f"  {padded('class', wide)}  {'strength':>8}  {'log loss':>8}  {'threshold':>9}",
    ]
    for place, label in enumerate(shown):
        values = (fitted.strengths[place], fitted.losses[place], fitted.thresholds[place])
        strength, loss, threshold = map(float, values)
        lines.append(
            f"  {padded(label, wide)}  {strength:>8g}  {number(loss):>8}  {threshold:>9.4f}"
        )
    if len(labels) > len(shown):
        lines.append(f"  and {len(labels) - len(shown):,} more; all are in history.csv")
    of_sample = "" if fitted.sample is None else f" (of {fitted.sample:,} of them)"
    precision = config.target_precision
    aim = f"the lowest with a precision of {percent(precision)}" if precision else "the best F1"
    own = ", but for those that --threshold sets" if config.threshold else ""
    lines.append(
        f"* chosen on training images, each left out in turn{of_sample}: strengths by the lowest "
        f"log loss, thresholds by {aim}{own}"
    )
    if fitted.layer_losses:
        layers = fitted.head.layers
        lines.append(compared_layers(fitted.layer_losses, layers, loss="mean log loss"))
    return lines


def hardly_named(metrics: Mapping[str, Any], own: Collection[str]) -> list[str]:
    """Return a warning of classes that lose nearly all images to the precision that is asked for.

    Args:
        metrics: content of metrics.json.
        own: classes whose thresholds the user has set.

    Returns:
        a line; none where there are no such classes, or no precision was asked for.
    """
    precision = metrics["head"]["target_precision"]
    if precision is None:
        return []
    missed = metrics["head"]["missed_precision"]
    recalls = {
        label: each["recall"] for label, each in metrics["leave_one_out"]["per_class"].items()
    }
    low = [
        f"{printable(label)} ({percent(recall)})"
        for label, recall in recalls.items()
        if recall is not None and recall < LOW_RECALL and label not in (*missed, *own)
    ]
    told = []
    if missed:
        names = listed([printable(label) for label in missed], LABELS_SHOWN)
        told.append(f"no threshold reaches it for {names}, and no image is named so")
    if low:
        told.append(f"recall is low for {listed(low, LABELS_SHOWN)}")
    if not told:
        return []
    return [
        f"WARNING: a precision of {percent(precision)} is high for these images: "
        f"{'; '.join(told)}. Ask for less, or add images."
    ]


def several_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Return the lines that a run ends with.

    Args:
        metrics: content of metrics.json.
    """
    test, left_out = metrics["test"], metrics["leave_one_out"]
    tested = part_lines("Final test", test) if test["n"] else []
    held_out = part_lines("Leave-one-out", left_out) if left_out["n"] else []
    return [*tested, *held_out] if test["n"] >= FEW_TESTED else [*held_out, *tested]


def part_lines(name: str, report: Mapping[str, Any]) -> list[str]:
    """Return the figures of a part that has images.

    Args:
        name: of the part.
        report: what `several_report` gave.
    """
    lines = [
        f"{name}: mean average precision = {number(report['mean_average_precision'])} "
        f"(N={report['n']}), F1 = {number(report['micro_f1'])} over all labels, "
        f"{number(report['macro_f1'])} as the mean of the classes",
        f"  all labels of an image right: {_exact(report)}",
    ]
    classes = report["per_class"]
    found = sorted(
        (each["average_precision"], label) for label, each in classes.items() if each["n"]
    )
    worst = [f"{printable(label)} {number(value)}" for value, label in found[:3] if value < 1]
    if worst and len(found) > 1:
        lines.append(f"  lowest average precision: {', '.join(worst)}")
    absent = [printable(label) for label, each in classes.items() if not each["n"]]
    if absent:
        lines.append(
            f"  it says little of {listed(absent, LABELS_SHOWN)}: no image of it is among these"
        )
    return lines


def _exact(report: Mapping[str, Any]) -> str:
    if report["exact_match"] is None:
        return "n/a"
    low, high = map(percent, report["exact_match_interval_95"])
    return (
        f"{percent(report['exact_match'])} of {report['exact_match_n']}, 95% interval {low} to "
        f"{high} (Wilson)"
    )
