"""What the page shows of a run on images that may have several labels."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from markupsafe import Markup

from torch_inception.answers.prediction import NO_LABEL
from torch_inception.answers.shares import percent
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import TrainConfig, parse_thresholds
from torch_inception.datasets.label_sets import SeveralLabels
from torch_inception.heads.curves import precision_recall_curve
from torch_inception.heads.marked_rows import PRESENT, UNKNOWN
from torch_inception.report.charts import Point
from torch_inception.report.figures import MOST_CURVES, Figure, drawn_curve, figure_of, of_trained
from torch_inception.report.gallery import Gallery, Tile
from torch_inception.report.mistakes import (
    MOST_SHOWN,
    PART_NAMES,
    Asked,
    Mistakes,
    Near,
    illustrated,
)
from torch_inception.report.results_folder import Judged, JudgedPart, ResultsFolder
from torch_inception.training.several_answers import SeveralAnswer

Scored = Sequence[tuple[str, float | None]]
"""Labels and their scores; None where no scores were written."""


class ClassRow(NamedTuple):
    """A line of the table of classes."""

    label: str
    images: int
    unknown: int
    average_precision: str
    threshold: str
    f1: Figure
    recall: Figure
    precision: Figure


class ClassCurve(NamedTuple):
    """Precision over recall of a class, and what its threshold gives, in words."""

    label: str
    average_precision: str
    precision_recall: Markup
    at_threshold: str


class SeveralView(NamedTuple):
    """What the page shows of a part that the head was judged by."""

    images: str
    mean_average_precision: str
    micro_f1: str
    macro_f1: str
    exact: Figure
    limits: Sequence[str]
    classes: Sequence[ClassRow]
    curves: Sequence[ClassCurve]


class SeveralMistake(NamedTuple):
    """An image of which some label is wrong.

    Attributes:
        tile: of the image.
        part: what the image was for, in a word or two.
        labels: that it has.
        missed: of these, what it was not named with, and their scores.
        added: what it was named with, and has not, and their scores.
        worst: the label that is most wrong.
        map: address of an image: what speaks for that label and what against it; "" for none.
        neighbours: the nearest training images.
    """

    tile: Tile
    part: str
    labels: Sequence[str]
    missed: Scored
    added: Scored
    worst: str
    map: str
    neighbours: Sequence[Near]


class _Wrong(NamedTuple):
    """An image of which some label is wrong, and by how much the worst of them is, 0 to 1.

    Where no scores were written, that is 0, and the worst is any of them.
    """

    answer: SeveralAnswer
    part: JudgedPart
    missed: Scored
    added: Scored
    worst: str
    error: float


def several_content(
    results: ResultsFolder,
    training: ResultsFolder | None,
    several: SeveralLabels,
    classifier: Classifier,
    gallery: Gallery,
) -> dict[str, Any]:
    """Return what the template is given.

    Args:
        results: of a run or an evaluation.
        training: of the run that the classifier is of; None where that is not there.
        several: its classes.
        classifier: that the run trained.
        gallery: for thumbnails.
    """
    head, settings = results.metrics.get("head", {}), results.settings
    own = settings.threshold if isinstance(settings, TrainConfig) else []
    judged = results.judged_several
    return {
        "template": "several.html",
        "mistakes": _mistakes(results, training, several, classifier, gallery),
        "parts": [_view(each, results, several, classifier.thresholds) for each in judged],
        "judged": sum(len(each.answers) for each in judged),
        "has_scores": results.scores is not None,
        "target": head.get("target_precision"),
        "missed": head.get("missed_precision"),
        "own_thresholds": list(parse_thresholds(own)),
        "far_from": "the nearest training image",
        "left_out_of": "four fifths of the others",
        "left_out_how": "a fifth of them left out at a time",
    }


def _view(
    judged: Judged[SeveralAnswer],
    results: ResultsFolder,
    several: SeveralLabels,
    thresholds: Mapping[str, float],
) -> SeveralView:
    report, answers = judged.metrics, judged.answers
    rows = [
        ClassRow(
            label,
            each["n"],
            len(answers) - each["known"],
            _number(each["average_precision"]),
            f"{thresholds[label]:.3f}",
            *(figure_of(each, name) for name in ("f1", "recall", "precision")),
        )
        for label, each in report["per_class"].items()
    ]
    rows.sort(key=lambda row: (row.images == 0, row.average_precision))
    return SeveralView(
        judged.images,
        _number(report["mean_average_precision"]),
        _number(report["micro_f1"]),
        _number(report["macro_f1"]),
        figure_of(report, "exact_match"),
        of_trained(report),
        rows,
        _curves(results, several, answers, _points(report["per_class"], thresholds)),
    )


def _points(
    per_class: Mapping[str, Mapping[str, Any]], thresholds: Mapping[str, float]
) -> dict[str, Point]:
    """Return label -> recall and precision at its threshold, where any image is named so."""
    return {
        label: Point(
            each["recall"],
            each["precision"],
            f"Threshold {thresholds[label]:.3f}: recall {percent(each['recall'])}, precision "
            f"{percent(each['precision'])}",
        )
        for label, each in per_class.items()
        if each["recall"] is not None and each["precision"] is not None
    }


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _curves(
    results: ResultsFolder,
    several: SeveralLabels,
    answers: Sequence[SeveralAnswer],
    points: Mapping[str, Point],
) -> list[ClassCurve]:
    """Return the curves of the classes with the lowest average precision."""
    if results.scores is None:
        return []
    row_of = results.scores.row_of
    judged = [answer for answer in answers if answer.path in row_of]
    values = results.scores.scores[torch.tensor([row_of[each.path] for each in judged]).long()]
    marks = several.marks(answer.labels for answer in judged)
    found = []
    for number, label in enumerate(several.classes):
        known = marks[:, number] != UNKNOWN
        present = marks[known, number] == PRESENT
        if present.any():
            found.append((label, precision_recall_curve(values[known, number], present)))
    found.sort(key=lambda each: each[1].area)
    return [
        ClassCurve(
            label,
            f"{curve.area:.3f}",
            drawn_curve(
                curve, label, kind="Precision-recall curve", x="recall", y="precision",
                marked=points.get(label),
            ),
            points[label].title if label in points else "No image is named so",
        )
        for label, curve in found[:MOST_CURVES]
    ]  # fmt: skip


def _mistakes(
    results: ResultsFolder,
    training: ResultsFolder | None,
    several: SeveralLabels,
    classifier: Classifier,
    gallery: Gallery,
) -> Mistakes[SeveralMistake]:
    wrong = [
        _wrong(answer, judged.part, results, several)
        for judged in results.judged_several
        for answer in judged.answers
        if answer.missed or answer.added
    ]
    wrong.sort(key=lambda each: -each.error)
    shown = wrong[:MOST_SHOWN]
    asked = [Asked(each.answer.path, each.worst) for each in shown]
    found = [
        SeveralMistake(
            seen.tile,
            PART_NAMES[each.part],
            several.read(each.answer.labels).present,
            each.missed,
            each.added,
            each.worst,
            seen.map,
            [_in_words(near, several) for near in seen.neighbours],
        )
        for each, seen in zip(
            shown, illustrated(asked, results, training, classifier, gallery), strict=True
        )
    ]
    return Mistakes(found, len(wrong), sum(bool(each.map) for each in found))


def _in_words(near: Near, several: SeveralLabels) -> Near:
    return near._replace(label=", ".join(several.read(near.label).present) or NO_LABEL)


def _wrong(
    answer: SeveralAnswer, part: JudgedPart, results: ResultsFolder, several: SeveralLabels
) -> _Wrong:
    scores = (results.scores and results.scores.of(answer.path)) or {}
    missed, added = (several.read(text).present for text in (answer.missed, answer.added))
    errors = {label: 1 - scores.get(label, 1.0) for label in missed}
    errors |= {label: scores.get(label, 0.0) for label in added}
    worst = max(errors, key=lambda label: errors[label])
    return _Wrong(
        answer,
        part,
        [(label, scores.get(label)) for label in missed],
        [(label, scores.get(label)) for label in added],
        worst,
        errors[worst],
    )
