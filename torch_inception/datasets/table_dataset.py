"""A table of labels becomes a data set: whole, or one message says what is wrong in which lines."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.answers.prediction import NO_LABEL
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import quoted
from torch_inception.datasets.label_reading import (
    ClassColumns,
    LabelReader,
    Row,
    RowError,
    cell_text,
    choose_reader,
)
from torch_inception.datasets.label_sets import LabelSet, SeveralLabels
from torch_inception.datasets.label_table import NEEDED, LabelTable
from torch_inception.datasets.parts import PART_OF_NAME, PARTS, Part
from torch_inception.errors import DatasetError
from torch_inception.system.escape import brief_repr

log = logging.getLogger(__name__)

NUMBERS_SHOWN = 10
"""Lines that a message lists of each mistake."""

_IS_VALID: dict[str, Part] = {
    "true": "validation", "1": "validation", "false": "train", "0": "train",
}  # fmt: skip


class _Image(NamedTuple):
    """A row: a file, its labels, and its part and group if the table tells them."""

    path: Path
    labels: LabelSet
    part: Part | None
    group: str


class _Mistakes:
    """What is wrong in a table, by kind, in the order in which kinds were met."""

    def __init__(self, table: LabelTable) -> None:
        self._table = table
        self._counts: Counter[str] = Counter()
        self._shown: dict[str, list[tuple[str, str]]] = {}

    def add(self, kind: str, row: int | str, value: object) -> None:
        self._counts[kind] += 1
        shown = self._shown.setdefault(kind, [])
        if len(shown) < NUMBERS_SHOWN:
            shown.append((str(row), brief_repr(value)))

    def raise_if_any(self) -> None:
        if self._shown:
            told = "; ".join(self._told(kind, shown) for kind, shown in self._shown.items())
            raise DatasetError(f"{self._table.name} is not used: {told}. Mend it and run again.")

    def _told(self, kind: str, shown: Sequence[tuple[str, str]]) -> str:
        rows = ", ".join(row for row, _ in shown)
        more = self._counts[kind] - len(shown)
        rest = f" and {more:,} more" if more else ""
        unit = self._table.unit if rows.isdigit() else f"{self._table.unit}s"
        return f"{kind} ({unit} {rows}{rest}; the first: {shown[0][1]})"


def table_dataset(
    table: LabelTable,
    folders: Sequence[Path],
    *,
    columns: Mapping[str, str],
    delimiter: str = "",
    to_train: bool = True,
) -> Dataset:
    """Return what a table lists.

    A path is taken as it is, if it is absolute; else from the first of the folders where there is
    such a file.

    Args:
        table: with a path and a label in each row, and maybe a part and a group.
        folders: that paths are relative to; names are relative to the first.
        columns: role -> name of its column, where it is not a usual one.
        delimiter: between the labels of an image; "" as in `choose_reader`.
        to_train: whether a head is to learn from it, which takes two labels; otherwise one.

    Returns:
        the files, by class, in the order of their names.

    Raises:
        DatasetError: a column is missing, or a row has a mistake; all rows are looked at first.
    """
    rows = list(table.rows)
    places, labels = _reader(table, rows, columns, delimiter)
    _tell_of_unused_columns(table, places, labels)
    images = _images(table, places, rows, folders, labels)
    several = labels.several(image.labels for image in images)
    if several is None:
        text_of = {image.labels: image.labels.present[0] for image in images}
    else:
        text_of = {image.labels: several.text(image.labels) for image in images}
    texts = sorted(text_of.values())
    _refuse_too_few(table, texts, several, images, to_train=to_train)
    images.sort(key=lambda image: (text_of[image.labels], image.path.parts))
    parts = _unless_empty([image.part for image in images])
    if parts:
        counts = Counter(parts)
        log.info(
            "split: given by %s: %d train, %d validation, %d test",
            table.name, *(counts[part] for part in PARTS),
        )  # fmt: skip
    number = {text: number for number, text in enumerate(texts)}
    return Dataset(
        folder=folders[0],
        label_texts=texts,
        paths=[image.path for image in images],
        targets=[number[text_of[image.labels]] for image in images],
        parts=parts,
        groups=_unless_empty([image.group for image in images]),
        table=table.name,
        several=several,
    )


def _reader(
    table: LabelTable, rows: Sequence[Row], columns: Mapping[str, str], delimiter: str
) -> tuple[dict[str, int], LabelReader]:
    """Return role -> place of its column, and what reads the labels.

    Raises:
        DatasetError: there is no column of paths, or none that tells labels.
    """
    places = table.places(columns)
    may_be_columns = not columns.get("label")
    if "path" not in places or not ("label" in places or may_be_columns):
        table.refuse_missing([role for role in NEEDED if role not in places], columns)
    return places, choose_reader(table, places, rows, delimiter=delimiter)


def _tell_of_unused_columns(
    table: LabelTable, places: Mapping[str, int], labels: LabelReader
) -> None:
    used = {*places.values(), *(labels.places.values() if isinstance(labels, ClassColumns) else ())}
    unused = [name for place, name in enumerate(table.columns) if place not in used]
    if unused:
        log.info("%s: columns that are not used: %s", table.name, quoted(unused))


def _refuse_too_few(
    table: LabelTable,
    labels: Sequence[str],
    several: SeveralLabels | None,
    images: Sequence[_Image],
    *,
    to_train: bool,
) -> None:
    """Refuse a table from which nothing can be learnt, or measured.

    Args:
        table: its name.
        labels: all that images have.
        several: the classes, where images may have several.
        images: all of them.
        to_train: whether a head is to learn from it.

    Raises:
        DatasetError: it has too few labels; or every image has a class, or none.
    """
    if not images or (several is None and len(labels) < 1 + to_train):
        found = f"only {labels[0]!r}" if labels else "no rows"
        fewest = "at least two labels" if to_train else "images"
        raise DatasetError(f"{table.name} needs {fewest} and has {found}.")
    if several is None or not to_train:
        return
    if not several.classes:
        raise DatasetError(f"{table.name} has no label in any row. Give images of some classes.")
    for label in several.classes:
        if label.strip().lower() == NO_LABEL:
            raise DatasetError(
                f"{table.name} has a class {label!r}, which would read as if an image had no "
                "label. If that is meant, leave it out: an empty cell says so; else rename it."
            )
    counts = Counter(label for image in images for label in image.labels.present)
    unknown = Counter(label for image in images for label in image.labels.unknown)
    for label in several.classes:
        known = len(images) - unknown[label]
        if counts[label] in (0, known):
            raise DatasetError(
                f"{table.name}: {'every' if counts[label] else 'no'} image of which it is known "
                f"has the class {label!r}: there is nothing to tell it by. Add images, or leave "
                "the class out."
            )


def _images(
    table: LabelTable,
    places: Mapping[str, int],
    rows: Sequence[Row],
    folders: Sequence[Path],
    labels: LabelReader,
) -> list[_Image]:
    column = {role: table.columns[place].strip().lower() for role, place in places.items()}
    reader = _Reader(
        folders,
        parts=_IS_VALID if column.get("split") == "is_valid" else PART_OF_NAME,
        is_of_run=table.is_of_run and len(folders) == 1,
    )
    mistakes = _Mistakes(table)
    first: dict[str, tuple[int, LabelSet]] = {}
    images = []
    for number, cells in rows:
        try:
            if any(cells[len(table.columns) :]):
                raise RowError("more cells than columns", cells[0])
            by_role = {r: cells[p] for r, p in places.items() if p < len(cells)}
            image = reader.image(by_role, labels.read(cells))
        except RowError as wrong:
            mistakes.add(wrong.kind, number, wrong.value)
            continue
        images.append(image)
        key = os.path.abspath(image.path)  # noqa: PTH100 - writes out ".."
        earlier, same = first.setdefault(key, (number, image.labels))
        if same != image.labels:
            mistakes.add("another label of the same file", f"{earlier} and {number}", key)
        elif earlier != number:
            mistakes.add("the same file again", f"{earlier} and {number}", key)
    mistakes.raise_if_any()
    return images


class _Reader:
    """Turns the cells of a row into an image.

    Args:
        folders: that paths are relative to.
        parts: value, in lower case -> the part that it stands for.
        is_of_run: whether a run has written the paths, and no other folder than its own is named.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        parts: Mapping[str, Part],
        is_of_run: bool,
    ) -> None:
        self._folders, self._parts = folders, parts
        places = ["the current folder" if each == Path() else str(each) for each in folders]
        self._no_file = f"no such file in {' or '.join(dict.fromkeys(places))}"
        if is_of_run:
            self._no_file += " (name the folder of the images of that run: --data FOLDER)"

    def image(self, cells: Mapping[str, object], labels: LabelSet) -> _Image:
        """Return the image of a row.

        Args:
            cells: role -> value.
            labels: of the row.

        Raises:
            RowError: it has a mistake.
        """
        part = self._part(cells.get("split"))
        group = cell_text(
            cells.get("group"), "a group that is neither text nor a whole number"
        ).strip()
        return _Image(self._file(cells.get("path")), labels, part, group)

    def _file(self, value: object) -> Path:
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise RowError("no path", value)
        name = os.fsdecode(value)
        found = listed_file(name, self._folders)
        if found is None:
            raise RowError(self._no_file, name)
        return found

    def _part(self, value: object) -> Part | None:
        text = cell_text(value, "an unknown part").strip().lower()
        if text and text not in self._parts:
            raise RowError(f"a part that is none of {', '.join(self._parts)}", value)
        return self._parts.get(text)


def listed_file(name: str, folders: Sequence[Path]) -> Path | None:
    """Return the file that a table names: in the first of the folders that has it, if any has."""
    for written in (name, name.replace("\\", "/")):  # as Windows has it
        for folder in folders:
            # Unlike Path.is_file, this takes names that no file can have.
            if os.path.isfile(folder / written):  # noqa: PTH113
                return folder / written
    return None


def _unless_empty(values: list[Any]) -> list[Any]:
    return values if any(values) else []
