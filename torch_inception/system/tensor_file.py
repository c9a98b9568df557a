"""Files of tensors and plain values: written whole, read without running anything in them."""

import os
import re
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from torch_inception.system.atomic import atomic_file
from torch_inception.system.escape import brief

SIZE_LIMIT = 2**30
"""Bytes of the largest file that is read: some 100,000 classes, or Inception-v3 ten times over."""

DAMAGED = "it is not a file of tensors that torch.save wrote, or it is damaged"


def load_tensors(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Return what `torch.save` wrote, if it is tensors and plain values only; no code is run.

    Damage is noticed by the checksums of the archive. The format that torch wrote before version
    1.6 has none.

    Returns:
        the content, its tensors in the memory of the processor. A stranger's file can hold tensors
        of any kind: see `plain_tensor`.

    Raises:
        ValueError: it is something else, or damaged; the message says what, on one line.
    """
    try:
        # Opening a pipe would wait for who writes into it.
        if not path.is_file():
            raise ValueError("it is not a regular file")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > SIZE_LIMIT:
                raise ValueError(f"it is larger than {SIZE_LIMIT // 2**20} MiB")
            _check_sums(file)
            return _load(file)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error


def plain_tensor(value: object) -> Tensor:
    """Return a tensor that a file held, without what else the file may have hung on it.

    Raises:
        ValueError: it is no tensor of numbers that lie in memory, one beside the other.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"it is a {type(value).__name__}, not a tensor")
    if value.layout != torch.strided or value.is_meta or value.is_nested:
        raise ValueError("it is a tensor of another kind than plain numbers")
    # An attribute of the same name would hide the method of the object.
    return Tensor.detach(value)


def save_whole(content: Any, path: Path) -> None:  # noqa: ANN401 - whatever torch can save
    """Write a file for `load_tensors`, whole or not at all.

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


def _check_sums(file: BinaryIO) -> None:
    """Check each record of an archive; torch, which reads it, checks none.

    Raises:
        ValueError: one is not what was written.
    """
    if file.read(4) != b"PK\3\4":  # by which torch tells the archive from what it wrote before
        return
    try:
        with zipfile.ZipFile(file) as archive:
            # `torch.serialization.set_crc32_options` has torch write no checksums.
            has_sums = any(record.CRC for record in archive.infolist())
            damaged = archive.testzip() if has_sums else None
    except Exception as error:  # whatever a damaged archive makes zipfile raise
        raise ValueError(DAMAGED) from error
    if damaged is not None:
        raise ValueError(f"it is damaged: {brief(damaged)} has another checksum")


def _load(file: BinaryIO) -> Any:  # noqa: ANN401
    file.seek(0)
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=False)
    except OSError:
        raise
    except Exception as error:  # whatever a damaged file makes torch raise
        # torch's own message is a page on how to trust the file.
        refused = re.search(r"GLOBAL ([\w.]{1,100}) (?:was|whose)", str(error))
        if refused is not None:
            told = f"it holds more than tensors and plain values: {refused[1]}"
            raise ValueError(told) from error
        raise ValueError(DAMAGED) from error
