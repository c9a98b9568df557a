"""Charts as SVG. Colours are those of the page: its style sheet knows the classes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from torch_inception.answers.shares import percent
from torch_inception.heads.operating_points import ThresholdCurves

DOT = 4.5
"""Radius of a point, in pixels."""

TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Interval(NamedTuple):
    """A share (0 to 1) and its interval."""

    value: float
    low: float
    high: float


class Mark(NamedTuple):
    """A point of a chart.

    Attributes:
        x: in the chart's own scale; and so is y.
        y: the value and its interval.
        size: radius in pixels.
        title: what is told of it.
    """

    x: float
    y: Interval
    size: float
    title: str


@dataclass(frozen=True)
class Frame:
    """Where things are in a chart, in pixels, and what range it shows."""

    width: int
    height: int
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    left: int = 44
    right: int = 20
    top: int = 28
    bottom: int = 42

    def x(self, value: float) -> float:
        """Return where a value is across."""
        low, high = self.x_range
        inner = self.width - self.left - self.right
        return round(self.left + (value - low) / (high - low) * inner, 1)

    def y(self, value: float) -> float:
        """Return where a value is, from the top."""
        low, high = self.y_range
        inner = self.height - self.top - self.bottom
        return round(self.top + (high - value) / (high - low) * inner, 1)


def interval_strip(shown: Interval, *, width: int = 120) -> Markup:
    """Draw a share from 0 to 1 as a point, and its interval as a line.

    It says nothing that the numbers beside it do not say, so screen readers pass over it.
    """
    frame = Frame(width, 14, left=5, right=5, top=0, bottom=0)
    content = (
        _line(frame.x(0), 7, frame.x(1), 7, "rule"),
        _line(frame.x(shown.low), 7, frame.x(shown.high), 7, "spread"),
        _dot(frame.x(shown.value), 7, 4),
    )
    return Markup(
        '<svg class="strip" width="{0}" height="14" viewBox="0 0 {0} 14" aria-hidden="true">'
        "{1}</svg>"
    ).format(width, Markup().join(content))


def sparkline(shares: Sequence[float], *, floor: float, summary: str) -> Markup:
    """Draw some shares, in order, as a small line from a lowest share to 1."""
    frame = Frame(96, 24, y_range=(min(floor, 0.99), 1.0), left=4, right=4, top=4, bottom=4)
    steps = max(1, len(shares) - 1)
    points = [(place / steps, share) for place, share in enumerate(shares)]
    x, y = points[-1]
    parts = [_path(frame, points, "curve"), _dot(frame.x(x), frame.y(y), 3)]
    return _chart(frame, parts, summary)


def reliability_diagram(marks: Sequence[Mark], *, summary: str) -> Markup:
    """Draw accuracy over score, and the diagonal on which they are equal."""
    frame = Frame(340, 330)
    diagonal = _line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "guide")
    parts = [*_share_axes(frame, TICKS), *_x_labels(frame, TICKS), diagonal, *_marks(frame, marks)]
    return _chart(
        frame, [*parts, _x_title(frame, "score"), _y_title(frame, "right answers")], summary
    )


def learning_diagram(marks: Sequence[Mark], *, summary: str) -> Markup:
    """Draw accuracy over the number of images, whose axis is logarithmic."""
    numbers = [math.log(mark.x) for mark in marks]
    lowest = min(mark.y.low for mark in marks)
    step = 0.05 if lowest > 0.7 else 0.1 if lowest > 0.4 else 0.2
    floor = math.floor(lowest / step) * step
    margin = 0.08 * (numbers[-1] - numbers[0])
    frame = Frame(
        460, 300, x_range=(numbers[0] - margin, numbers[-1] + margin), y_range=(floor, 1.0)
    )
    ticks = [floor + step * number for number in range(round((1 - floor) / step) + 1)]
    placed = [mark._replace(x=x) for mark, x in zip(marks, numbers, strict=True)]
    path = _path(frame, [(mark.x, mark.y.value) for mark in placed], "curve")
    labels = [
        _text(frame.x(mark.x), frame.height - 24, f"{round(shown.x):,}", "middle")
        for mark, shown in zip(placed, marks, strict=True)
    ]
    parts = [*_share_axes(frame, ticks), path, *_marks(frame, placed), *labels]
    return _chart(
        frame, [*parts, _x_title(frame, "training images"), _y_title(frame, "accuracy")], summary
    )


class Point(NamedTuple):
    """A point of a curve that has a meaning: where it is, in shares, and what is told of it."""

    x: float
    y: float
    title: str


def curve_diagram(
    points: Iterable[tuple[float, float]],
    *,
    x_title: str,
    y_title: str,
    summary: str,
    marked: Point | None = None,
) -> Markup:
    """Draw a curve of shares over shares, and a dot on it where one is marked."""
    frame = Frame(224, 216)
    parts = [*_share_axes(frame, (0, 0.5, 1)), *_x_labels(frame, (0, 0.5, 1))]
    parts += [_path(frame, points, "curve"), _x_title(frame, x_title), _y_title(frame, y_title)]
    if marked is not None:
        dot = _dot(frame.x(marked.x), frame.y(marked.y), DOT)
        parts.append(Markup("<g><title>{}</title>{}</g>").format(marked.title, dot))
    return _chart(frame, parts, summary)


def threshold_diagram(curves: ThresholdCurves, threshold: float | None, *, summary: str) -> Markup:
    """Draw sensitivity and specificity over the threshold, and where it is set."""
    frame = Frame(224, 216)
    bottom = frame.height - frame.bottom + 18
    ticks = [_text(frame.x(tick), bottom, f"{tick:g}", "middle") for tick in (0, 0.5, 1)]
    parts = [*_share_axes(frame, (0, 0.5, 1)), *ticks]
    if threshold is not None:
        parts.append(_line(frame.x(threshold), frame.y(0), frame.x(threshold), frame.y(1), "guide"))
    places = curves.thresholds.tolist()
    for kind, shares in (("curve", curves.sensitivity), ("curve other", curves.specificity)):
        parts.append(_path(frame, zip(places, shares.tolist(), strict=True), kind))
    parts += [_x_title(frame, "threshold"), _two_titles(frame, "sensitivity", "specificity")]
    return _chart(frame, parts, summary)


def _two_titles(frame: Frame, first: str, second: str) -> Markup:
    """Write what two curves show above them, in their colours."""
    return Markup(
        '<text x="0" y="{}"><tspan class="one">{}</tspan>, <tspan class="other">{}</tspan></text>'
    ).format(frame.top - 16, first, second)


def _chart(frame: Frame, parts: Iterable[Markup], summary: str) -> Markup:
    return Markup(
        '<svg class="chart" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(frame.width, frame.height, summary, Markup().join(parts))


def _share_axes(frame: Frame, ticks: Sequence[float]) -> list[Markup]:
    """Draw a line across for each tick, with its percentage beside it."""
    ends = frame.left, frame.width - frame.right
    lines = [_line(ends[0], frame.y(tick), ends[1], frame.y(tick), "rule") for tick in ticks]
    words = [_text(ends[0] - 7, frame.y(tick) + 4, f"{100 * tick:.0f}%", "end") for tick in ticks]
    return lines + words


def _x_labels(frame: Frame, ticks: Sequence[float]) -> list[Markup]:
    bottom = frame.height - frame.bottom + 18
    return [_text(frame.x(tick), bottom, f"{100 * tick:.0f}%", "middle") for tick in ticks]


def _x_title(frame: Frame, text: str) -> Markup:
    middle = (frame.left + frame.width - frame.right) / 2
    return _text(middle, frame.height - 6, text, "middle")


def _y_title(frame: Frame, text: str) -> Markup:
    """Write what an axis shows above it."""
    return _text(0, frame.top - 16, text, "start")


def _marks(frame: Frame, marks: Iterable[Mark]) -> list[Markup]:
    return [
        Markup("<g><title>{}</title>{}{}</g>").format(
            mark.title,
            _line(
                frame.x(mark.x), frame.y(mark.y.low), frame.x(mark.x), frame.y(mark.y.high),
                "spread",
            ),
            _dot(frame.x(mark.x), frame.y(mark.y.value), mark.size),
        )
        for mark in marks
    ]  # fmt: skip


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, x1, y1, x2, y2)


def _dot(x: float, y: float, radius: float) -> Markup:
    return Markup('<circle class="dot" cx="{}" cy="{}" r="{}"/>').format(x, y, radius)


def _path(frame: Frame, points: Iterable[tuple[float, float]], kind: str) -> Markup:
    places = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in points)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, places)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def in_words(shown: Interval) -> str:
    """Write a share and its interval: `95.5%, 87.6% to 98.5%`."""
    return f"{percent(shown.value)}, {percent(shown.low)} to {percent(shown.high)}"
