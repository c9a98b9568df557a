"""Which file has which content, without reading those that have not changed."""

import os
import sqlite3
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from torch_inception.features.cache.database import Database, select_where_in

LAYOUT = 2
"""Number of the layout of the file, and part of its name: versions do not meet."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS files
    (path BLOB PRIMARY KEY, state TEXT, digest BLOB, checksum INTEGER) WITHOUT ROWID"""


class FileState(NamedTuple):
    """What tells whether a file was changed, or another has taken its place.

    Archives and copies can give another file the same size and time of change; the file system's
    own number and time cannot be chosen. Where these are not kept (some network drives), files
    are read again, which costs time and nothing else. On Windows, `changed` is the time at which
    the file was made.

    Attributes:
        size: in bytes.
        modified: time of the last change of content, in nanoseconds.
        changed: time of the last change of the file or of what is said of it, in nanoseconds.
        number: of the file in its file system (inode).
    """

    size: int
    modified: int
    changed: int
    number: int

    def is_modified_since(self, earlier: "FileState") -> bool:
        """Tell whether size or time say that the content was another in an earlier state."""
        return (self.size, self.modified) != (earlier.size, earlier.modified)


def file_state(path: Path) -> FileState | None:
    """Look a file up in its folder, without reading it; None if it is no regular file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class FileIndex:
    """Path and state -> SHA-256 of the content, for files seen before.

    Args:
        folder: the cache folder.
        read_only: whether nothing is written or made, nor what is damaged made anew.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        file = folder / f"files-{LAYOUT}.sqlite"
        self._database = Database(file, _SCHEMA, read_only=read_only)

    def unchanged(self, paths: Sequence[Path]) -> dict[Path, bytes]:
        """Return path -> SHA-256 (32 bytes) of files that look as they did when they were read.

        No file is read.

        Raises:
            CacheError: the index cannot be used.
        """
        named: dict[bytes, Path] = {}
        for path in paths:
            with suppress(OSError, ValueError):  # no file can have some names
                named[_name(path)] = path
        known = self._database.run(lambda connection: _lookup(connection, named))
        return {
            path: digest
            for path, (state, digest) in known.items()
            if (now := file_state(path)) is not None and _text(now) == state
        }

    def remember(self, files: Iterable[tuple[Path, FileState, bytes]]) -> None:
        """Record the digest of each (path, state, digest), if the folder can be written.

        Raises:
            CacheError: the index cannot be used.
        """
        entries = [(_name(path), _text(state), digest) for path, state, digest in files]
        rows = [(*entry, _checksum(*entry)) for entry in entries]
        if rows and self._database.is_writable:
            self._database.run(
                lambda connection: connection.executemany(
                    "REPLACE INTO files VALUES (?, ?, ?, ?)", rows
                ),
                writing=True,
            )


def _lookup(
    connection: sqlite3.Connection, named: Mapping[bytes, Path]
) -> dict[Path, tuple[str, bytes]]:
    found: dict[Path, tuple[str, bytes]] = {}
    query = "SELECT * FROM files WHERE path IN ({})"
    for name, state, digest, checksum in select_where_in(connection, query, list(named)):
        # A damaged file can give what was never asked for, and parts of several entries.
        if name in named and checksum == _checksum(name, state, digest):
            found[named[name]] = state, digest
    return found


def _text(state: FileState) -> str:
    # A number of a file can have 64 bits without a sign, which SQLite's integers have not.
    return " ".join(map(str, state))


def _name(path: Path) -> bytes:
    return os.fsencode(path.absolute())


def _checksum(*entry: object) -> int:
    return zlib.crc32(repr(entry).encode())
