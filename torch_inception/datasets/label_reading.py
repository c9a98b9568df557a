"""What the rows of a table say of labels: one, several in a cell, or a column per class."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch_inception.classifier.model_file import LABEL_LIMIT
from torch_inception.datasets.folder_shapes import quoted
from torch_inception.datasets.label_sets import (
    DELIMITER,
    SEVERAL_COLUMN,
    UNKNOWN_MARK,
    LabelSet,
    SeveralLabels,
    parse_labels,
)
from torch_inception.datasets.label_table import LabelTable
from torch_inception.errors import DatasetError
from torch_inception.system.escape import brief_repr, counted

log = logging.getLogger(__name__)

_PRESENT, _ABSENT = ("1", "1.0", "true"), ("0", "0.0", "false")
"""Cells of the column of a class; pandas writes 1.0 and 0.0 once another cell is empty."""

_LIKE_A_MARK = {
    "-1", "-1.0", "yes", "no", "y", "n", "t", "f", "nan", "na", "n/a", "null", "none", "unknown",
}  # fmt: skip
"""Cells that other programs write for 1, 0 or unknown, and that mean none of these here."""

HOW_WRITTEN = "a class has 1 (the image has it), 0 (it has not) or an empty cell (unknown)"

BAD_CELLS_SHOWN = 3
"""Cells of a column that a message quotes."""

Row = tuple[int, Sequence[object]]
"""Number and cells of a row of a table."""

_NumberedCell = tuple[int, object]
"""Number of a row, and its cell of a column."""


class RowError(Exception):
    """A row with a mistake: of what kind, and the value."""

    def __init__(self, kind: str, value: object) -> None:
        super().__init__(kind)
        self.kind, self.value = kind, value


class LabelReader(Protocol):
    """Reads the labels of a row."""

    def read(self, cells: Sequence[object]) -> LabelSet:
        """Return what a row says.

        Raises:
            RowError: it has a mistake.
        """

    def several(self, found: Iterable[LabelSet]) -> SeveralLabels | None:
        """Return how the labels of all rows are written; None where each row has one."""


@dataclass(frozen=True)
class OneLabel:
    """Each image has one label.

    Attributes:
        place: of the column.
        with_spaces: whether spaces around a label are part of it.
    """

    place: int
    with_spaces: bool

    def read(self, cells: Sequence[object]) -> LabelSet:
        """Return the label of a row."""
        value = _cell(cells, self.place)
        if isinstance(value, list):
            value = value[0] if value else ""
        label = label_text(value, with_spaces=self.with_spaces)
        if not label:
            raise RowError("no label", label)
        return LabelSet((label,))

    def several(self, found: Iterable[LabelSet]) -> SeveralLabels | None:
        """Return None."""
        return None


@dataclass(frozen=True)
class SeparatedLabels:
    """A cell holds labels with something between them; an empty one says that there are none.

    Attributes:
        place: of the column.
        delimiter: between labels.
        with_spaces: whether spaces around a label are part of it.
    """

    place: int
    delimiter: str
    with_spaces: bool

    def read(self, cells: Sequence[object]) -> LabelSet:
        """Return the labels of a row."""
        value = _cell(cells, self.place)
        if not isinstance(value, list):
            value = cell_text(value, "a label that is neither text nor a whole number")
            value = value.split(self.delimiter)
        parts = [self._label(part) for part in value]
        for mark in (self.delimiter, DELIMITER):
            wrong = next((part for part in parts if mark in part), None)
            if wrong is not None:
                raise RowError(f"a label with {mark!r} in it", wrong)
        if any(parts) and not set(parts) - {"", UNKNOWN_MARK}:
            # As an empty cell, it would say that the image has none of the classes.
            kind = f"{UNKNOWN_MARK!r} names no class: write {UNKNOWN_MARK}NAME"
            raise RowError(kind, self.delimiter.join(parts))
        try:
            return parse_labels(parts)
        except ValueError as error:
            raise RowError(str(error), value) from error

    def _label(self, value: object) -> str:
        label = label_text(value, with_spaces=self.with_spaces)
        if self.with_spaces or not label.startswith(UNKNOWN_MARK):
            return label
        return UNKNOWN_MARK + label.removeprefix(UNKNOWN_MARK).lstrip()

    def several(self, found: Iterable[LabelSet]) -> SeveralLabels | None:
        """Return how they are written."""
        names = {label for labels in found for part in labels for label in part}
        return SeveralLabels(sorted(names))


@dataclass(frozen=True)
class ClassColumns:
    """A column per class: 1, 0, or nothing where it is unknown.

    Attributes:
        places: class -> place of its column.
    """

    places: Mapping[str, int]

    def read(self, cells: Sequence[object]) -> LabelSet:
        """Return the labels of a row."""
        values = {name: _flag(_cell(cells, place)) for name, place in self.places.items()}
        for name, value in values.items():
            if value not in ("", *_PRESENT, *_ABSENT):
                raise RowError(f"the column {name!r} has something else, and {HOW_WRITTEN}", value)
        return LabelSet(
            tuple(sorted(name for name, value in values.items() if value in _PRESENT)),
            tuple(sorted(name for name, value in values.items() if not value)),
        )

    def several(self, found: Iterable[LabelSet]) -> SeveralLabels | None:
        """Return how they are written."""
        return SeveralLabels(sorted(self.places), others_unknown=True)


def choose_reader(
    table: LabelTable, places: Mapping[str, int], rows: Sequence[Row], *, delimiter: str
) -> LabelReader:
    """Return what reads the labels of a table, and tell what was understood.

    An image may have several labels where a delimiter was asked for; where a cell of a column
    called `labels` has `|` in it, or any cell a list of several; and where there is no column of
    labels, and one per class instead: columns most of whose cells are 1, 0 or empty.

    Args:
        table: its name and its columns.
        places: role -> place of its column.
        rows: all of them.
        delimiter: that was asked for, or "".

    Raises:
        DatasetError: nothing tells labels.
    """
    if "label" not in places:
        return _class_columns(table, places, rows)
    place = places["label"]
    column = table.columns[place]
    cells = [_cell(cells, place) for _, cells in rows]
    is_several_column = column.strip().lower() == SEVERAL_COLUMN
    with_delimiter = sum(isinstance(cell, str) and DELIMITER in cell for cell in cells)
    has_list = any(isinstance(cell, list) and len(cell) > 1 for cell in cells)
    is_of_several = is_several_column and (with_delimiter > 0 or table.is_of_run)
    if delimiter or is_of_several or has_list:
        delimiter = delimiter or DELIMITER
        log.info(
            "labels: an image may have several: the column %r of %s, with %r between them; an "
            "empty cell has none of the classes, and %sNAME says that NAME is unknown (%s)",
            column, table.name, delimiter, UNKNOWN_MARK,
            counted(_unknown_marks(cells, delimiter), "such mark"),
        )  # fmt: skip
        return SeparatedLabels(place, delimiter, table.is_of_run)
    if with_delimiter:
        log.info(
            "labels: one per image; of column %r, %s %r as a part of its name. If that stands "
            "between several labels: --label-delimiter '|'",
            column,
            "1 label has" if with_delimiter == 1 else f"{with_delimiter:,} labels have",
            DELIMITER,
        )
    elif is_several_column:
        log.info(
            "labels: one per image, since no cell of the column %r has %r in it. If images may "
            "have several or none: --label-delimiter '|'",
            column, DELIMITER,
        )  # fmt: skip
    return OneLabel(place, table.is_of_run)


def _unknown_marks(cells: Iterable[object], delimiter: str) -> int:
    """Return how many labels of cells have the mark of those that are unknown."""
    parts = (each.split(delimiter) if isinstance(each, str) else each for each in cells)
    labels = (label for each in parts if isinstance(each, list) for label in each)
    marked = (label.strip() for label in labels if isinstance(label, str))
    return sum(label.startswith(UNKNOWN_MARK) and label != UNKNOWN_MARK for label in marked)


def _class_columns(
    table: LabelTable, places: Mapping[str, int], rows: Sequence[Row]
) -> ClassColumns:
    """Return the reader of columns of classes.

    Raises:
        DatasetError: no column is like one, or one is meant so and is not written so.
    """
    found: dict[str, int] = {}
    unclear = []
    for place, name in enumerate(table.columns):
        if place in places.values():
            continue
        cells = [(number, _cell(row, place)) for number, row in rows]
        if _tells_a_class(cells):
            found[name] = place
        elif (each := _unclear(table, place, cells)) is not None:
            unclear.append(each)
    if not found:
        others = counted(len(unclear) - 1, "other column")
        more = f" (it is so in {others}, too)" if len(unclear) > 1 else ""
        told = f"{unclear[0].told}, and {HOW_WRITTEN}{more}" if unclear else HOW_WRITTEN
        hint = f"If each class has a column of its own: {told}."
        table.refuse_missing(["label"], {}, hint=hint)
    for each in unclear:
        _refuse_or_warn(table.name, each)
    _check_class_names(table, found)
    unknown = sum(not _flag(_cell(row, place)) for _, row in rows for place in found.values())
    log.info(
        "labels: an image may have several: %s has a column of 1, 0 or nothing (unknown: %s) for "
        "each of %d classes: %s",
        table.name, counted(unknown, "cell"), len(found), quoted(list(found)),
    )  # fmt: skip
    return ClassColumns(found)


def _check_class_names(table: LabelTable, names: Iterable[str]) -> None:
    """Refuse columns of classes whose names cannot be those of classes."""
    for name in names:
        is_name = name.strip() and len(name) <= LABEL_LIMIT
        if not is_name or DELIMITER in name or name.startswith(UNKNOWN_MARK):
            raise DatasetError(
                f"{table.name}: a column of 1 and 0 is called {name!r}, and a class cannot be: its "
                f"name is not empty, does not begin with {UNKNOWN_MARK!r} and has no {DELIMITER!r} "
                "in it. Rename the column."
            )
        if list(table.columns).count(name) > 1:
            raise DatasetError(f"{table.name} has {name!r} twice among its columns. Rename one.")


def _tells_a_class(cells: Sequence[_NumberedCell]) -> bool:
    """Tell whether most cells that are not empty are 1 or 0."""
    values = [value for _, cell in cells if (value := _flag(cell))]
    fit = sum(value in _PRESENT or value in _ABSENT for value in values)
    return 2 * fit > len(values)


class _Unclear(NamedTuple):
    """A column that is not taken as a class, and may be meant as one.

    Attributes:
        told: its name, and which of its cells are those of no class.
        has_marks: whether others are 1 or 0.
    """

    told: str
    has_marks: bool


def _unclear(table: LabelTable, place: int, cells: Sequence[_NumberedCell]) -> _Unclear | None:
    """Return what is unclear of a column; None where it is like no class.

    It is like one if all its cells are 1, 0, empty, or what other programs write for these.
    """
    marks = {*_PRESENT, *_ABSENT}
    values = {_flag(cell) for _, cell in cells} - {""}
    if not values or not values <= marks | _LIKE_A_MARK:
        return None
    bad = [(number, cell) for number, cell in cells if _flag(cell) not in marks | {""}]
    shown = [
        f"{brief_repr(cell)} in {table.unit} {number}" for number, cell in bad[:BAD_CELLS_SHOWN]
    ]
    more = f" and {len(bad) - len(shown):,} more" if len(bad) > len(shown) else ""
    told = f"the column {brief_repr(table.columns[place])} has {', '.join(shown)}{more}"
    return _Unclear(told, bool(values & marks))


def _refuse_or_warn(name: str, unclear: _Unclear) -> None:
    """Refuse a column beside those of classes that is meant as one; else warn of it.

    Args:
        name: of the table.
        unclear: the column.

    Raises:
        DatasetError: it is meant as one, as its cells of 1 or 0 say.
    """
    said = f"{name}: {unclear.told}, and {HOW_WRITTEN}"
    if unclear.has_marks:
        raise DatasetError(f"{said}. Mend it; if it is no class, leave it out.")
    log.warning("WARNING: %s. So it is not used. If it is a class, mend it and run again.", said)


def _flag(value: object) -> str:
    try:
        return cell_text(value, "").strip().lower()
    except RowError:
        return str(value)


def _cell(cells: Sequence[object], place: int) -> object:
    """Return a cell; a list of labels, however Python or numpy holds them, as a list."""
    value: Any = cells[place] if place < len(cells) else None
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    return value.tolist() if getattr(value, "ndim", None) == 1 else value


def label_text(value: object, *, with_spaces: bool) -> str:
    """Return a label; nothing, if there is none.

    Raises:
        RowError: it is none, or too long.
    """
    label = cell_text(value, "a label that is neither text nor a whole number")
    label = label if with_spaces else label.strip()
    if len(label) > LABEL_LIMIT:
        raise RowError(f"a label of more than {LABEL_LIMIT} characters", label)
    return label


def cell_text(value: Any, mistake: str) -> str:  # noqa: ANN401
    """Return a cell as text; nothing, if there is no value.

    Raises:
        RowError: it is neither text nor a whole number, or none that Python writes.
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
        raise RowError(mistake, value)
    try:
        text = str(value)
        text.encode("utf-8", "surrogateescape")  # names of files may hold any bytes
    except UnicodeEncodeError as error:
        raise RowError("text that is none: half a character", value) from error
    except ValueError as error:
        raise RowError("a number of too many digits", value) from error
    return text
