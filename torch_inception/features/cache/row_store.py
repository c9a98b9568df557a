"""Rows of features, found by the content of the image that they describe."""

import logging
import mmap
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.features.cache import RECORD_BYTES
from torch_inception.features.cache.database import (
    DamagedError,
    Database,
    as_cache_error,
    select_where_in,
)
from torch_inception.images.facts import FACTS, ImageFacts
from torch_inception.network import ROW_SIZE
from torch_inception.system.locks import exclusive_lock

log = logging.getLogger(__name__)


class StoredRow(NamedTuple):
    """What is kept of an image.

    Attributes:
        row: (4096,) float16.
        facts: of the image; a record of `FACTS`, too.
    """

    row: NDArray[numpy.float16]
    facts: ImageFacts | numpy.void


LAYOUT = 6
"""Number of the layout of the file of rows and of its index."""

RECORD = numpy.dtype(
    [("row", "<f2", (ROW_SIZE,)), ("facts", FACTS), ("digest", "V32"), ("checksum", "<u4")]
)
"""A record of the file of rows."""

assert RECORD.itemsize == RECORD_BYTES

_WRITTEN_AT_ONCE = 1_000
"""Rows whose records are made at a time: where that is much memory, having it takes longer than
filling it."""

_CHECKSUM = struct.Struct("<I")
_DIGEST_END = RECORD_BYTES - _CHECKSUM.size
_FACTS_END = _DIGEST_END - 32

_SCHEMA = """CREATE TABLE IF NOT EXISTS rows
    (number INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL)"""


class RowStore:
    """SHA-256 of an image's content -> its row of 4096 float16, and facts of the image.

    Every record says which image it is of and has a checksum, so the index is only a hint: it
    can be lost, and it cannot lead to a wrong row. A record is written and synced before the
    index names it; what a killed process had written whole is found when the store is opened.

    Args:
        folder: of this store.
        read_only: whether nothing is written or made, nor what is damaged made anew.

    Attributes:
        is_writable: whether rows can be added.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._file = folder / "rows.bin"
        self._database = Database(folder / "index.sqlite", _SCHEMA, read_only=read_only)
        self.is_writable = self._database.is_writable
        if self.is_writable and self._database.run(self._has_more):
            self._database.run(self._index_the_rest, writing=True)

    def __len__(self) -> int:
        """Return how many rows the index names."""
        count = self._database.run(lambda index: index.execute("SELECT count(*) FROM rows"))
        return int(count.fetchone()[0])

    def find(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those digests (SHA-256 of contents, 32 bytes each) whose rows are there whole."""
        return set(self.look_up(digests)[1])

    def look_up(self, digests: Iterable[bytes]) -> tuple[Tensor, dict[bytes, int]]:
        """Look rows up.

        Args:
            digests: SHA-256 of contents, 32 bytes each.

        Returns:
            all rows, (M, 4096) float16, as a file that is mapped into memory; and digest -> place
            in it, for rows that are there whole.
        """
        records, places = self.records(digests)
        return torch.from_numpy(records["row"]), places

    def records(self, digests: Iterable[bytes]) -> tuple[NDArray[numpy.void], dict[bytes, int]]:
        """Look rows up, and facts of their images.

        Both parts of the answer are of one state of the file, whatever happens to it later.

        Args:
            digests: SHA-256 of contents, 32 bytes each.

        Returns:
            all records, (M,) of `RECORD`, as a file that is mapped into memory; and digest -> place
            in it, for records that are there whole.
        """
        wanted, content = list(dict.fromkeys(digests)), self._mapped()
        places = self._database.run(lambda index: _find(index, wanted, content.data))
        return content.view(RECORD), places

    def append(self, rows: Mapping[bytes, StoredRow]) -> None:
        """Add rows; those that another process added in the meantime are left as they are.

        Args:
            rows: digest -> row and facts.

        Raises:
            CacheError: they cannot be written.
        """
        if rows:
            self._database.run(lambda index: self._append(index, rows), writing=True)

    def _append(self, index: sqlite3.Connection, rows: Mapping[bytes, StoredRow]) -> None:
        # Digests are sorted, so that each page of the index is read and rewritten once.
        self._index_the_rest(index)
        present = _find(index, sorted(rows), self._mapped().data)
        new = {digest: row for digest, row in rows.items() if digest not in present}
        numbers = {digest: number for number, digest in enumerate(new, self._write(new))}
        # The index may name a record that is no longer whole: the new one takes its place.
        entries = sorted(numbers.items())
        index.executemany("REPLACE INTO rows (digest, number) VALUES (?, ?)", entries)
        if dict(_named(index, sorted(numbers))) != numbers:
            raise DamagedError("what was written to it is not found")

    def _write(self, rows: Mapping[bytes, StoredRow]) -> int:
        """Add records at the end of the file; return the place of the first."""
        items = iter(rows.items())
        with as_cache_error(self._file), _opened(self._file) as file, exclusive_lock(self._file):
            end = -(-file.seek(0, os.SEEK_END) // RECORD_BYTES)
            try:
                file.seek(end * RECORD_BYTES)
                while portion := dict(islice(items, _WRITTEN_AT_ONCE)):
                    file.write(_records(portion).view(numpy.uint8).data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end * RECORD_BYTES)
                raise
        return end

    def _has_more(self, index: sqlite3.Connection) -> bool:
        return _count_of_named(index) < len(self._mapped()) // RECORD_BYTES

    def _index_the_rest(self, index: sqlite3.Connection) -> None:
        """Have the index name whole records behind the last that it names."""
        records = self._mapped().data
        start, end = _count_of_named(index), len(records) // RECORD_BYTES
        digests = {number: _digest_at(records, number) for number in range(start, end)}
        whole = [(number, digest) for number, digest in digests.items() if digest is not None]
        index.executemany("REPLACE INTO rows VALUES (?, ?)", whole)
        if start == 0 and whole:
            log.warning("cache: %s was made from its %d rows", self._database.path, len(whole))

    def _mapped(self) -> NDArray[numpy.uint8]:
        """Return the whole records of the file; writes to it would not reach the file."""
        with (
            as_cache_error(self._file),
            suppress(FileNotFoundError),
            self._file.open("rb", buffering=0) as file,
        ):
            length = os.fstat(file.fileno()).st_size // RECORD_BYTES * RECORD_BYTES
            if length > 0:  # an empty file cannot be mapped
                mapped = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY)
                return numpy.frombuffer(mapped, numpy.uint8)
        return numpy.empty(0, numpy.uint8)


