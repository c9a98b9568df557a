"""What is read of a folder of results, be it of a run or of an evaluation."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.answers.accuracy import FEW_TESTED
from torch_inception.config import FROM_PYTHON, EvaluateConfig, TrainConfig, make_config, read_toml
from torch_inception.datasets.label_sets import SeveralLabels, label_column
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import ConfigError
from torch_inception.system.escape import brief, counted
from torch_inception.system.write import exact
from torch_inception.training.evaluation import ImageAnswer
from torch_inception.training.run_folder import CONFIG_FILE, METRICS_FILE
from torch_inception.training.several_answers import SeveralAnswer

JudgedPart = Literal["test", "leave_one_out", "validation"]

_SCORE = "score:"


class ListedImage(NamedTuple):
    """A line of splits.csv: an image, and the SHA-256 of its content in hexadecimal."""

    path: str
    label: str
    split: str
    sha256: str


class GroupedImage(NamedTuple):
    """Of a line of groups.csv: the image, its group, and why it is in it.

    Attributes:
        group: its name.
        path: of the image.
        label: of the image.
        reason: as in `GroupRow`.
        nearest: path of its most similar near copy; "" where it has none.
    """

    group: str
    path: str
    label: str
    reason: str
    nearest: str


Told = TypeVar("Told", ImageAnswer, SeveralAnswer)
"""What a table tells of an image: of one that has one label, or that may have several."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Judged(Generic[Told]):
    """Images that a head was judged by, which had not seen them.

    Attributes:
        part: what they are in metrics.json.
        metrics: of that part there.
        answers: to each image.
    """

    part: JudgedPart
    metrics: Mapping[str, Any]
    answers: Sequence[Told]

    @property
    def images(self) -> str:
        """How many there are, and of what kind, in words."""
        count = len(self.answers)
        if self.part == "leave_one_out":
            return f"{counted(count, 'training image')}, each left out in turn"
        return counted(count, f"{self.part} image")


