"""Files of tensors and plain values: written whole, read without running anything in them."""

import os
import stat
import struct
from pathlib import Path
from typing import Any

import torch

from torch_inception.system.atomic import atomic_file
from torch_inception.system.tensor_file.archive import Archive
from torch_inception.system.tensor_file.plain_pickle import StateDict, UnsafeError
from torch_inception.system.tensor_file.stream import load_stream

__all__ = ["SIZE_LIMIT", "StateDict", "load_safely", "save_whole"]

SIZE_LIMIT = 2**30
"""Bytes of the largest file that is read: some 100,000 classes, or Inception-v3 ten times over."""


def load_safely(path: Path, *, mapped: bool = False) -> Any:  # noqa: ANN401 - whatever was saved
    """Return the content of a file, if it is tensors and plain values only.

    No more memory is taken than the file is long, but for the values that are no tensors.

    Args:
        path: the file.
        mapped: whether tensors stay in the file, which is mapped into memory; only for files that
            are replaced as a whole and never written to. Then nothing checks their numbers.

    Returns:
        dictionaries by names (an ordered one as a `StateDict`), lists, tuples, strings, numbers,
        and tensors in the memory of the processor, wherever they were.

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
                return Archive(file, size, mapped=mapped).load()
            file.seek(0)
            return load_stream(file, size)
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
