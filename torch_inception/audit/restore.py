"""What a log says was done, undone: the last step first."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from torch_inception.audit.move_log import (
    LOG_FILE,
    Entry,
    absolute,
    move_log,
    read_log,
    undo_move,
)
from torch_inception.audit.table_edit import undo_edit
from torch_inception.errors import ConfigError


class Restored(NamedTuple):
    """What is as it was, and what could not be put back.

    Attributes:
        moves: of files that were undone.
        edits: of tables that were undone.
        problems: what could not be undone, in words.
    """

    moves: int
    edits: int
    problems: list[str]


def restore(folder: Path) -> Restored:
    """Undo what the log of a folder says; the log goes once all is undone.

    What cannot be undone stays in the log, and so do earlier steps that it stands on.

    Raises:
        ConfigError: there is no log, or it is damaged, or the data folder is gone.
        OSError: a folder with images may not be opened; nothing is changed.
    """
    moves = edits = 0
    problems: list[str] = []
    blocked: set[str] = set()
    with move_log(folder, make=False) as log:
        entries = read_log(folder)
        data = _data_folders(entries.values())
        with log.lock_data(data):
            for place, entry in reversed(entries.items()):
                is_move = "from" in entry
                problem = (
                    _undo_move(folder, entry, blocked) if is_move else undo_edit(folder, entry)
                )
                if problem:
                    problems.append(problem)
                    if is_move:
                        blocked.add(entry["from"])
                    continue
                log.mark_undone(place)
                moves, edits = moves + is_move, edits + (not is_move)
        if not problems:
            (folder / LOG_FILE).unlink()
            with suppress(OSError):  # it is not empty
                folder.rmdir()
    return Restored(moves, edits, problems)


def _data_folders(entries: Iterable[Entry]) -> list[Path]:
    """Return the folders that files came from, and those that tables are in.

    Raises:
        ConfigError: one of the first is gone.
    """
    entries = list(entries)
    data = {Path(entry["data"]): None for entry in entries if "data" in entry}
    for each in data:
        if not each.is_dir():
            raise ConfigError(
                f"the images came from {each}, and that folder is gone, so none is put back. Was "
                "it renamed or moved? Move it back to that name, and restore again."
            )
    tables = [Path(entry["table"]).parent for entry in entries if "table" in entry]
    return [*data, *tables]


def _undo_move(folder: Path, entry: Entry, blocked: Collection[str]) -> str:
    """Put a file back; return what is wrong where that cannot be, and "" where it is back.

    Args:
        folder: of the log.
        entry: of the move.
        blocked: where later moves took files from that are not back there.
    """
    now = absolute(folder / entry["to"])
    if now in blocked:
        return f"{entry['from']} is not put back before what was at {now} is"
    problem = undo_move(folder, entry)
    if not problem:
        _remove_empty(folder, entry)
    return problem


def _remove_empty(folder: Path, entry: Entry) -> None:
    """Remove the folders, below that of the log, that a file was moved into and that are empty."""
    moved_to = Path(entry["to"])
    if not moved_to.is_absolute():
        for name in list(moved_to.parents)[:-1]:
            with suppress(OSError):  # it is not empty
                (folder / name).rmdir()