def _find(index: sqlite3.Connection, digests: list[bytes], records: memoryview) -> dict[bytes, int]:
    return {
        digest: number
        for digest, number in _named(index, digests)
        if _digest_at(records, number) == digest
    }


def _named(index: sqlite3.Connection, digests: list[bytes]) -> Iterator[tuple[bytes, int]]:
    query = "SELECT digest, number FROM rows WHERE digest IN ({}) ORDER BY number"
    return select_where_in(index, query, digests)


def _count_of_named(index: sqlite3.Connection) -> int:
    (last,) = index.execute("SELECT max(number) FROM rows").fetchone()
    return 0 if last is None else int(last) + 1


def _records(rows: Mapping[bytes, StoredRow]) -> NDArray[numpy.void]:
    records = numpy.empty(len(rows), RECORD)
    stored = rows.values()
    records["row"] = numpy.array([each.row for each in stored], "<f2").reshape(-1, ROW_SIZE)
    records["facts"] = numpy.array([each.facts for each in stored], FACTS)
    records["digest"] = numpy.frombuffer(b"".join(rows), "V32")
    content = records.view(numpy.uint8).data
    ends = range(_DIGEST_END, len(content), RECORD_BYTES)
    records["checksum"] = [zlib.crc32(content[end - _DIGEST_END : end]) for end in ends]
    return records


def _digest_at(records: memoryview, number: int) -> bytes | None:
    """Return whose record this is; None if it is not whole."""
    start = number * RECORD_BYTES
    if not 0 <= start <= len(records) - RECORD_BYTES:
        return None
    (checksum,) = _CHECKSUM.unpack(records[start + _DIGEST_END : start + RECORD_BYTES])
    if zlib.crc32(records[start : start + _DIGEST_END]) != checksum:
        return None
    return bytes(records[start + _FACTS_END : start + _DIGEST_END])


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading and writing, empty where there was none."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    return os.fdopen(handle, "r+b")
