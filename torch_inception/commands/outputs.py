"""Write predictions as they come: as text, as one JSON object per line, or as CSV."""

import csv
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from torch_inception.config import Format
from torch_inception.errors import ImageError
from torch_inception.system.escape import printable

if TYPE_CHECKING:
    from torch_inception.classifier.classifier import Classifier, Prediction

CSV_HEADER = ("path", "rank", "label", "score", "error")


class Answer(NamedTuple):
    """What is told of an image.

    Attributes:
        predictions: the best classes; none where there is an error.
        labels: of the set that holds the true one; empty where there is an error, None where none
            was asked for.
        error: why the image could not be read.
    """

    predictions: "Sequence[Prediction]"
    labels: list[str] | None = None
    error: ImageError | None = None


def write_answers(
    classifier: "Classifier",
    paths: Iterable[Path],
    *,
    top: int,
    coverage: float | None = None,
    style: Format,
    headings: bool,
    output: TextIO,
) -> tuple[int, list[Path]]:
    """Name images and write each answer at once, in input order.

    Args:
        classifier: what names them.
        paths: the images; read ahead by a bounded number.
        top: classes shown for each.
        coverage: with which the set of labels holds the true one; None for no set.
        style: how an answer is written.
        headings: whether text names the image above its classes.
        output: where answers go.

    Returns:
        how many images there were, and those that could not be read.
    """
    if coverage is not None:
        classifier.coverage_threshold(coverage)  # it says so at once where there is none
    describe: Callable[[Path, Answer], str] = {
        "text": _text_with_heading if headings else _text,
        "json": _json,
        "csv": _csv_shown if output.isatty() else _csv,
    }[style]
    if style == "csv":
        output.write(_csv_lines([CSV_HEADER if coverage is None else (*CSV_HEADER, "set")]))
    begun: deque[Path] = deque()

    def noted() -> Iterator[Path]:
        for path in paths:
            begun.append(path)
            yield path

    # A set may have labels beyond those that are shown.
    asked = top if coverage is None else len(classifier.labels)
    count, bad = 0, []
    for found in classifier.predict_stream(noted(), top=asked):
        path = begun.popleft()
        count += 1
        if isinstance(found, ImageError):
            bad.append(path)
            answer = Answer([], error=found, labels=None if coverage is None else [])
        elif coverage is None:
            answer = Answer(found)
        else:
            answer = Answer(found[:top], classifier.label_set(found, coverage=coverage))
        output.write(describe(path, answer))
        output.flush()
    return count, bad


def _text(path: Path, answer: Answer) -> str:
    if answer.error is not None:
        return f"error: {printable(str(path))}: {printable(str(answer.error))}\n"
    lines = [f"{printable(label)} (score = {score:.5f})\n" for label, score in answer.predictions]
    if answer.labels is not None:
        lines.append(f"set: {', '.join(map(printable, answer.labels))}\n")
    return "".join(lines)


def _text_with_heading(path: Path, answer: Answer) -> str:
    return f"{printable(str(path))}:\n{_text(path, answer)}\n"


def _json(path: Path, answer: Answer) -> str:
    told: dict[str, object] = {
        "path": str(path),
        "predictions": [prediction._asdict() for prediction in answer.predictions],
        "error": None if answer.error is None else str(answer.error),
    }
    if answer.labels is not None:
        told["set"] = answer.labels or None
    return json.dumps(told) + "\n"


def _csv(path: Path, answer: Answer) -> str:
    return _csv_lines(_rows(path, answer))


def _csv_shown(path: Path, answer: Answer) -> str:
    """Return what `_csv` does, escaped: files get every character, a screen obeys none."""
    return _csv_lines([printable(str(each)) for each in row] for row in _rows(path, answer))


def _rows(path: Path, answer: Answer) -> list[tuple[object, ...]]:
    # A list in a cell is one that a program can read again.
    shown = json.dumps(answer.labels) if answer.labels else ""
    labels = () if answer.labels is None else (shown,)
    if answer.error is not None:
        return [(path, "", "", "", answer.error, *labels)]
    ranked = enumerate(answer.predictions, start=1)
    return [(path, rank, *each, "", *labels) for rank, each in ranked]


def _csv_lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
