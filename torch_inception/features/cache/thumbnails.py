"""Thumbnails, found by the content of the image that they show."""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch_inception.features.cache.database import DamagedError, Database, select_where_in

LAYOUT = 2
"""Number of the layout of the file and of the way in which thumbnails are made."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS thumbnails
    (digest BLOB PRIMARY KEY, jpeg BLOB, checksum INTEGER)"""


class Thumbnails:
    """SHA-256 of an image's content -> a small JPEG of it.

    Args:
        folder: the cache folder.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / "thumbnails" / f"thumbnails-{LAYOUT}.sqlite"
        self._database = Database(file, _SCHEMA)

    def find(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return digest -> JPEG of those images whose thumbnail is there whole.

        Args:
            digests: SHA-256 of contents, 32 bytes each.

        Raises:
            CacheError: the file cannot be used.
        """
        wanted = list(dict.fromkeys(digests))
        return self._database.run(lambda connection: _look_up(connection, wanted))

    def add(self, thumbnails: Mapping[bytes, bytes]) -> None:
        """Keep thumbnails (digest -> JPEG), if the folder can be written.

        Raises:
            CacheError: the file cannot be used.
        """
        if thumbnails and self._database.is_writable:
            self._database.run(lambda connection: _store(connection, thumbnails), writing=True)


def _store(connection: sqlite3.Connection, thumbnails: Mapping[bytes, bytes]) -> None:
    """Write thumbnails, and see that they can be found: SQLite does not notice all damage.

    Raises:
        DamagedError: they cannot be.
    """
    rows = [(digest, jpeg, _checksum(digest, jpeg)) for digest, jpeg in thumbnails.items()]
    connection.executemany("REPLACE INTO thumbnails VALUES (?, ?, ?)", rows)
    if _look_up(connection, list(thumbnails)) != thumbnails:
        raise DamagedError("what is written to it is not found")


def _look_up(connection: sqlite3.Connection, wanted: list[bytes]) -> dict[bytes, bytes]:
    # In a damaged file values can be of another type, such as texts that are not UTF-8.
    columns = "CAST(digest AS BLOB), CAST(jpeg AS BLOB), CAST(checksum AS INTEGER)"
    query = f"SELECT {columns} FROM thumbnails WHERE digest IN ({{}})"
    found = select_where_in(connection, query, wanted)
    return {
        digest: jpeg
        for digest, jpeg, checksum in found
        if None not in (digest, jpeg) and checksum == _checksum(digest, jpeg)
    }


def _checksum(digest: bytes, jpeg: bytes) -> int:
    return zlib.crc32(digest + jpeg)