@dataclass(frozen=True)
class Scores:
    """What scores.csv holds.

    Attributes:
        labels: class names.
        paths: (N) of the images.
        targets: (N,) int64 class numbers; -1 for a label that is no class.
        scores: (N, C) float32, probability of each class.
        distances: (N,) float32, how far each image is from the classes; NaN where that is not
            known; None where nothing is told of it.
    """

    labels: Sequence[str]
    paths: Sequence[str]
    targets: Tensor
    scores: Tensor
    distances: NDArray[numpy.float32] | None

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Path -> row."""
        return {path: row for row, path in enumerate(self.paths)}

    def of(self, path: str) -> dict[str, float] | None:
        """Return label -> score of an image, best first; None where the image is not there."""
        row = self.row_of.get(path)
        if row is None:
            return None
        values = dict(zip(self.labels, self.scores[row].tolist(), strict=True))
        return dict(sorted(values.items(), key=lambda each: -each[1]))


class ResultsFolder:
    """The tables and figures of a run or an evaluation, each read when it is asked for.

    A table that is missing is empty.

    Args:
        folder: that `train` or `evaluate` left.
        data: folder that paths in its tables are relative to; by default, what its settings say.
    """

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self.folder = folder
        self._data = data

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The figures.

        Raises:
            ConfigError: there are none.
        """
        try:
            text = (self.folder / METRICS_FILE).read_text(encoding="utf-8")
            found: Mapping[str, Any] = json.loads(text)
            if not isinstance(found, dict) or "classes" not in found:
                raise ValueError("it names no classes")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self.folder} has no {METRICS_FILE} that can be read ({error}). Name the folder "
                "of a run or of an evaluation."
            ) from error
        return found

    @cached_property
    def images(self) -> list[ListedImage]:
        """All images."""

        def read(row: Mapping[str, str]) -> ListedImage:
            return ListedImage(row["path"], row[label_column(row)], row["split"], row["sha256"])

        return self._rows(SPLITS_FILE, read)

    @cached_property
    def several(self) -> SeveralLabels | None:
        """The classes, where an image may have several; None where each has one."""
        if not self.metrics.get("several_labels"):
            return None
        return SeveralLabels(self.metrics["classes"])

    def classes_of(self, image: ListedImage) -> tuple[str, ...]:
        """Return the classes that an image has."""
        return (image.label,) if self.several is None else self.several.read(image.label).present

    @property
    def is_run(self) -> bool:
        """Whether it is of a run, and not of an evaluation."""
        return any(image.split == "train" for image in self.images)

    @cached_property
    def digests(self) -> Mapping[str, bytes]:
        """Path -> SHA-256 of the image's content."""
        return {image.path: bytes.fromhex(image.sha256) for image in self.images}

    def file_of(self, path: str) -> Path:
        """Return where the image of a path in tables is, if it still is there."""
        return (self._folder_of_images if self._data is None else self._data) / path

    @cached_property
    def _folder_of_images(self) -> Path:
        settings = self.settings
        if settings is None or settings.data == FROM_PYTHON:
            return Path()
        return Path(settings.data) if settings.data else Path(settings.labels).parent

    @cached_property
    def judged(self) -> list[Judged[ImageAnswer]]:
        """The parts that a head was judged by; first the one that says more."""
        return self._judged(_answer)

    @cached_property
    def judged_several(self) -> list[Judged[SeveralAnswer]]:
        """The same, where an image may have several labels."""
        return self._judged(_several_answer)

    def _judged(self, read: Callable[[Mapping[str, str]], Told]) -> list[Judged[Told]]:
        held_out: JudgedPart = "leave_one_out" if "leave_one_out" in self.metrics else "validation"
        answers, answers_held_out = (
            self._rows(name, read) for name in ("predictions.csv", "held_out.csv")
        )
        tested = Judged[Told]("test", self.metrics.get("test", {}), answers)
        others = Judged(held_out, self.metrics.get(held_out, {}), answers_held_out)
        # Settings are chosen by validation images, so a test says more, however small it is.
        is_test_first = held_out == "validation" or len(tested.answers) >= FEW_TESTED
        in_order = [tested, others] if is_test_first else [others, tested]
        return [judged for judged in in_order if judged.answers]

    @cached_property
    def groups(self) -> list[GroupedImage]:
        """Images that were kept together with others."""
        names = GroupedImage._fields
        return self._rows("groups.csv", lambda row: GroupedImage(*(row[name] for name in names)))

    @cached_property
    def skipped(self) -> list[tuple[str, str]]:
        """Path and reason of each file that was not used."""
        return self._rows("skipped.csv", lambda row: (row["path"], row["reason"]))

    @cached_property
    def settings(self) -> TrainConfig | EvaluateConfig | None:
        """The settings of the run or evaluation; None where they cannot be read."""
        try:
            values = read_toml(self.folder / CONFIG_FILE)
            # Only an evaluation tells which model it is of: a run has its own.
            if "model" in self.metrics:
                return make_config(EvaluateConfig, values, origin=CONFIG_FILE)
            return make_config(TrainConfig, values, origin=CONFIG_FILE)
        except ConfigError:
            return None

    @cached_property
    def scores(self) -> Scores | None:
        """The probability of every class; None where none were written."""
        with _table(self.folder / "scores.csv") as (header, rows):
            columns = [place for place, name in enumerate(header) if name.startswith(_SCORE)]
            others = {name: n for n, name in enumerate(header) if not name.startswith(_SCORE)}
            # Rows are not kept: the texts of the numbers take many times their room.
            found = [
                (
                    {name: row[place] for name, place in others.items()},
                    numpy.array([row[place] for place in columns], numpy.float32),
                )
                for row in rows
            ]
            if not found:
                return None
            labels = [header[place].removeprefix(_SCORE) for place in columns]
            number = {label: place for place, label in enumerate(labels)}
            label = label_column(header)
            distances = None
            if "distance" in others:
                distances = numpy.array(
                    [row["distance"] or "nan" for row, _ in found], numpy.float32
                )
            return Scores(
                labels,
                [row["path"] for row, _ in found],
                torch.tensor([number.get(row[label], -1) for row, _ in found]),
                torch.from_numpy(numpy.stack([values for _, values in found])),
                distances,
            )

    def _rows(self, name: str, read: Callable[[Mapping[str, str]], Row]) -> list[Row]:
        """Return what is read of each row of a table, by the names of its columns."""
        with _table(self.folder / name) as (header, rows):
            return [read(dict(zip(header, row, strict=True))) for row in rows]


def _answer(row: Mapping[str, str]) -> ImageAnswer:
    scores = float(row["score"]), float(row["label_score"])
    return ImageAnswer(row["path"], row["label"], row["prediction"], *scores)


def _several_answer(row: Mapping[str, str]) -> SeveralAnswer:
    return SeveralAnswer(*(row[name] for name in SeveralAnswer._fields))


@contextmanager
def _table(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Yield the header and the rows of a table; nothing where there is no such file.

    Raises:
        ConfigError: it is not as it was written.
    """
    if not path.exists():
        yield [], iter(())
        return
    try:
        # Spreadsheets begin the tables that they save with a mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(map(exact, file))
            yield next(rows, []), rows
    except (ValueError, LookupError, csv.Error) as error:
        reason = f"no column {error}" if isinstance(error, KeyError) else brief(error)
        raise ConfigError(
            f"{path} is damaged ({reason}). Train or evaluate again, or remove it."
        ) from error
