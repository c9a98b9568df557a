"""Tables of images: CSV and JSON Lines on disk, lists and data frames in memory, become rows."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from torch_inception.datasets.folder_shapes import archive_name, quoted
from torch_inception.datasets.label_sets import LABEL_COLUMN, SEVERAL_COLUMN
from torch_inception.datasets.parts import SplitRow
from torch_inception.errors import DatasetError
from torch_inception.images.image_input import PATH_COLUMNS, is_data_frame, is_path
from torch_inception.system.escape import brief, brief_repr
from torch_inception.system.write import exact

if TYPE_CHECKING:
    import _csv

LONGEST_LINE = 100_000
"""Bytes of the longest line that is read; paths have 4,096 at most."""

DELIMITERS = (",", ";", "\t")

ROLES = {
    "path": PATH_COLUMNS, "label": (LABEL_COLUMN, SEVERAL_COLUMN), "split": ("split", "is_valid"),
    "group": ("group",),
}  # fmt: skip
"""What is told of an image -> names of columns that tell it, the first that is there."""

NEEDED = ("path", "label")
"""Roles that a column is needed for, where no column per class is."""


@dataclass(frozen=True)
class LabelTable:
    """A table whose rows are read as they are asked for, once.

    Attributes:
        name: what messages call it.
        unit: what messages call a row: "line" of a file, "row" of a list.
        columns: their names.
        rows: (number, cells in the order of the columns); a row may have fewer or more cells.
        delimiter: between the cells of a CSV file; "" for all else.
    """

    name: str
    unit: str
    columns: Sequence[str]
    rows: Iterable[tuple[int, Sequence[object]]]
    delimiter: str = ""

    @property
    def is_of_run(self) -> bool:
        """Whether a run has written it: spaces around a label are part of it, as of a folder."""
        return set(SplitRow._fields) - {"label"} <= set(self.columns)

    def places(self, chosen: Mapping[str, str]) -> dict[str, int]:
        """Return, for each role that a column has, the place of that column.

        Args:
            chosen: role -> name of its column, where that was asked for; exact.

        Raises:
            DatasetError: a name stands twice.
        """
        lower = [name.strip().lower() for name in self.columns]
        found: dict[str, int] = {}
        for role, usual in ROLES.items():
            wanted = chosen.get(role, "")
            columns = self.columns if wanted else lower
            name = wanted or next((name for name in usual if name in lower), "")
            if list(columns).count(name) > 1:
                raise DatasetError(f"{self.name} has {name!r} twice among its columns. Rename one.")
            if name in columns:
                found[role] = list(columns).index(name)
        return found

    def refuse_missing(
        self, roles: Sequence[str], chosen: Mapping[str, str], *, hint: str = ""
    ) -> NoReturn:
        """Say which columns there are not.

        Args:
            roles: of the columns, one or more.
            chosen: as for `places`.
            hint: what else may be meant, as a sentence.

        Raises:
            DatasetError: always.
        """
        what = " and no ".join(
            f"column {chosen[role]!r}" if chosen.get(role)
            else f"column of {role}s ({', '.join(ROLES[role])})"
            for role in roles
        )  # fmt: skip
        there = quoted([brief(name) for name in self.columns])
        setting = "--{}-column NAME" if self.unit == "line" else "{}_column"
        settings = " ".join(setting.format(role) for role in roles)
        raise DatasetError(
            f"{self.name} has no {what}. Its columns are {there}. Rename what is meant, or name "
            f"it: {settings}{f'. {hint}' * bool(hint)}"
        )


def open_table(path: Path, *, chosen: Iterable[str] = ()) -> LabelTable:
    """Open a file: JSON Lines if its name ends in `.jsonl`, else CSV.

    CSV is UTF-8, with commas, semicolons or tabs, whichever divides the first line into columns
    that are known.

    Args:
        path: of the file.
        chosen: names of columns that are known too, besides those of `ROLES`; "" for none.

    Raises:
        DatasetError: it is not there, or is no such table; so, too, when a row is asked for.
    """
    name = str(path)
    if "\0" in name or not path.is_file():
        raise DatasetError(f"there is no table {name}. Give a file .csv or .jsonl: --labels.")
    archive = archive_name(path)
    if archive:
        raise DatasetError(
            f"{name} is {archive} or an office document. Save the table as CSV in UTF-8: --labels."
        )
    lines = _lines(path)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        raise DatasetError(f"{name} is empty. Give a table with the columns path and label.")
    known = {*filter(None, chosen), *chain(*ROLES.values())}
    if path.suffix.lower() == ".jsonl":
        return _json_table(name, chain([first], lines), known=known)
    if first[1].lstrip()[0] in "[{":
        raise DatasetError(
            f"{name} holds JSON. Write one object per line, and call the file .jsonl: --labels."
        )
    return _csv_table(name, first, lines, known=known)


def table_of(images: Any) -> LabelTable:  # noqa: ANN401
    """Return what is given in Python as a table.

    Args:
        images: a list of pairs (path, label), or a data frame or a mapping with such columns.

    Raises:
        DatasetError: it is none of these; so, too, when a row is asked for.
    """
    name = f"the {type(images).__name__} of images"
    if isinstance(images, Mapping) or is_data_frame(images):
        columns = list(images) if isinstance(images, Mapping) else list(images.columns)
        values = [_column(name, column, images[column]) for column in columns]
        lengths = {len(column) for column in values}
        if len(lengths) > 1:
            raise DatasetError(f"{name} has columns of different lengths. Give one label per path.")
        return LabelTable(
            name, "row", list(map(str, columns)), enumerate(zip(*values, strict=True))
        )
    if isinstance(images, (bytes, bytearray)):
        raise DatasetError(
            f"{name} is no data to train on. Give a folder, a list of pairs (path, label), or a "
            "data frame with the columns path and label."
        )
    pairs = ((number, _pair(name, number, row)) for number, row in enumerate(images))
    return LabelTable(name, "row", NEEDED, pairs)


def _column(name: str, column: object, values: Any) -> list[object]:  # noqa: ANN401
    if is_path(values) or not isinstance(values, Iterable):
        raise DatasetError(
            f"{name}: its column {brief_repr(column)} is {brief_repr(values)} and not a list. Give "
            "one value per image."
        )
    return list(values)


def _pair(name: str, number: int, row: Any) -> Sequence[object]:  # noqa: ANN401
    if is_path(row) or isinstance(row, Mapping) or not hasattr(row, "__len__") or len(row) != 2:
        raise DatasetError(
            f"{name}: row {number} is {brief_repr(row)} and not a pair (path, label). Give a list "
            "of pairs, or a data frame with the columns path and label."
        )
    return tuple(row)


def _json_table(name: str, lines: Iterable[tuple[int, str]], *, known: set[str]) -> LabelTable:
    """Return the table of all objects: its columns are the first one's keys, and known ones.

    All lines are read for that, since a key such as `split` may first occur in the last of them.
    """
    columns: dict[str, None] = {}
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, line in lines:
        if line.strip():
            found = _json_object(name, number, line)
            if objects:
                found = {key: found[key] for key in found if key in columns or _is_in(known, key)}
            columns.update(dict.fromkeys(found))
            objects.append((number, found))
    rows = ((number, [found.get(column) for column in columns]) for number, found in objects)
    return LabelTable(name, "line", list(columns), rows)


def _is_in(known: set[str], name: str) -> bool:
    """Tell whether a column's name is known, as it stands or as `LabelTable.places` takes it."""
    return name in known or name.strip().lower() in known


