"""What a run says on the screen of the head that it has fitted."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch_inception.answers.accuracy import FEW_TESTED
from torch_inception.answers.shares import percent
from torch_inception.config import Layers
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.metrics import summary_in_words
from torch_inception.system.escape import columns, listed, padded, printable
from torch_inception.training.evaluation import ImageAnswer, history

MISCLASSIFIED_SHOWN = 10
"""Misclassified images that a run lists on the screen at most."""

WORST_SHOWN = 3
"""Classes with the lowest recall that are named at most."""

LABELS_SHOWN = 10
"""Labels in a line at most."""

IMAGES_A_GROUP = 1.25
"""Mean number of images in a group from which on an interval, which counts images, is told to be
too narrow."""


def history_table(fitted: FittedHead) -> list[str]:
    """Return the settings as lines, aligned, with the chosen one marked, and why it was chosen."""
    kind = fitted.chosen.setting.partition(" ")[0]
    held_out = {"leave-one-out": "left out", "validation": "validation"}[fitted.chosen_by]
    lines = [
        f"{'':12}{'train':^18}  {held_out:^18}",
        f"{kind:>10}" + f"{'accuracy':>10}{'log loss':>10}" * 2,
    ]
    for setting, *values in history(fitted):
        shown = [percent(values[0]), number(values[1]), percent(values[2]), number(values[3])]
        line = "".join(f"{cell:>10}" for cell in (setting.partition(" ")[2], *shown))
        lines.append(f"*{line[1:]}" if setting == fitted.chosen.setting else line)
    return [*(line.rstrip() for line in lines), f"* {_why(fitted)}", *_why_layers(fitted)]


def _why(fitted: FittedHead) -> str:
    """Say why a setting was chosen."""
    setting = fitted.chosen.setting
    if len(fitted.held_out) == 0:
        return f"chosen: {setting}; there are no images to compare settings on"
    where = "on the validation images"
    if fitted.chosen_by == "leave-one-out":
        where = "of training images, each left out in turn"
    if fitted.sample is not None:
        where = f"of {fitted.sample} training images, each left out in turn"
    return f"chosen: {setting}, the lowest log loss {where}"


def _why_layers(fitted: FittedHead) -> list[str]:
    """Say why the head reads the layers that it reads, if there was a choice."""
    if not fitted.layer_losses:
        return []
    loss = "log loss of training images, left out in turn by discriminant analysis"
    return [compared_layers(fitted.layer_losses, fitted.head.layers, loss=loss)]


def compared_layers(losses: Mapping[Layers, float], chosen: Layers, *, loss: str) -> str:
    """Return the line on the layers that were compared.

    Args:
        losses: of each.
        chosen: that with the lowest.
        loss: what these are.
    """
    last, three = (number(losses[layers]) for layers in ("last", "all"))
    found = "the last" if chosen == "last" else "three"
    return f"* layers: {found}; {loss}: {last} with the last layer, {three} with three"


def final_report(metrics: Mapping[str, Any], wrong: Sequence[ImageAnswer]) -> list[str]:
    """Return the lines that a run ends with.

    Args:
        metrics: what `make_metrics` gave.
        wrong: the misclassified test images.
    """
    test: Mapping[str, Any] = metrics["test"]
    left_out: Mapping[str, Any] | None = metrics.get("leave_one_out")
    lines = accuracy_lines("Final test", test) if test["n"] else []
    lines += _operating_lines(test)
    if left_out is not None:
        said = _left_out_lines(left_out, tested=test["n"])
        lines = [*lines, *said] if test["n"] >= FEW_TESTED else [*said, *lines]
    elif not lines:
        lines = accuracy_lines("Validation", metrics["validation"])
    return [*lines, *misclassified_lines(wrong)]


def misclassified_lines(wrong: Sequence[ImageAnswer]) -> list[str]:
    """Return the lines that name test images which got a wrong name; none where all are right."""
    if not wrong:
        return []
    rows = [
        [printable(name) for name in (each.path, each.label, each.prediction)]
        for each in wrong[:MISCLASSIFIED_SHOWN]
    ]
    width = max(columns(path) for path, *_ in rows)
    listed = [f"  {padded(path, width)}  {label}, taken for {other}" for path, label, other in rows]
    if len(wrong) > len(rows):
        listed.append(f"  and {len(wrong) - len(rows)} more; all are in predictions.csv")
    return ["Misclassified test images:", *listed]


def evaluation_lines(metrics: Mapping[str, Any], wrong: Sequence[ImageAnswer]) -> list[str]:
    """Return the lines that an evaluation ends with.

    Args:
        metrics: content of metrics.json; some images were tested.
        wrong: the misclassified ones.
    """
    return [
        *accuracy_lines("Evaluation", metrics["test"]),
        *_operating_lines(metrics["test"]),
        *unlike_lines(metrics["unlike"]),
        *_worst_classes(metrics["test"]["per_class"]),
        *misclassified_lines(wrong),
    ]


def unlike_lines(report: Mapping[str, Any] | None) -> list[str]:
    """Return how many images are unlike the training images, where that is known.

    Args:
        report: what `unlike_counts` gave.
    """
    if report is None or report["test"] is None:
        return []
    said = f"{report['test']} ({percent(report['test'] / report['n'])})"
    share = percent(report["false_rejection"])
    return [f"  unlike the training images: {said}; of images that are like them, {share} would be"]


def _worst_classes(per_class: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line of the classes with the lowest recall, where there is a choice."""
    recalls = sorted((each["recall"], label) for label, each in per_class.items() if each["n"])
    worst = [
        f"{printable(label)} {percent(recall)} (N={per_class[label]['n']})"
        for recall, label in recalls[:WORST_SHOWN]
        if recall < 1
    ]
    return [f"Lowest recall: {', '.join(worst)}"] if worst and len(recalls) > 2 else []


