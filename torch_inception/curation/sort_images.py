"""Put images that have no label into folders by what a model takes them for."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import require_one_label
from torch_inception.config import SortConfig
from torch_inception.curation.place import place
from torch_inception.datasets.label_table import open_table
from torch_inception.errors import ConfigError, DatasetError, ImageError
from torch_inception.features.image_rows import FeatureRow
from torch_inception.images.find import is_hidden
from torch_inception.system.escape import brief
from torch_inception.system.locks import exclusive_lock

SORTED, UNSURE, UNLIKE = "sorted", "unsure", "unlike"
"""Folders that images are put into."""

TABLE = "sorted.csv"
HEADER = ("path", "placed", "label", "score", "known", "distance")
"""Columns of the table: where an image was, where it is put, and what the model said of it."""

MOST_BYTES = 255
"""Of a folder's name, on the file systems of Linux, macOS and Windows."""


@dataclass
class Sorted:
    """What became of images.

    Attributes:
        placed: (folder, label) -> how many images were put there; the label is "" in `UNLIKE`.
        before: how many an earlier run has sorted; they are left alone.
        bad: those that cannot be read, and why; they stay where they are.
    """

    placed: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: int = 0
    bad: list[tuple[Path, ImageError]] = field(default_factory=list)

    def counts(self, most: int) -> list[tuple[str, int]]:
        """Return (folder, images that were put there), sorted.

        Args:
            most: folders of classes up to which each is told by itself; of more, those that they
                are in are.
        """
        if len(self.placed) <= most:
            return sorted((str(Path(*names)), count) for names, count in self.placed.items())
        of_folder: Counter[str] = Counter()
        for (folder, _), count in self.placed.items():
            of_folder[folder] += count
        return sorted(of_folder.items())


def sort_images(classifier: Classifier, paths: Iterable[Path], config: SortConfig) -> Sorted:
    """Put each image into a folder, and write that into the table at once.

    `sorted/LABEL` has those that the model is sure of, `unsure/LABEL` those for which a set of
    labels that holds the true one with the wanted probability has more than one label, by the best
    of them, and `unlike` those that are unlike all training images.

    Args:
        classifier: that was trained by this package.
        paths: of the images, in order.
        config: where to, how, and the two shares.

    Raises:
        ConfigError: the model gives several labels, or cannot tell what it is unsure of, or a label
            cannot be the name of a folder; or the folder is a file, or the table cannot be read.
        OSError: a file cannot be put into its place.
    """
    require_one_label(
        classifier.model,
        "sort",
        why="an image goes into the folder of its label",
        instead="For a table of the labels of each image: predict --format csv.",
    )
    classifier.coverage_threshold(config.coverage)
    _check_labels(classifier.labels)
    found = Sorted()
    into = Path(config.into)
    with _folder_for(into), _table(into / TABLE) as table:

        def left() -> Iterator[Path]:
            for path in paths:
                if _absolute(path) in table.earlier:
                    found.before += 1
                else:
                    yield path

        for path, row in classifier.stream_with_rows(left()):
            if isinstance(row, ImageError):
                found.bad.append((path, row))
                continue
            answer = _answer(classifier, row, config)
            target = place(path, into / answer.folder / answer.label_folder, config.action)
            table.write([_absolute(path), target.relative_to(into).as_posix(), *answer.told])
            found.placed[answer.folder, answer.label_folder] += 1
    return found


class _Answer(NamedTuple):
    folder: str
    label_folder: str
    told: tuple[str, float, str, float | None]


def _answer(classifier: Classifier, row: FeatureRow, config: SortConfig) -> _Answer:
    best_first = classifier.best(row, len(classifier.labels))
    label, score = best_first[0]
    known, distance = "", None
    if classifier.model.space is not None:
        far = classifier.distance_of(row, false_rejection=config.false_rejection)
        known, distance = "" if far.known is None else json.dumps(far.known), far.distance
    told = (label, score, known, distance)
    if known == "false":
        return _Answer(UNLIKE, "", told)
    is_sure = len(classifier.label_set(best_first, coverage=config.coverage)) == 1
    return _Answer(SORTED if is_sure else UNSURE, label, told)


def _check_labels(labels: Iterable[str]) -> None:
    """Refuse labels that cannot be folders, or of which training would not find the folders."""
    for label in labels:
        is_name = label not in ("", ".", "..") and not set("/\\\0") & set(label)
        fits = len(os.fsencode(label)) <= MOST_BYTES
        if not is_name or not fits or is_hidden(label):
            raise ConfigError(
                f"the label {brief(label)!r} of the model cannot be the name of a folder of "
                "images. Train with another name of that class."
            )


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - a link is an image of its own


@contextmanager
def _folder_for(into: Path) -> Iterator[None]:
    """Make the folder that images are put into, and keep other commands from putting any there.

    Raises:
        ConfigError: it is a file, or lies in one.
    """
    for part in (into, *into.parents):
        if part.exists() and not part.is_dir():
            raise ConfigError(f"into {into}: {part} is a file. Name a folder: --into.")
    into.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(into):
        yield


class _Table(NamedTuple):
    """The table of images that were sorted.

    Attributes:
        earlier: absolute paths of those that were sorted before.
        write: adds a row.
    """

    earlier: Collection[str]
    write: Callable[[Sequence[object]], object]


@contextmanager
def _table(path: Path) -> Iterator[_Table]:
    """Open the table to add rows to; a run that is killed is taken up after its last row.

    Raises:
        ConfigError: it is another table.
    """
    earlier, delimiter = _read_table(path)
    with path.open(
        "a", encoding="utf-8", errors="backslashreplace", newline="", buffering=1
    ) as file:
        write_row = csv.writer(file, delimiter=delimiter, lineterminator="\n").writerow
        if not file.tell():
            write_row(HEADER)
        elif not path.read_bytes().endswith(b"\n"):  # as editors may leave it
            file.write("\n")
        yield _Table(earlier, write_row)


def _read_table(table: Path) -> tuple[set[str], str]:
    """Return the images that were sorted before, and what stands between the cells of the table.

    Raises:
        ConfigError: it is another table.
    """
    if not table.exists():
        return set(), ","
    try:
        found = open_table(table, chosen=HEADER)
        if tuple(found.columns) != HEADER:
            raise DatasetError(f"its columns are not {', '.join(HEADER)}")
        return {str(cells[0]) for _, cells in found.rows}, found.delimiter
    except DatasetError as error:
        raise ConfigError(
            f"{table} is not a table of images that were sorted ({error}). Name another folder: "
            "--into."
        ) from error
