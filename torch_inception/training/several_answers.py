"""What is told of images that may have several labels: what each was named with, and the counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_inception.datasets.label_sets import LabelSet, SeveralLabels
from torch_inception.heads.marked_rows import ABSENT, PRESENT
from torch_inception.system.write import Table
from torch_inception.training.grouping import LabelledImage


class SeveralAnswer(NamedTuple):
    """What a head makes of one image that may have several labels.

    Attributes:
        path: relative to the data folder.
        labels: that the image has, and those of which it is unknown, as the table of labels has it.
        prediction: labels whose scores reach their thresholds, written alike.
        missed: labels that it has and that are not among these.
        added: labels among these that it has not.
    """

    path: str
    labels: str
    prediction: str
    missed: str
    added: str


class MarkedScores(NamedTuple):
    """Images, what is known of them, and what heads that were not fitted on them answer.

    Attributes:
        images: N of them.
        marks: (N, C) int8, as in `MarkedRows`.
        scores: (N, C) float32 or float64, 0 to 1.
    """

    images: Sequence[LabelledImage]
    marks: Tensor
    scores: Tensor


def several_answers(
    judged: MarkedScores, thresholds: Tensor, several: SeveralLabels
) -> Iterator[SeveralAnswer]:
    """Yield the answer to each image.

    Args:
        judged: the images.
        thresholds: (C,) float64; a label is named from this score on.
        several: the classes.
    """
    named = judged.scores.double() >= thresholds

    def text(flags: Tensor) -> str:
        labels = (several.classes[number] for number in torch.where(flags)[0].tolist())
        return several.text(LabelSet(tuple(labels)))

    for image, marks, own in zip(judged.images, judged.marks, named, strict=True):
        missed, added = (marks == PRESENT) & ~own, (marks == ABSENT) & own
        yield SeveralAnswer(image.path, image.label, text(own), text(missed), text(added))


def several_confusion_table(report: Mapping[str, Any]) -> Table:
    """Return how many images of each class were named with it, and how many of the others.

    Args:
        report: what `several_report` gave.
    """
    header = ("label", "true_positive", "false_positive", "false_negative", "true_negative")
    rows = []
    for label, each in report["per_class"].items():
        right, named, actual = each["right"], each["named"], each["n"]
        absent = each["known"] - actual
        rows.append((label, right, named - right, actual - right, absent - (named - right)))
    return Table(header, rows)
