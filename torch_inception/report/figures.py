"""What the charts and tables of the page show, worked out of a folder's figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from markupsafe import Markup
from torch import Tensor

from torch_inception.answers.shares import percent, wilson_interval
from torch_inception.heads.curves import Curve, precision_recall_curve, roc_curve
from torch_inception.heads.operating_points import ThresholdCurves, threshold_curves
from torch_inception.heads.reliability import expected_calibration_error, reliability
from torch_inception.report.charts import (
    DOT,
    Interval,
    Mark,
    Point,
    curve_diagram,
    in_words,
    interval_strip,
    learning_diagram,
    reliability_diagram,
    threshold_diagram,
)
from torch_inception.report.results_folder import Judged, Scores
from torch_inception.system.escape import counted, printable
from torch_inception.training.evaluation import ImageAnswer
from torch_inception.training.report_lines import limits

MOST_CURVES = 12
"""Classes whose curves are drawn."""

MOST_POINTS = 150
"""Points of a curve that is drawn."""

LARGEST_DOT = 9
"""Radius, in pixels, of a point that stands for all answers; others are smaller."""


class Figure(NamedTuple):
    """A share, with its interval in words and drawn; "n/a" and nothing where there is none."""

    text: str
    spread: str
    strip: Markup


class Headline(NamedTuple):
    """How many of a part's images were named right.

    Attributes:
        accuracy: as `95.5%`.
        images: of which.
        spread: its interval, as `87.6% to 98.5%`.
        strip: the same, drawn.
        limits: what the accuracy does not tell.
    """

    accuracy: str
    images: str
    spread: str
    strip: Markup
    limits: Sequence[str]


class ClassRow(NamedTuple):
    """A line of the table of classes."""

    label: str
    images: int
    recall: Figure
    precision: Figure
    f1: Figure


class Calibration(NamedTuple):
    """The reliability diagram, and the expected calibration error as `1.9`, in percent."""

    chart: Markup
    error: str


class ClassCurves(NamedTuple):
    """A class against all others; the operating point in words, "" where none is set."""

    label: str
    roc: Markup
    roc_area: str
    precision_recall: Markup
    average_precision: str
    thresholds: Markup
    operating_point: str


class AllCurves(NamedTuple):
    """Classes with a threshold first, then those with the smallest areas, and of how many."""

    shown: Sequence[ClassCurves]
    classes: int


class LearningCurve(NamedTuple):
    """The learning curve, and its last step in words."""

    chart: Markup
    sentence: str


def headline(judged: Judged[ImageAnswer]) -> Headline:
    """Return the accuracy of a part."""
    shown = _interval(judged.metrics["accuracy"], judged.metrics["wilson_interval_95"])
    return Headline(
        percent(shown.value),
        judged.images,
        f"{percent(shown.low)} to {percent(shown.high)}",
        interval_strip(shown, width=260),
        [line.strip() for line in limits(judged.metrics)] + of_trained(judged.metrics),
    )


def of_trained(report: Mapping[str, Any]) -> list[str]:
    """Say how many of the images of an evaluation are not new to the model.

    Args:
        report: of a part in metrics.json.
    """
    count = report.get("trained_on", 0)
    return [f"the model was trained on {count:,} of these: the figures are too good"] * bool(count)


def class_rows(judged: Judged[ImageAnswer]) -> list[ClassRow]:
    """Return the classes of a part, those with the lowest F1 first, those without images last."""
    rows = judged.metrics["per_class"].items()
    by_f1 = sorted(rows, key=lambda row: (row[1]["n"] == 0, row[1]["f1"] or 0.0))
    return [
        ClassRow(
            label, each["n"], *(figure_of(each, name) for name in ("recall", "precision", "f1"))
        )
        for label, each in by_f1
    ]


def figure_of(values: Mapping[str, Any], name: str) -> Figure:
    """Return a share of a report, which has its interval beside it."""
    value, interval = values[name], values[f"{name}_interval_95"]
    if value is None:
        return Figure("n/a", "", Markup())
    shown = _interval(value, interval)
    spread = f"{100 * shown.low:.0f} to {100 * shown.high:.0f}"
    return Figure(percent(value), spread, interval_strip(shown))


def _interval(value: float, interval: Sequence[float]) -> Interval:
    return Interval(value, *interval)


def calibration(judged: Judged[ImageAnswer]) -> Calibration:
    """Return how far the scores of a part's answers are from what they promise."""
    bins = reliability(
        torch.tensor([answer.score for answer in judged.answers], dtype=torch.float64),
        torch.tensor([answer.label == answer.prediction for answer in judged.answers]),
    )
    marks = []
    for each in bins:
        right = each.right / each.answers
        title = (
            f"{counted(each.answers, 'answer')} with a mean score of {percent(each.score)}: "
            f"{percent(right)} are right"
        )
        shown = Interval(right, *wilson_interval(each.right, each.answers))
        size = 3 + (LARGEST_DOT - 3) * math.sqrt(each.answers / len(judged.answers))
        marks.append(Mark(each.score, shown, round(size, 1), title))
    error = f"{100 * expected_calibration_error(bins):.1f}"
    summary = "Reliability diagram. " + "; ".join(mark.title for mark in marks)
    return Calibration(reliability_diagram(marks, summary=summary), error)


