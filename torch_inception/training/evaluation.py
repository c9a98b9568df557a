"""What is told of a trained head: on the screen, in metrics.json and in tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch_inception
from torch_inception.classifier.training_record import TrainingRecord, now
from torch_inception.config import TrainConfig
from torch_inception.features.cached_pass import PassResult
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.labelled_rows import all_answers
from torch_inception.heads.metrics import Answers, accuracy_in_words, full_report, percent, summary
from torch_inception.system.escape import columns, padded, printable
from torch_inception.training.examples import Examples
from torch_inception.training.grouping import LabelledImage

HistoryRow = tuple[str, float | None, float | None, float | None, float | None]
"""Setting; accuracy and cross entropy of the training images, and of held-out images."""

_SHOWN = ("accuracy", "cross_entropy")

MISCLASSIFIED_SHOWN = 10
"""Misclassified images that a run lists on the screen at most."""

FEW_TESTED = 50
"""Test images under which leave-one-out is told of first."""


class ImageAnswer(NamedTuple):
    """What a head makes of one image.

    Attributes:
        path: relative to the data folder.
        label: the image's own.
        prediction: label of the class with the highest probability.
        score: that probability.
        label_score: probability of the image's own class.
    """

    path: str
    label: str
    prediction: str
    score: float
    label_score: float


HISTORY_HEADER = (
    "setting",
    "train_accuracy",
    "train_cross_entropy",
    "held_out_accuracy",
    "held_out_cross_entropy",
)


def history(fitted: FittedHead) -> list[HistoryRow]:
    """Return one row per strength or step."""
    return [
        (
            each.setting,
            *(summary(part)[key] for part in (each.train, each.held_out) for key in _SHOWN),
        )
        for each in fitted.tried
    ]


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
    last, three = (number(fitted.layer_losses[layers]) for layers in ("last", "all"))
    found = "the last" if fitted.head.layers == "last" else "three"
    return [
        f"* layers: {found}; log loss of training images, left out in turn by discriminant "
        f"analysis: {last} with the last layer, {three} with three"
    ]


def final_report(metrics: Mapping[str, Any], wrong: Sequence[ImageAnswer]) -> list[str]:
    """Return the lines that a run ends with.

    Args:
        metrics: what `make_metrics` gave.
        wrong: the misclassified test images.
    """
    test: Mapping[str, Any] = metrics["test"]
    left_out: Mapping[str, Any] | None = metrics.get("leave_one_out")
    lines = [_accuracy("Final test", test)] if test["n"] else []
    if left_out is not None:
        said = _left_out_lines(left_out, tested=test["n"])
        lines = [*lines, *said] if test["n"] >= FEW_TESTED else [*said, *lines]
    elif not lines:
        lines = [_accuracy("Validation", metrics["validation"])]
    if not wrong:
        return lines
    rows = [
        [printable(name) for name in (each.path, each.label, each.prediction)]
        for each in wrong[:MISCLASSIFIED_SHOWN]
    ]
    width = max(columns(path) for path, *_ in rows)
    listed = [f"  {padded(path, width)}  {label}, taken for {other}" for path, label, other in rows]
    if len(wrong) > len(rows):
        listed.append(f"  and {len(wrong) - len(rows)} more; all are in predictions.csv")
    return [*lines, "Misclassified test images:", *listed]


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
    if 0 < tested < FEW_TESTED:
        lines.append(
            f"  with a test part under {FEW_TESTED} images, this says more than the next line"
        )
    return lines


def _accuracy(name: str, report: Mapping[str, Any]) -> str:
    count = report["n"]
    right = round(report["accuracy"] * count) if count else 0
    return f"{name} accuracy = {accuracy_in_words(right, count)}"


def make_metrics(
    config: TrainConfig,
    examples: Examples,
    pass_result: PassResult,
    fitted: FittedHead,
    test: Answers,
    *,
    network: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    views: int,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Collect what metrics.json holds; plain values only.

    Args:
        config: as resolved.
        examples: the images and their parts.
        pass_result: how their features were come by.
        fitted: the head.
        test: its answers to the test images.
        network: what is to be said of the network.
        changes: since the run before into the same folder, as plain values.
        views: of each training image.
        seconds: by phase.
    """
    speed = pass_result.computed / pass_result.seconds if pass_result.computed else None
    (trained,) = all_answers([fitted.head], examples.labelled_rows("train"))
    report = full_report(fitted.held_out, examples.labels)
    held_out: dict[str, Any] = {"validation": report}
    if fitted.left_out is not None:
        excluded = len(trained) - len(fitted.held_out)
        held_out = {"leave_one_out": {**report, "excluded": excluded}}
    return {
        "classes": examples.labels,
        "split": "given" if examples.is_given else "drawn",
        "counts": examples.counts(),
        "train": summary(trained),
        **held_out,
        "test": full_report(test, examples.labels),
        "head": {
            "solver": config.solver,
            "setting": fitted.chosen.setting,
            "temperature": fitted.chosen.temperature,
            "layers": fitted.head.layers,
            "layer_losses": dict(fitted.layer_losses) or None,
            "chosen_by": fitted.chosen_by,
            "chosen_on": len(fitted.chosen.held_out),
        },
        "network": dict(network),
        "changes": changes and dict(changes),
        "features": {
            "computed": pass_result.computed,
            "reused": pass_result.reused,
            "skipped": len(pass_result.skipped),
            "views": views,
            "images_per_second": speed,
        },
        "seconds": dict(seconds),
        "seed": config.seed,
    }


def image_answers(
    images: Sequence[LabelledImage], answers: Answers, labels: Sequence[str]
) -> list[ImageAnswer]:
    """Return the answers to images one by one."""
    return [
        ImageAnswer(image.path, image.label, labels[best], score, math.exp(-loss))
        for image, best, score, loss in zip(
            images, answers.best.tolist(), answers.score.tolist(), answers.loss.tolist(),
            strict=True,
        )
    ]  # fmt: skip


def training_record(fitted: FittedHead, examples: Examples, test: Answers) -> TrainingRecord:
    """Return the record that a model carries of its training."""
    right, held_out_right = (
        int((answers.best == answers.targets).sum()) for answers in (test, fitted.held_out)
    )
    return TrainingRecord(
        created=now(),
        version=torch_inception.__version__,
        images=len(examples.part_images("train")),
        tested=len(test),
        test_right=right,
        held_out=len(fitted.held_out),
        held_out_right=held_out_right,
        judged_by=fitted.chosen_by,
    )


def answer_test(fitted: FittedHead, examples: Examples) -> Answers:
    """Return the answers to the test images, in the order of `part_images`."""
    (answers,) = all_answers([fitted.head], examples.labelled_rows("test"))
    return answers


def answers_held_out(fitted: FittedHead, examples: Examples, *, views: int) -> list[ImageAnswer]:
    """Return the answers to images by heads that were not fitted on them.

    Args:
        fitted: the head.
        examples: the images.
        views: rows of each training image that it was fitted on.
    """
    if fitted.left_out is None:
        images = examples.part_images("validation")
    else:
        trained = examples.part_images("train")
        images = [trained[row // views] for row in fitted.left_out.tolist()]
    return image_answers(images, fitted.held_out, examples.labels)


def misclassified(answers: Sequence[ImageAnswer]) -> list[ImageAnswer]:
    """Return those answers that are wrong."""
    return [answer for answer in answers if answer.label != answer.prediction]


def number(value: float | None) -> str:
    """Write a number with four decimals, or a large one in as little room."""
    if value is None:
        return "n/a"
    return f"{value:.4f}" if value < 1000 else f"{value:.2g}"
