"""A table of labels becomes a data set: whole, or one message says what is wrong in which lines."""

import logging
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.classifier.model_file import LABEL_LIMIT
from torch_inception.errors import DatasetError
from torch_inception.system.escape import brief_repr
from torch_inception.training.dataset import Dataset
from torch_inception.training.folder_shapes import quoted
from torch_inception.training.label_table import LabelTable
from torch_inception.training.parts import PART_OF_NAME, PARTS, Part

log = logging.getLogger(__name__)

NUMBERS_SHOWN = 10
"""Lines that a message lists of each mistake."""

_IS_VALID: dict[str, Part] = {
    "true": "validation", "1": "validation", "false": "train", "0": "train",
}  # fmt: skip

_SEVERAL = "|"
"""Between the labels of an image in a column called `labels`."""


class _Image(NamedTuple):
    """A row: a file, its label, and its part and group if the table tells them."""

    path: Path
    label: str
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
    table: LabelTable, folders: Sequence[Path], *, columns: Mapping[str, str]
) -> Dataset:
    """Return what a table lists.

    A path is taken as it is, if it is absolute; else from the first of the folders where there is
    such a file.

    Args:
        table: with a path and a label in each row, and maybe a part and a group.
        folders: that paths are relative to; names are relative to the first.
        columns: role -> name of its column, where it is not a usual one.

    Returns:
        the files, by class, in the order of their names.

    Raises:
        DatasetError: a column is missing, or a row has a mistake; all rows are looked at first.
    """
    places = table.places(columns)
    unused = [name for place, name in enumerate(table.columns) if place not in places.values()]
    if unused:
        log.info("%s: columns that are not used: %s", table.name, quoted(unused))
    images = _images(table, places, folders)
    labels = sorted({image.label for image in images})
    if len(labels) < 2:
        found = f"only {labels[0]!r}" if labels else "no rows"
        raise DatasetError(f"{table.name} needs at least two labels and has {found}.")
    images.sort(key=lambda image: (image.label, image.path.parts))
    parts = _unless_empty([image.part for image in images])
    if parts:
        counts = Counter(parts)
        log.info(
            "split: given by %s: %d train, %d validation, %d test",
            table.name, *(counts[part] for part in PARTS),
        )  # fmt: skip
    number = {label: number for number, label in enumerate(labels)}
    return Dataset(
        folder=folders[0],
        labels=labels,
        paths=[image.path for image in images],
        targets=[number[image.label] for image in images],
        parts=parts,
        groups=_unless_empty([image.group for image in images]),
        table=table.name,
    )


def _images(table: LabelTable, places: Mapping[str, int], folders: Sequence[Path]) -> list[_Image]:
    column = {role: table.columns[place].strip().lower() for role, place in places.items()}
    reader = _Reader(
        folders,
        parts=_IS_VALID if column.get("split") == "is_valid" else PART_OF_NAME,
        may_be_several=column["label"] == "labels",
        with_spaces=table.is_of_run,
    )
    mistakes = _Mistakes(table)
    first: dict[str, tuple[int, str]] = {}
    images = []
    for number, cells in table.rows:
        try:
            if any(cells[len(table.columns) :]):
                raise _RowError("more cells than columns", cells[0])
            image = reader.image({r: cells[p] for r, p in places.items() if p < len(cells)})
        except _RowError as wrong:
            mistakes.add(wrong.kind, number, wrong.value)
            continue
        images.append(image)
        key = os.path.abspath(image.path)  # noqa: PTH100 - writes out ".."
        earlier, label = first.setdefault(key, (number, image.label))
        if label != image.label:
            mistakes.add("another label of the same file", f"{earlier} and {number}", key)
        elif earlier != number:
            mistakes.add("the same file again", f"{earlier} and {number}", key)
    mistakes.raise_if_any()
    return images


class _RowError(Exception):
    """A row with a mistake: of what kind, and the value."""

    def __init__(self, kind: str, value: object) -> None:
        super().__init__(kind)
        self.kind, self.value = kind, value


class _Reader:
    """Turns the cells of a row into an image.

    Args:
        folders: that paths are relative to.
        parts: value, in lower case -> the part that it stands for.
        may_be_several: whether a label with `|` in it stands for several.
        with_spaces: whether spaces around a label are part of it.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        parts: Mapping[str, Part],
        may_be_several: bool,
        with_spaces: bool,
    ) -> None:
        self._folders, self._parts = folders, parts
        self._may_be_several, self._with_spaces = may_be_several, with_spaces
        places = ["the current folder" if each == Path() else str(each) for each in folders]
        self._no_file = f"no such file in {' or '.join(dict.fromkeys(places))}"

    def image(self, cells: Mapping[str, object]) -> _Image:
        """Return the image of a row.

        Args:
            cells: role -> value.

        Raises:
            _RowError: it has a mistake.
        """
        label, part = self._label(cells.get("label")), self._part(cells.get("split"))
        group = _text(cells.get("group"), "a group that is neither text nor a whole number").strip()
        return _Image(self._file(cells.get("path")), label, part, group)

    def _file(self, value: object) -> Path:
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise _RowError("no path", value)
        name = os.fsdecode(value)
        for written in (name, name.replace("\\", "/")):  # as Windows has it
            for folder in self._folders:
                # Unlike Path.is_file, this takes names that no file can have.
                if os.path.isfile(folder / written):  # noqa: PTH113
                    return folder / written
        raise _RowError(self._no_file, name)

    def _label(self, value: object) -> str:
        if isinstance(value, (list, tuple)):
            if len(value) > 1:
                raise _RowError("several labels, where one is needed", value)
            value = value[0] if value else ""
        label = _text(value, "a label that is neither text nor a whole number")
        label = label if self._with_spaces else label.strip()
        if not label:
            raise _RowError("no label", label)
        if self._may_be_several and _SEVERAL in label:
            raise _RowError("several labels, where one is needed", label)
        if len(label) > LABEL_LIMIT:
            raise _RowError(f"a label of more than {LABEL_LIMIT} characters", label)
        return label

    def _part(self, value: object) -> Part | None:
        text = _text(value, "an unknown part").strip().lower()
        if text and text not in self._parts:
            raise _RowError(f"a part that is none of {', '.join(self._parts)}", value)
        return self._parts.get(text)


def _text(value: Any, mistake: str) -> str:  # noqa: ANN401
    """Return a cell as text; nothing, if there is no value.

    Raises:
        _RowError: it is neither text nor a whole number, or none that Python writes.
    """
    if getattr(value, "ndim", None) == 0:
        value = value.item()  # of numpy
    # pandas has two values of its own for "none".
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        value = int(value) if value.is_integer() else value
    if not isinstance(value, (str, int)):
        raise _RowError(mistake, value)
    try:
        text = str(value)
        text.encode("utf-8", "surrogateescape")  # names of files may hold any bytes
    except UnicodeEncodeError as error:
        raise _RowError("text that is none: half a character", value) from error
    except ValueError as error:
        raise _RowError("a number of too many digits", value) from error
    return text


def _unless_empty(values: list[Any]) -> list[Any]:
    return values if any(values) else []
