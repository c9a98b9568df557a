"""A model that gives several labels, measured on a table of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import quoted, same_names
from torch_inception.datasets.label_sets import LabelSet, SeveralLabels
from torch_inception.errors import DatasetError
from torch_inception.evaluation.evaluated_model import EvaluatedModel, JudgedImages
from torch_inception.evaluation.labelled_images import Matched
from torch_inception.heads.labelled_rows import LabelledRows, all_scores
from torch_inception.heads.metrics import keeps_scores
from torch_inception.heads.several_metrics import several_report
from torch_inception.system.threads import one_thread
from torch_inception.system.write import Table
from torch_inception.training.scores import score_rows, scores_header
from torch_inception.training.several_answers import (
    MarkedScores,
    SeveralAnswer,
    several_answers,
    several_confusion_table,
)


class SeveralEvaluation(NamedTuple):
    """What an evaluation comes to.

    Attributes:
        judged: the images.
        report: what `several_report` gave of them.
        tables: name of the file -> table.
    """

    judged: JudgedImages
    report: Mapping[str, Any]
    tables: Mapping[str, Table]


def match_several(dataset: Dataset, labels: Sequence[str], *, model: str) -> Matched:
    """Keep the labels that a model knows; images keep their places, also where none is left.

    Of a class of the model that the data does not have, no image has it; where there is a column
    per class, it is unknown.

    Args:
        dataset: with classes of its own.
        labels: of the model.
        model: its name.

    Raises:
        DatasetError: its images have one label each, or the model knows none of their labels.
    """
    several = dataset.several
    if several is None:
        raise DatasetError(
            f"{dataset.name} has one label per image, and {model} gives several. Give a table of "
            "all labels of each image: --labels FILE.csv"
        )
    own_name = {own: label for label, own in same_names(several.classes, labels).items()}
    if several.classes and not own_name:
        raise DatasetError(
            f"{model} knows no class of {dataset.name}. It knows {quoted(labels)}; there, classes "
            f"are {quoted(several.classes)}. Give images of its classes, by the same names."
        )
    without_column = set(labels) - set(own_name.values()) if several.others_unknown else set()
    known = SeveralLabels(list(labels))

    def of_model(text: str) -> str:
        present, unknown = (
            {own_name[label] for label in part if label in own_name} for part in several.read(text)
        )
        return known.text(LabelSet(tuple(sorted(present)), tuple(sorted(unknown | without_column))))

    text_of = [of_model(text) for text in dataset.label_texts]
    texts = sorted(set(text_of))
    number = {text: place for place, text in enumerate(texts)}
    counts = dataset.counts()
    return Matched(
        dataclasses.replace(
            dataset,
            label_texts=texts,
            targets=[number[text_of[target]] for target in dataset.targets],
            several=known,
        ),
        {label: counts[label] for label in several.classes if label not in own_name},
    )


def evaluate_several(
    this: EvaluatedModel, dataset: Dataset, *, keep_conflicts: bool, progress: bool
) -> SeveralEvaluation:
    """Name images whose labels are known, and compare.

    Args:
        this: gives several labels.
        dataset: the files, with the classes of the model.
        keep_conflicts: as in `EvaluatedModel.judge`, and so is progress.
        progress: whether to show a bar on standard error.

    Raises: as `EvaluatedModel.judge`.
    """
    several = dataset.several
    assert several is not None
    judged = this.judge(dataset, keep_conflicts=keep_conflicts, progress=progress)
    marks = several.marks(image.label for image in judged.images)
    marked = MarkedScores(judged.images, marks, _scores(this, judged))
    thresholds = torch.tensor(
        [this.classifier.thresholds[label] for label in several.classes], dtype=torch.float64
    )
    report = several_report(marked.scores, marked.marks, thresholds, several.classes)
    answers = several_answers(marked, thresholds, several)
    rows = (
        score_rows(judged.images, "test", judged.is_seen, judged.distances, marked.scores)
        if keeps_scores(*marked.scores.shape)
        else ()
    )
    tables = {
        "predictions.csv": Table(SeveralAnswer._fields, answers),
        "scores.csv": Table(scores_header(several.classes, several=True), rows),
        "confusion_matrix.csv": several_confusion_table(report),
    }
    return SeveralEvaluation(judged, report, tables)


@one_thread()
def _scores(this: EvaluatedModel, judged: JudgedImages) -> Tensor:
    """Return the probability of each class (N, C) float32."""
    no_targets = torch.zeros_like(judged.targets)
    return all_scores(
        this.classifier.model.head, LabelledRows(judged.pass_result.rows, no_targets, 1)
    )
