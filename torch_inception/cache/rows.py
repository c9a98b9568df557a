"""Rows of features, found by the content of the picture that they describe."""

import hashlib
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.cache.database import connect, explained, marks, portions, transaction
from torch_inception.network import FEATURES

Rows = NDArray[numpy.float16]

ROW_BYTES = 2 * FEATURES

_SCHEMA = """CREATE TABLE IF NOT EXISTS rows
    (number INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, checksum INTEGER NOT NULL)"""


def row_store(folder: Path, *, space: str) -> "RowStore":
    """Open the store of one feature space in the cache folder.

    Args:
        folder: the cache folder.
        space: what besides the picture changes a row, in words.
    """
    return RowStore(folder / "features" / hashlib.sha256(space.encode()).hexdigest()[:32])


class RowStore:
    """SHA-256 of a picture's content -> its row of 2048 float16.

    A row is written and synced before the index names it, within one transaction, so a process
    that is killed leaves no row half there: the next writer takes the same place again.
    """

    def __init__(self, folder: Path) -> None:
        self._index = folder / "index.sqlite"
        self._rows = folder / "rows.f16"
        self._connection = connect(self._index, _SCHEMA)

    def __len__(self) -> int:
        """Return how many rows there are."""
        with explained(self._index):
            (count,) = self._connection.execute("SELECT count(*) FROM rows").fetchone()
        return int(count)

    def find(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Look rows up.

        Args:
            digests: SHA-256 of contents, 32 bytes each.

        Returns:
            digest -> place of its row in `table`, for rows that are there and whose checksum is
            right.
        """
        found: dict[bytes, int] = {}
        rows = self._mapped()
        with explained(self._index):
            for portion in portions(list(dict.fromkeys(digests))):
                query = (
                    "SELECT digest, number, checksum FROM rows "
                    f"WHERE digest IN ({marks(len(portion))}) ORDER BY number"
                )
                for digest, number, checksum in self._connection.execute(query, portion):
                    if number < len(rows) and zlib.crc32(rows[number]) == checksum:
                        found[digest] = number
        return found

    def table(self) -> Tensor:
        """Return all rows, (M, 2048) float16, as a file that is mapped into memory."""
        return torch.from_numpy(self._mapped())

    def append(self, rows: Mapping[bytes, Rows]) -> None:
        """Add rows; those that another process added in the meantime are left as they are.

        Args:
            rows: digest -> (2048,) float16.
        """
        if not rows:
            return
        with explained(self._index), transaction(self._connection):
            present = self.find(rows)
            new = {digest: row.tobytes() for digest, row in rows.items() if digest not in present}
            # The index may name a row that is no longer whole: forget it, to write it anew.
            self._connection.executemany(
                "DELETE FROM rows WHERE digest = ?", [(digest,) for digest in new]
            )
            (last,) = self._connection.execute("SELECT max(number) FROM rows").fetchone()
            first = 0 if last is None else last + 1
            self._write(first, b"".join(new.values()))
            self._connection.executemany(
                "INSERT INTO rows VALUES (?, ?, ?)",
                [(first + i, digest, zlib.crc32(new[digest])) for i, digest in enumerate(new)],
            )

    def _mapped(self) -> Rows:
        """Return the whole rows of the file, (M, 2048); writes to it would not reach the file."""
        count = self._rows.stat().st_size // ROW_BYTES if self._rows.exists() else 0
        if count == 0:
            return numpy.empty((0, FEATURES), "<f2")
        mapped = numpy.memmap(self._rows, "<f2", mode="c", shape=(count, FEATURES))
        return numpy.asarray(mapped)

    def _write(self, first: int, content: bytes) -> None:
        handle = os.open(self._rows, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "r+b") as file:
            file.seek(first * ROW_BYTES)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
