"""Files moved so that all of them can be put back, whenever the process is killed.

Each step is written to a log, and the log to the disk, before the step is taken. To undo a step
that was logged and not taken changes nothing, and so does undoing it again. One that is undone is
marked in the log before an earlier one is, and not undone once more.
"""

import filecmp
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from torch_inception.errors import ConfigError
from torch_inception.system.escape import brief
from torch_inception.system.locks import exclusive_lock
from torch_inception.system.move import free_name, move_file, sync_folder

LOG_FILE = "moves.jsonl"

_UNDONE = b"#"
"""The first byte of an entry whose step is undone. One byte is written whole or not at all."""

Entry = Mapping[str, Any]
"""What one step did: {"from": path before, "to": path after, "data": the folder that the data set
is in} with the text of a "link", and what else is told of it; or what `table_edit` writes. Paths
are absolute, or relative to the folder of the log where they lie in it."""


class MoveLog:
    """Moves files and remembers, in a folder, where they were.

    Args:
        folder: that has the log.
        file: the log, open to append to.
    """

    def __init__(self, folder: Path, file: FileIO) -> None:
        self.folder, self._file = folder, file

    def write(self, entry: Entry) -> int:
        """Add an entry, and have it on the disk when this returns; return where it begins.

        Raises:
            OSError: it cannot be written, and the log is as it was.
        """
        place = self._file.seek(0, os.SEEK_END)
        line = json.dumps(entry).encode() + b"\n"
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(place)
            raise _of_file(error, self.folder / LOG_FILE) from error
        return place

    @contextmanager
    def lock_data(self, folders: Iterable[Path]) -> Iterator[None]:
        """Hold the locks of a data set's folders, so that no two commands move its files at once.

        Their logs may be in different folders, and so may the locks of these be.

        Raises:
            OSError: a folder may not be opened.
        """
        # A folder that has the log, too, is locked already. One order for all, so that no two
        # commands wait for each other.
        places = set(map(os.path.realpath, folders)) - {os.path.realpath(self.folder)}
        with ExitStack() as stack:
            for place in sorted(places):
                with suppress(FileNotFoundError):  # that of a table; undoing its edit tells of it
                    stack.enter_context(exclusive_lock(Path(place)))
            yield

    def mark_undone(self, place: int) -> None:
        """Mark the entry that begins at a byte of the log, and have that on the disk."""
        with (self.folder / LOG_FILE).open("rb+") as file:
            file.seek(place)
            file.write(_UNDONE)
            file.flush()
            os.fsync(file.fileno())

    def move(self, source: Path, target: Path, *, data: Path, **told: str) -> Path:
        """Move a file, once that is in the log; return where it is now.

        Args:
            source: the file, or a link, which is moved itself.
            target: where it goes; another file there keeps its place, and this one is called
                `name-2.jpg`.
            data: the folder of its data set.
            told: what else the log says of it.

        Raises:
            OSError: it cannot be moved, and is where it was; it names what could not be written.
        """
        target = free_name(target)
        entry = {"from": absolute(source), "to": self._logged(target), "data": absolute(data)}
        if source.is_symlink():
            entry["link"] = os.fspath(source.readlink())
        place = self.write({**entry, **told})
        try:
            move_file(source, target)
        except OSError as error:
            if not os.path.lexists(target):
                with suppress(OSError):  # to undo what was not done changes nothing
                    self.mark_undone(place)
            raise _of_file(error, target) from error
        return target

    def _logged(self, path: Path) -> str:
        """Return a path as the log has it: one below its folder moves with that."""
        inside = os.path.relpath(absolute(path), absolute(self.folder))
        return absolute(path) if inside.startswith(os.pardir) else inside


def _of_file(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror or str(error), str(path))


@contextmanager
def move_log(folder: Path, *, make: bool = True) -> Iterator[MoveLog]:
    """Yield the log of a folder; nobody else writes to it. It goes if nothing is in it at the end.

    Args:
        folder: of the log.
        make: whether folder and log are made if they are not there.

    Raises:
        ConfigError: it cannot be written; or it is not there, and is not to be made.
    """
    with ExitStack() as stack:
        try:
            missing = [each for each in (folder, *folder.parents) if not each.exists()]
            stack.enter_context(_locked(folder, make=make))
            if not make:
                read_log(folder)  # another process may have undone it all meanwhile
            file = stack.enter_context((folder / LOG_FILE).open("ab", buffering=0))
            _end_line(folder / LOG_FILE, file)
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot be a folder for moved files and their log "
                f"({error.strerror or error}). Name another, or change that."
            ) from error
        sync_folder(folder)
        try:
            yield MoveLog(folder, file)
        finally:
            if not any(_lines(folder)):
                (folder / LOG_FILE).unlink(missing_ok=True)
                for each in missing:
                    with suppress(OSError):  # it is not empty
                        each.rmdir()


