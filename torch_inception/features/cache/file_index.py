"""Which file has which content, without reading those that have not changed."""

import os
import sqlite3
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch_inception.features.cache.database import Database, marks, portions

_LAYOUT = 1
"""Number of the layout of the file, and part of its name: versions do not meet."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS files
    (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, digest BLOB, checksum INTEGER)
    WITHOUT ROWID"""


class FileState(NamedTuple):
    """What tells whether a file was changed.

    Attributes:
        size: in bytes.
        modified: time of the last change of content, in nanoseconds.
    """

    size: int
    modified: int


def file_state(path: Path) -> FileState | None:
    """Look a file up in its folder, without reading it; None if it is no regular file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return FileState(status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


class FileIndex:
    """Path, size and modification time -> SHA-256 of the content, for files seen before."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / f"files-{_LAYOUT}.sqlite", _SCHEMA)

    def lookup(self, paths: Sequence[Path]) -> dict[Path, tuple[FileState, bytes]]:
        """Return state and digest of the paths that were remembered."""
        named = {_name(path): path for path in paths}
        return self._database.run(lambda connection: _lookup(connection, named))

    def remember(self, files: Iterable[tuple[Path, FileState, bytes]]) -> None:
        """Record the digest of each (path, state, digest), if the folder can be written."""
        entries = [(_name(path), *state, digest) for path, state, digest in files]
        rows = [(*entry, _checksum(*entry)) for entry in entries]
        if rows and self._database.is_writable:
            self._database.run(
                lambda connection: connection.executemany(
                    "REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows
                ),
                writing=True,
            )


def _lookup(
    connection: sqlite3.Connection, named: Mapping[bytes, Path]
) -> dict[Path, tuple[FileState, bytes]]:
    found: dict[Path, tuple[FileState, bytes]] = {}
    for portion in portions(list(named)):
        query = f"SELECT * FROM files WHERE path IN ({marks(len(portion))})"
        for name, size, modified, digest, checksum in connection.execute(query, portion):
            # A damaged file can give what was never asked for, and parts of several entries.
            if name in named and checksum == _checksum(name, size, modified, digest):
                found[named[name]] = FileState(size, modified), digest
    return found


def _name(path: Path) -> bytes:
    return os.fsencode(path.absolute())


def _checksum(*entry: object) -> int:
    return zlib.crc32(repr(entry).encode())
