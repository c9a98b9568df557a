"""Files of tensors and plain values: written whole, read without running anything in them."""

import mmap
import os
import stat
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from torch_inception.storage import atomic_file
from torch_inception.torch_pickle import UnsafeError, unpickle

SIZE_LIMIT = 2**30
"""Bytes of the largest file that is read: some 100,000 classes, or Inception-v3 ten times over."""

DIRECTORY_LIMIT = 2**20
"""Bytes of the largest list of records; Inception-v3's 580 tensors take some 50 kB."""

PICKLE_LIMIT = 2**26
"""Bytes of the largest pickle; the names of 100,000 classes are seldom longer than 10 MB."""

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
"""What files begin with that torch wrote before version 1.6, or is still asked to write."""


def load_safely(path: Path, *, mapped: bool = False) -> Any:  # noqa: ANN401 - whatever was saved
    """Return the content of a file, if it is tensors and plain values only.

    No more memory is taken than the file is long, but for the values that are no tensors.

    Args:
        path: the file.
        mapped: whether tensors stay in the file, which is mapped into memory; only for files that
            are replaced as a whole and never written to. Then nothing checks their numbers.

    Returns:
        dictionaries by names, lists, tuples, strings, numbers, and tensors in the memory of the
        processor, wherever they were.

    Raises:
        ValueError: it is something else, or damaged.
    """
    try:
        # Opening a pipe would wait for who writes into it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnsafeError("it is not a regular file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > SIZE_LIMIT:
                raise UnsafeError(f"it is larger than {SIZE_LIMIT // 2**20} MiB")
            if file.read(4) == b"PK\3\4":
                return _Archive(file, size, mapped=mapped).load()
            file.seek(0)
            return _load_stream(file, size)
    except UnsafeError:
        raise
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    except (
        ValueError, LookupError, TypeError, RuntimeError, struct.error, MemoryError, OverflowError,
    ) as error:  # fmt: skip
        raise ValueError("it is not a file that torch.save wrote, or it is damaged") from error


def save_whole(content: Any, path: Path) -> None:  # noqa: ANN401 - whatever torch can save
    """Write a file for `load_safely`, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        try:
            # Saved by its path, the temporary name would be part of the content.
            torch.save(content, file)
        except RuntimeError as error:  # how torch's writer ends after a full disk
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


class _Record(NamedTuple):
    start: int
    length: int
    checksum: int


class _Archive:
    """A zip archive with a pickle and one record a storage; nothing in it is compressed."""

    def __init__(self, file: BinaryIO, size: int, *, mapped: bool) -> None:
        self._file = file
        self._records = _directory(file, size)
        self._storages: dict[str, Tensor] = {}
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None

    def load(self) -> Any:  # noqa: ANN401
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
        numbers = _read(self._file, torch.empty(record.length, dtype=torch.uint8))
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


def _load_stream(file: BinaryIO, size: int) -> Any:  # noqa: ANN401
    """Read the older format: five pickles, of which the fourth is the content, then the numbers."""
    storages: dict[str, Tensor] = {}
    room = size

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        nonlocal room
        if key not in storages:
            room -= numel * dtype.itemsize
            if room < 0:
                raise UnsafeError("it declares more numbers than it holds")
            storages[key] = torch.empty(numel, dtype=dtype)
        if (storages[key].dtype, len(storages[key])) != (dtype, numel):
            raise ValueError("storages disagree")
        return storages[key]

    beginning = [unpickle(file, storage) for _ in range(2)]
    if beginning != [_MAGIC_NUMBER, _PROTOCOL_VERSION]:
        raise ValueError("magic number")
    _, content, keys = (unpickle(file, storage) for _ in range(3))
    if sorted(keys) != sorted(storages):
        raise ValueError("keys")
    for key in keys:
        (numel,) = struct.unpack("<q", file.read(8))
        if numel != len(storages[key]):
            raise ValueError("length")
        _read(file, storages[key].view(torch.uint8))
    return content


def _read(file: BinaryIO, into: Tensor) -> Tensor:
    """Fill a tensor of bytes from where the file is."""
    if into.numel() and file.readinto(into.numpy()) != into.numel():  # type: ignore[attr-defined]
        raise ValueError("cut short")
    return into