def _lines(folder: Path) -> Iterator[bytes]:
    """Yield the lines of a log that are not undone."""
    with suppress(FileNotFoundError), (folder / LOG_FILE).open("rb") as file:
        yield from (line for line in file if not line.startswith(_UNDONE))


@contextmanager
def _locked(folder: Path, *, make: bool) -> Iterator[None]:
    """Hold the lock of a folder, which another process may have removed before it gave it back."""
    while True:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        else:
            read_log(folder)
        with ExitStack() as stack:
            try:
                before = folder.stat()
                stack.enter_context(exclusive_lock(folder))
                is_there = os.path.samestat(before, folder.stat())
            except FileNotFoundError:
                is_there = False
            if is_there:
                yield
                return


def _end_line(path: Path, file: FileIO) -> None:
    """Cut off the entry that a killed process began: its step was not taken."""
    content = path.read_bytes()
    file.truncate(content.rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def read_log(folder: Path) -> dict[int, Entry]:
    """Return the entries of a folder's log that are not undone: byte where each begins -> entry.

    Raises:
        ConfigError: there is none, or it is damaged.
    """
    try:
        entries = dict(_entries((folder / LOG_FILE).read_bytes()))
    except OSError as error:
        raise ConfigError(
            f"{folder} has no {LOG_FILE} that can be read ({error.strerror}). Name the folder of a "
            "--quarantine, or that of an audit's results after a --relabel."
        ) from error
    except ValueError as error:
        raise ConfigError(f"{folder / LOG_FILE} is damaged ({brief(error)}). Mend it.") from error
    if not all(isinstance(each, dict) and _is_entry(each) for each in entries.values()):
        raise ConfigError(f"{folder / LOG_FILE} is not a log of moved files.")
    return entries


def _entries(content: bytes) -> Iterator[tuple[int, Any]]:
    place = 0
    for line in content.split(b"\n")[:-1]:  # the last was not ended
        if not line.startswith(_UNDONE):
            yield place, json.loads(line)
        place += len(line) + 1


def _is_entry(entry: Entry) -> bool:
    names = ["from", "to"] if "from" in entry else ["table", "backup", "before", "after"]
    names += [name for name in ("data", "link") if name in entry]
    if not all(isinstance(entry.get(name), str) and "\0" not in entry[name] for name in names):
        return False
    # The table that was kept lies beside the log.
    return "from" in entry or Path(entry["backup"]).name == entry["backup"] != ".."


def undo_move(folder: Path, entry: Entry) -> str:
    """Put a file back; return what is wrong where that cannot be, and "" where it is back."""
    place, now = Path(entry["from"]), folder / entry["to"]
    is_there, is_moved = os.path.lexists(place), os.path.lexists(now)
    try:
        if is_moved and not is_there:
            move_file(now, place, link=entry.get("link", ""))
        elif is_moved and is_there:
            if not _is_same(place, now):
                return f"{place} is there, and differs from {now}: both stay"
            now.unlink()  # a copy to another disk was begun and not ended
        elif not is_there:
            return f"{now} is gone, and {place} is not there either"
    except OSError as error:
        return f"{now} cannot be put back to {place} ({error.strerror or error})"
    return ""


def is_taken(folder: Path, entry: Entry) -> bool:
    """Tell whether the move of an entry was made, and its file is still where it went."""
    place, now = Path(entry["from"]), folder / entry["to"]
    if not (os.path.lexists(now) and os.path.lexists(place)):
        return os.path.lexists(now)
    is_other = place.lstat().st_dev == now.lstat().st_dev and not place.is_symlink()
    return is_other or not _is_same(place, now)  # else it was begun and not ended


def _is_same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        both = one.is_symlink() and other.is_symlink()
        return both and os.path.realpath(one) == os.path.realpath(other)
    return filecmp.cmp(one, other, shallow=False)


def absolute(path: Path) -> str:
    """Return a path from the root; a link stays a link."""
    return os.path.abspath(path)  # noqa: PTH100
