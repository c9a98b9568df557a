"""The format of `torch.save`: a zip archive of a pickle and the numbers of tensors."""

import mmap
import struct
import sys
import zlib
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from torch_inception.system.tensor_file.plain_pickle import UnsafeError, unpickle

DIRECTORY_LIMIT = 2**20
"""Bytes of the largest list of records; Inception-v3's 580 tensors take some 50 kB."""

PICKLE_LIMIT = 2**26
"""Bytes of the largest pickle; the names of 100,000 classes are seldom longer than 10 MB."""


class _Record(NamedTuple):
    start: int
    length: int
    checksum: int


class Archive:
    """A zip archive with a pickle and one record a storage; nothing in it is compressed."""

    def __init__(self, file: BinaryIO, size: int, *, mapped: bool) -> None:
        self._file = file
        self._records = _directory(file, size)
        self._storages: dict[str, Tensor] = {}
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None

    def load(self) -> Any:  # noqa: ANN401 - whatever was saved
        """Return the content.

        Raises: as `unpickle`.
        """
        if self._plain("byteorder", sys.byteorder.encode()) != sys.byteorder.encode():
            raise UnsafeError("it was saved on a machine with another order of bytes")
        return unpickle(BytesIO(self._plain("data.pkl")), self._storage)

    def _plain(self, name: str, default: bytes | None = None) -> bytes:
        if default is not None and name not in self._records:
            return default
        record = self._records[name]
        if record.length > PICKLE_LIMIT:
            raise UnsafeError("it holds too many values")
        self._file.seek(record.start)
        content = self._file.read(record.length)
        if zlib.crc32(content) != record.checksum:
            raise ValueError("checksum")
        return content

    def _storage(self, dtype: torch.dtype, key: str, numel: int) -> Tensor:
        record = self._records[f"data/{key}"]
        if numel * dtype.itemsize != record.length:
            raise UnsafeError("it declares more or fewer numbers than it holds")
        if key not in self._storages:
            self._storages[key] = self._numbers(record)
        return self._storages[key].view(dtype)

    def _numbers(self, record: _Record) -> Tensor:
        if self._map is not None and record.length:
            return torch.frombuffer(
                self._map, dtype=torch.uint8, count=record.length, offset=record.start
            )
        self._file.seek(record.start)
        numbers = fill(self._file, torch.empty(record.length, dtype=torch.uint8))
        if zlib.crc32(numbers.numpy().data) != record.checksum:
            raise ValueError("checksum")
        return numbers


def _directory(file: BinaryIO, size: int) -> dict[str, _Record]:
    """Return the records of a zip archive by name, without the folder that all are in.

    The layout is that of PKWARE's APPNOTE.TXT: 4.3.16 (the end), 4.3.12 (the directory), 4.3.7.
    """
    file.seek(max(0, size - 22))
    mark, *_, count, length, start, comment = struct.unpack("<4s4H2LH", file.read(22))
    if mark != b"PK\5\6" or comment or length > DIRECTORY_LIMIT:
        raise ValueError("no directory")
    file.seek(start)
    directory = file.read(length)
    records: dict[str, _Record] = {}
    position = 0
    for _ in range(count):
        mark, *_, method, _, _, checksum, packed, length, name, extra, comment, _, _, _, start = (
            struct.unpack_from("<4s6H3L5H2L", directory, position)
        )
        if mark != b"PK\1\2" or method or packed != length:
            raise UnsafeError("it is compressed, which torch.save never does")
        path = directory[position + 46 : position + 46 + name].decode()
        records[path.partition("/")[2]] = _Record(_content(file, start), length, checksum)
        position += 46 + name + extra + comment
    if sum(record.length for record in records.values()) > size:
        raise UnsafeError("it declares more than it holds")
    return records


def _content(file: BinaryIO, header: int) -> int:
    """Return where the content of the record begins whose own header is there."""
    file.seek(header)
    mark, name, extra = struct.unpack("<4s22x2H", file.read(30))
    if mark != b"PK\3\4":
        raise ValueError("no header")
    return header + 30 + int(name) + int(extra)


def fill(file: BinaryIO, into: Tensor) -> Tensor:
    """Fill a tensor of bytes from where the file is."""
    if into.numel() and file.readinto(into.numpy()) != into.numel():  # type: ignore[attr-defined]
        raise ValueError("cut short")
    return into
