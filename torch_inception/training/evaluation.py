"""What is told of a trained head in metrics.json and in tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch_inception
from torch_inception.answers.training_record import TrainingRecord, now
from torch_inception.config import TrainConfig
from torch_inception.features.cached_pass import PassResult
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.labelled_rows import all_answers
from torch_inception.heads.metrics import Answers, full_report, summary
from torch_inception.system.write import Table
from torch_inception.training.examples import Examples
from torch_inception.training.grouping import LabelledImage

HistoryRow = tuple[str, float | None, float | None, float | None, float | None]
"""Setting; accuracy and cross entropy of the training images, and of held-out images."""

_SHOWN = ("accuracy", "cross_entropy")


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


JUDGED_ON = {
    "test": "test images",
    "leave_one_out": "training images, each left out in turn",
    "validation": "validation images",
}
"""Part of metrics.json that judges a head -> what its images are; those that say most first."""

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


def make_metrics(
    config: TrainConfig,
    examples: Examples,
    pass_result: PassResult,
    fitted: FittedHead,
    test: Answers,
    *,
    network: Mapping[str, Any],
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
        views: of each training image.
        seconds: by phase.
    """
    (trained,) = all_answers([fitted.head], examples.labelled_rows("train"))
    report = full_report(fitted.held_out, examples.classes)
    held_out: dict[str, Any] = {
        "validation": {**report, "groups": len(set(examples.part_groups("validation")))}
    }
    if fitted.left_out is not None:
        excluded = len(trained) - len(fitted.held_out)
        groups = examples.part_groups("train")
        count = len({groups[row // views] for row in fitted.left_out.tolist()})
        held_out = {"leave_one_out": {**report, "excluded": excluded, "groups": count}}
    return {
        **about_images(examples),
        "train": summary(trained),
        **held_out,
        "test": {
            **full_report(test, examples.classes),
            "groups": len(set(examples.part_groups("test"))),
        },
        "head": {
            "solver": config.solver,
            "setting": fitted.chosen.setting,
            "temperature": fitted.chosen.temperature,
            "layers": fitted.head.layers,
            "layer_losses": dict(fitted.layer_losses) or None,
            "chosen_by": fitted.chosen_by,
            "chosen_on": len(fitted.chosen.held_out),
        },
        **about_run(config, pass_result, network=network, views=views, seconds=seconds),
    }


def about_images(examples: Examples) -> dict[str, Any]:
    """Return what metrics.json says of classes and parts."""
    return {
        "classes": list(examples.classes),
        "split": "given" if examples.is_given else "drawn",
        "counts": examples.counts(),
    }


def about_run(
    config: TrainConfig,
    pass_result: PassResult,
    *,
    network: Mapping[str, Any],
    views: int,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what metrics.json says of how a run came by its features, and how long it took.

    Args: as for `make_metrics`.
    """
    speed = pass_result.computed / pass_result.seconds if pass_result.computed else None
    return {
        "network": dict(network),
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


def judged_part(metrics: Mapping[str, Any]) -> str:
    """Return the part of metrics.json that a run is judged by: the first that has images.

    Args:
        metrics: what `make_metrics` gave.
    """
    found = [part for part in JUDGED_ON if part in metrics]
    return next((part for part in found if metrics[part]["n"]), found[-1])


def confusion_table(report: Mapping[str, Any]) -> Table:
    """Return how many images of each class were taken for each: a line per class, own label first.

    Args:
        report: what `full_report` gave.
    """
    labels = list(report["per_class"])
    rows = [[label, *line] for label, line in zip(labels, report["confusion"], strict=True)]
    return Table(["label", *labels], rows)


def image_answers(
    images: Sequence[LabelledImage], answers: Answers, labels: Sequence[str]
) -> list[ImageAnswer]:
    """Return the answers to images one by one."""
    return [
        _image_answer(image, labels[best], score, loss)
        for image, best, score, loss in zip(
            images, answers.best.tolist(), answers.score.tolist(), answers.loss.tolist(),
            strict=True,
        )
    ]  # fmt: skip


def _image_answer(image: LabelledImage, prediction: str, score: float, loss: float) -> ImageAnswer:
    # The exponential of a loss may differ from the score in the last bit.
    label_score = score if prediction == image.label else math.exp(-loss)
    return ImageAnswer(image.path, image.label, prediction, score, label_score)


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
    return image_answers(images, fitted.held_out, examples.classes)


def misclassified(answers: Sequence[ImageAnswer]) -> list[ImageAnswer]:
    """Return those answers that are wrong."""
    return [answer for answer in answers if answer.label != answer.prediction]
