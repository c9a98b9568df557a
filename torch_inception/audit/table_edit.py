"""Edit the lines of a table of labels that some images are in, and leave all others as they are."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torch_inception.audit.move_log import Entry, MoveLog, absolute
from torch_inception.config import TrainConfig
from torch_inception.datasets.label_table import LabelTable, open_table
from torch_inception.datasets.load_dataset import table_columns, table_folders
from torch_inception.datasets.table_dataset import listed_file
from torch_inception.system.atomic import atomic_file
from torch_inception.system.move import free_name, sync_folder

Changes = Mapping[str, str | None]
"""Absolute path of an image -> its new label; None to take its line out."""


def edit_table(log: MoveLog, config: TrainConfig, changes: Changes) -> None:
    """Edit the table that a configuration names; the table before is kept beside the log.

    Raises:
        DatasetError: it cannot be read.
        OSError: it cannot be written.
    """
    path = Path(config.labels)
    before = path.read_bytes()
    after = b"".join(_edited(before, config, changes))
    if after == before:
        return
    backup = free_name(log.folder / f"{path.stem}-before{path.suffix}")
    _write(backup, before, like=path)
    sync_folder(backup.parent)
    hashes = {"before": _hash(before), "after": _hash(after)}
    log.write({"table": absolute(path), "backup": backup.name, **hashes})
    _write(path, after, like=path)


def images_of(file: Path, config: TrainConfig) -> set[str]:
    """Return the absolute paths of the images that a table lists and that are there.

    Args:
        file: the table, or one that was kept of it.
        config: that names the table.

    Raises:
        DatasetError: it cannot be read.
    """
    columns = table_columns(config)
    table = open_table(file, chosen=columns.values())
    place, folders = table.places(columns)["path"], table_folders(config)
    found = (listed_file(str(cells[place]), folders) for _, cells in table.rows)
    return {absolute(path) for path in found if path is not None}


def undo_edit(folder: Path, entry: Entry) -> str:
    """Give a table its lines back; return what is wrong where that cannot be, "" otherwise.

    The table that was kept goes once it is in its place.
    """
    path, backup = Path(entry["table"]), folder / entry["backup"]
    try:
        now = _hash(path.read_bytes())
        before = b"" if now == entry["before"] else backup.read_bytes()
    except OSError as error:
        return f"{error.filename} cannot be read ({error.strerror})"
    if now != entry["before"]:
        if now != entry["after"] or _hash(before) != entry["before"]:
            return f"{path} was changed since, and stays as it is; as it was before, it is {backup}"
        try:
            _write(path, before, like=path)
        except OSError as error:
            return f"{path} cannot be written ({error.strerror})"
        sync_folder(path.resolve().parent)
    backup.unlink(missing_ok=True)
    return ""


def _edited(content: bytes, config: TrainConfig, changes: Changes) -> Iterator[bytes]:
    columns = table_columns(config)
    table = open_table(Path(config.labels), chosen=columns.values())
    places, folders = table.places(columns), table_folders(config)
    rows = list(table.rows)
    lines = io.BytesIO(content).readlines()  # as files give them: only a line feed ends one
    ends = [number - 1 for number, _ in rows[1:]] + [len(lines)]
    yield from lines[: rows[0][0] - 1] if rows else lines
    for (number, cells), end in zip(rows, ends, strict=True):
        found = listed_file(str(cells[places["path"]]), folders)
        own = lines[number - 1 : end]
        if found is None or absolute(found) not in changes:
            yield from own
            continue
        length = _length(table, own)
        if (label := changes[absolute(found)]) is not None:
            yield _relabelled(table, cells, places["label"], label, b"".join(own[:length]))
        yield from own[length:]  # lines without a cell


def _length(table: LabelTable, lines: Sequence[bytes]) -> int:
    """Return of how many lines the row is that begins with the first one."""
    if not table.delimiter:
        return 1
    reader = csv.reader(
        (line.decode() for line in lines),
        delimiter=table.delimiter, skipinitialspace=not table.is_of_run, strict=True,
    )  # fmt: skip
    next(reader)
    return reader.line_num


def _relabelled(
    table: LabelTable, cells: Sequence[object], place: int, label: str, line: bytes
) -> bytes:
    """Return a line with another label, and the end that it had."""
    body = line.rstrip(b"\r\n")
    end = line[len(body) :]
    if not table.delimiter:
        values = json.loads(body)
        name = table.columns[place]
        values[name] = [label] if isinstance(values[name], list) else label
        return json.dumps(values, ensure_ascii=False).encode(errors="backslashreplace") + end
    text = io.StringIO()
    changed = [*cells[:place], label, *cells[place + 1 :]]
    # With "\r\n" for the end, cells that have one of these are quoted.
    csv.writer(text, delimiter=table.delimiter, lineterminator="\r\n").writerow(changed)
    return text.getvalue().removesuffix("\r\n").encode(errors="backslashreplace") + end


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes, *, like: Path) -> None:
    """Write a file whole; where the path is a link, that which it leads to.

    Raises:
        OSError: it cannot be written; it names the file.
    """
    try:
        with atomic_file(path.resolve()) as temporary:
            temporary.write_bytes(content)
            shutil.copymode(like, temporary)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