def learning(points: Sequence[Mapping[str, Any]]) -> LearningCurve | None:
    """Return the learning curve of metrics.json; None where there is none."""
    known = [point for point in points if point["accuracy"] is not None]
    if len(known) < 2:
        return None
    marks = []
    for point in known:
        shown = _interval(point["accuracy"], point["wilson_interval_95"])
        title = f"{counted(point['images'], 'image')}: {in_words(shown)}"
        marks.append(Mark(point["images"], shown, DOT, title))
    before, last = known[-2:]
    sentence = (
        f"From {before['images']:,} to {last['images']:,} training images, the accuracy went from "
        f"{percent(before['accuracy'])} to {percent(last['accuracy'])}."
    )
    summary = "Learning curve. " + "; ".join(mark.title for mark in marks)
    return LearningCurve(learning_diagram(marks, summary=summary), sentence)


def curves(judged: Judged[ImageAnswer], scores: Scores | None) -> AllCurves:
    """Return the curves of a part's classes; none where there are no scores."""
    if scores is None:
        return AllCurves([], 0)
    rows = [scores.row_of[answer.path] for answer in judged.answers if answer.path in scores.row_of]
    chosen = torch.tensor(rows, dtype=torch.int64)
    found = list(_class_curves(scores, chosen))
    points = judged.metrics.get("operating_points", {})
    found.sort(key=lambda each: (each[0] not in points, each[1].area))
    shown = [
        ClassCurves(
            label,
            drawn_curve(roc, label, kind="ROC curve", x="false positives", y="true positives"),
            f"{roc.area:.3f}",
            drawn_curve(pr, label, kind="Precision-recall curve", x="recall", y="precision"),
            f"{pr.area:.3f}",
            _drawn_thresholds(by_threshold, label, points.get(label)),
            _in_words(points.get(label)),
        )
        for label, roc, pr, by_threshold in found[:MOST_CURVES]
    ]
    return AllCurves(shown, len(found))


def _class_curves(
    scores: Scores, rows: Tensor
) -> Iterator[tuple[str, Curve, Curve, ThresholdCurves]]:
    """Yield label and curves of each class that some of the rows (K,) are of, and some not."""
    targets, values = scores.targets[rows], scores.scores[rows]
    for number, label in enumerate(scores.labels):
        is_positive = targets == number
        if is_positive.any() and not is_positive.all():
            arguments = values[:, number], is_positive
            yield (
                label,
                roc_curve(*arguments),
                precision_recall_curve(*arguments),
                threshold_curves(*arguments),
            )


def drawn_curve(
    curve: Curve, label: str, *, kind: str, x: str, y: str, marked: Point | None = None
) -> Markup:
    """Draw a curve of a class, whose kind and axes have these names, and a point that is marked."""
    summary = f"{kind} of {printable(label)}: area {curve.area:.3f}"
    if marked is not None:
        summary += f". {marked.title}"
    return curve_diagram(_thinned(curve), x_title=x, y_title=y, summary=summary, marked=marked)


def _drawn_thresholds(
    curves: ThresholdCurves, label: str, point: Mapping[str, Any] | None
) -> Markup:
    summary = f"Sensitivity and specificity of {printable(label)} by threshold. {_in_words(point)}"
    threshold = None if point is None else point["threshold"]
    return threshold_diagram(curves, threshold, summary=summary.strip())


def _in_words(point: Mapping[str, Any] | None) -> str:
    """Write an operating point: `Threshold 0.2: sensitivity 95.0%, 87.6% to 98.5% (N=67); ...`."""
    if point is None:
        return ""
    shares = [
        f"{name} {in_words(_interval(point[name], point[f'{name}_interval_95']))} (N={point[of]})"
        for name, of in (("sensitivity", "positives"), ("specificity", "negatives"))
    ]
    return f"Threshold {point['threshold']:g}: {'; '.join(shares)}"


def _thinned(curve: Curve) -> list[tuple[float, float]]:
    """Return the corners of a curve, at most `MOST_POINTS` of them."""
    x, y = curve.x, curve.y
    is_corner = torch.ones(len(x), dtype=torch.bool)
    is_flat = (y[2:] == y[1:-1]) & (y[1:-1] == y[:-2])
    is_steep = (x[2:] == x[1:-1]) & (x[1:-1] == x[:-2])
    is_corner[1:-1] = ~(is_flat | is_steep)
    places = torch.where(is_corner)[0]
    if len(places) > MOST_POINTS:
        places = places[
            torch.linspace(0, len(places) - 1, MOST_POINTS, dtype=torch.float64).round().long()
        ]
    return list(zip(x[places].tolist(), y[places].tolist(), strict=True))