def accuracy_lines(name: str, report: Mapping[str, Any]) -> list[str]:
    """Return the accuracy of a part that has images, and what it does not tell.

    Args:
        name: of the part.
        report: of it, as in metrics.json.
    """
    return [_accuracy(name, report), *limits(report)]


def _operating_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what the thresholds of classes find among the images of a part, if there are any."""
    return [
        f"  {printable(label)}, threshold {each['threshold']:g}: sensitivity "
        f"{percent(each['sensitivity'])} (N={each['positives']}), specificity "
        f"{percent(each['specificity'])} (N={each['negatives']})"
        for label, each in report.get("operating_points", {}).items()
    ]


def _left_out_lines(left_out: Mapping[str, Any], *, tested: int) -> list[str]:
    """Return what is said of leave-one-out, and why it stands first where it does."""
    if left_out["n"] == 0:
        return [
            "Leave-one-out accuracy = n/a: no image can be left out, as each class needs others"
        ]
    lines = [
        _accuracy("Leave-one-out", left_out),
        "  of training images, each named by a head that was fitted without it; see held_out.csv",
    ]
    if left_out["excluded"]:
        lines.append(f"  {left_out['excluded']} could not be left out")
    lines += [*limits(left_out), *_operating_lines(left_out)]
    if 0 < tested < FEW_TESTED:
        lines.append(
            f"  with a test part under {FEW_TESTED} images, this says more than the next line"
        )
    return lines


def limits(report: Mapping[str, Any]) -> list[str]:
    """Return what an accuracy does not tell."""
    lines = []
    absent = [printable(name) for name, each in report["per_class"].items() if each["n"] == 0]
    if report["n"] and absent:
        names = listed(absent, LABELS_SHOWN)
        lines.append(f"  it says nothing of {names}: no image of it is among these")
    if report["n"] > IMAGES_A_GROUP * report["groups"]:
        lines.append(
            f"  these are only {report['groups']} groups of images that belong together: the "
            "interval is too narrow"
        )
    return lines


def _accuracy(name: str, report: Mapping[str, Any]) -> str:
    return f"{name} accuracy = {summary_in_words(report)}"


def number(value: float | None) -> str:
    """Write a number with four decimals, or a large one in as little room."""
    if value is None:
        return "n/a"
    return f"{value:.4f}" if value < 1000 else f"{value:.2g}"
