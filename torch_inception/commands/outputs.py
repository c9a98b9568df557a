"""Write predictions as they come: as text, as one JSON object per line, or as CSV."""

import csv
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from torch_inception.config import Format
from torch_inception.errors import ImageError
from torch_inception.system.escape import printable

if TYPE_CHECKING:
    from torch_inception.classifier.classifier import Classifier, Prediction

Answer: TypeAlias = "list[Prediction] | ImageError"

CSV_HEADER = ("path", "rank", "label", "score", "error")


def write_answers(
    classifier: "Classifier",
    paths: Iterable[Path],
    *,
    top: int,
    style: Format,
    headings: bool,
    output: TextIO,
) -> tuple[int, list[Path]]:
    """Name images and write each answer at once, in input order.

    Args:
        classifier: what names them.
        paths: the images; read ahead by a bounded number.
        top: classes shown for each.
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
        output.write(_csv_lines([CSV_HEADER]))
    begun: deque[Path] = deque()

    def noted() -> Iterator[Path]:
        for path in paths:
            begun.append(path)
            yield path

    count, bad = 0, []
    for answer in classifier.predict_stream(noted(), top=top):
        path = begun.popleft()
        count += 1
        output.write(describe(path, answer))
        output.flush()
        if isinstance(answer, ImageError):
            bad.append(path)
    return count, bad


def _text(path: Path, answer: Answer) -> str:
    if isinstance(answer, ImageError):
        return f"error: {printable(str(path))}: {printable(str(answer))}\n"
    return "".join(f"{printable(label)} (score = {score:.5f})\n" for label, score in answer)


def _text_with_heading(path: Path, answer: Answer) -> str:
    return f"{printable(str(path))}:\n{_text(path, answer)}\n"


def _json(path: Path, answer: Answer) -> str:
    if isinstance(answer, ImageError):
        found, error = [], str(answer)
    else:
        found, error = [prediction._asdict() for prediction in answer], None
    return json.dumps({"path": str(path), "predictions": found, "error": error}) + "\n"


def _csv(path: Path, answer: Answer) -> str:
    return _csv_lines(_rows(path, answer))


def _csv_shown(path: Path, answer: Answer) -> str:
    """Return what `_csv` does, escaped: files get every character, a screen obeys none."""
    return _csv_lines([printable(str(each)) for each in row] for row in _rows(path, answer))


def _rows(path: Path, answer: Answer) -> list[tuple[object, ...]]:
    if isinstance(answer, ImageError):
        return [(path, "", "", "", answer)]
    return [(path, rank, *each, "") for rank, each in enumerate(answer, start=1)]


def _csv_lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