def _json_object(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{name}: line {number} is not JSON ({brief(error)}). Mend it."
        ) from error
    if not isinstance(found, dict):
        raise DatasetError(
            f"{name}: line {number} is not an object such as "
            '{"path": "cat/1.jpg", "label": "cat"}. Write one per line.'
        )
    return found


def _csv_table(
    name: str, first: tuple[int, str], lines: Iterator[tuple[int, str]], *, known: set[str]
) -> LabelTable:
    number, line = first
    headers = {delimiter: _header(name, line, delimiter) for delimiter in DELIMITERS}

    def fit(delimiter: str) -> tuple[int, int]:
        names = headers[delimiter]
        return len(known.intersection([*names, *map(str.lower, names)])), len(names)

    delimiter = max(DELIMITERS, key=fit)
    table = LabelTable(name, "line", headers[delimiter], (), delimiter)
    reader = csv.reader(
        (text for _, text in lines),
        delimiter=delimiter, skipinitialspace=not table.is_of_run, strict=True,
    )  # fmt: skip
    return replace(table, rows=_rows(name, reader, before=number))


def _header(name: str, line: str, delimiter: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
    except csv.Error as error:
        raise DatasetError(f"{name}: its first line cannot be read ({error}).") from error
    return [cell.strip() for cell in cells]


def _rows(name: str, reader: "_csv.Reader", *, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the first line, cells) of each row that is not empty.

    Args:
        name: of the table.
        reader: of its lines.
        before: lines that stand before them.
    """
    while True:
        number = before + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DatasetError(
                f"{name}: the row that begins in line {number} cannot be read ({error}). Is "
                "a quote missing there?"
            ) from error
        if cells is None:
            return
        if any(cells):
            yield number, cells


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of each line.

    Raises:
        DatasetError: a line is too long or no UTF-8, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from _decoded(path, file)
    except OSError as error:
        raise DatasetError(f"cannot read the table {path} ({error.strerror or error}).") from error


def _decoded(path: Path, file: BinaryIO) -> Iterator[tuple[int, str]]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise DatasetError(
                f"{path}: line {number} has more than {LONGEST_LINE:,} bytes. Is it a table?"
            )
        try:
            yield number, exact(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{path}: line {number} is not UTF-8 text. Save the table as CSV in UTF-8 "
                '(Excel: "CSV UTF-8").'
            ) from error
