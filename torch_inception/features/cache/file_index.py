"""Which file has which content, without reading those that have not changed."""

import os
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch_inception.features.cache.database import Database, select_where_in
from torch_inception.system.file_state import FileState, file_state

LAYOUT = 2
"""Number of the layout of the file, and part of its name: versions do not meet."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS files
    (path BLOB PRIMARY KEY, state TEXT, digest BLOB, checksum INTEGER) WITHOUT ROWID"""


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
