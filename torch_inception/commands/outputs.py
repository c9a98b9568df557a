"""Write predictions as they come: as text, as one JSON object per line, or as CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from torch_inception.answers.image_classifier import ImageClassifier
from torch_inception.answers.prediction import NO_LABEL, Prediction
from torch_inception.config import Format
from torch_inception.errors import ImageError
from torch_inception.system.escape import printable

CSV_HEADER = ("path", "rank", "label", "score", "error")

Values = Mapping[str, object]
"""What is told of an image beside its classes, by name: plain values."""


class NamedImage(NamedTuple):
    """What is known of an image that was named.

    Attributes:
        path: of the image.
        row: what the classifier computed of it.
        classes: the best, in order.
        named: those that lines of text name.
    """

    path: Path
    row: Any
    classes: Sequence[Prediction]
    named: Sequence[Prediction]


class Addition(NamedTuple):
    """Something that is told of each image beside its best classes.

    Attributes:
        names: of its values, in JSON and CSV.
        find: gives the values, by what was found of the image.
        in_words: puts them into lines of text.
    """

    names: Sequence[str]
    find: "Callable[[NamedImage], Values]"
    in_words: Callable[[Values], str]


class Answer(NamedTuple):
    """What is told of an image.

    Attributes:
        predictions: the best classes; none where there is an error.
        named: classes that lines of text name.
        values: of what is added; all None where there is an error.
        words: the same in lines of text.
        error: why the image could not be read.
    """

    predictions: Sequence[Prediction]
    named: Sequence[Prediction]
    values: Values
    words: str = ""
    error: ImageError | None = None


def write_answers(
    classifier: ImageClassifier[Any],
    paths: Iterable[Path],
    *,
    top: int,
    additions: Sequence[Addition] = (),
    style: Format,
    headings: bool,
    output: TextIO,
) -> tuple[int, list[Path]]:
    """Name images and write each answer at once, in input order.

    Args:
        classifier: what names them.
        paths: the images; read ahead by a bounded number.
        top: classes shown for each.
        additions: what else is told of each.
        style: how an answer is written.
        headings: whether text names the image above its classes.
        output: where answers go.

    Returns:
        how many images there were, and those that could not be read.
    """
    describe: Callable[[Path, Answer], str] = {
        "text": _text_with_heading if headings else _text,
        "json": _json,
        "csv": _csv_shown if output.isatty() else _csv,
    }[style]
    if style == "csv":
        names = [name for addition in additions for name in addition.names]
        output.write(csv_lines([(*CSV_HEADER, *names)]))
    count, bad = 0, []
    for path, row in classifier.stream_with_rows(paths):
        count += 1
        if isinstance(row, ImageError):
            bad.append(path)
            answer = _no_answer(row, additions)
        else:
            named = NamedImage(path, row, classifier.best(row, top), classifier.named(row, top))
            answer = _answer(named, additions)
        output.write(describe(path, answer))
        output.flush()
    return count, bad


def _answer(image: NamedImage, additions: Sequence[Addition]) -> Answer:
    values: dict[str, object] = {}
    words = ""
    for addition in additions:
        added = addition.find(image)
        values |= added
        words += addition.in_words(added)
    return Answer(image.classes, image.named, values, words)


def _no_answer(error: ImageError, additions: Sequence[Addition]) -> Answer:
    return Answer([], [], {name: None for each in additions for name in each.names}, error=error)


def _text(path: Path, answer: Answer) -> str:
    if answer.error is not None:
        return f"error: {printable(str(path))}: {printable(str(answer.error))}\n"
    lines = [f"{printable(label)} (score = {score:.5f})\n" for label, score in answer.named]
    return "".join([*(lines or [f"{NO_LABEL}\n"]), answer.words])


def _text_with_heading(path: Path, answer: Answer) -> str:
    return f"{printable(str(path))}:\n{_text(path, answer)}\n"


def _json(path: Path, answer: Answer) -> str:
    told: dict[str, object] = {
        "path": str(path),
        "predictions": [prediction._asdict() for prediction in answer.predictions],
        "error": None if answer.error is None else str(answer.error),
        **answer.values,
    }
    return json.dumps(told) + "\n"


def _csv(path: Path, answer: Answer) -> str:
    return csv_lines(_rows(path, answer))


def _csv_shown(path: Path, answer: Answer) -> str:
    """Return what `_csv` does, escaped: files get every character, a screen obeys none."""
    return csv_lines([printable(str(each)) for each in row] for row in _rows(path, answer))


def _rows(path: Path, answer: Answer) -> list[tuple[object, ...]]:
    added = [_cell(value) for value in answer.values.values()]
    if answer.error is not None:
        return [(path, "", "", "", answer.error, *added)]
    ranked = enumerate(answer.predictions, start=1)
    return [(path, rank, *each, "", *added) for rank, each in ranked]


def _cell(value: object) -> str:
    """Write a list so that a program can read it again, and nothing for None."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, (list, bool)) else str(value)


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as lines of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
