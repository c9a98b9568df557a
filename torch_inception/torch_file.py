"""Files of tensors and plain values: written whole, read without running anything in them."""

import pickle
from pathlib import Path
from typing import Any

import torch

from torch_inception.storage import atomic_file


def load_safely(path: Path, *, mapped: bool = False) -> Any:  # noqa: ANN401 - whatever was saved
    """Return the content of a file, if it is tensors and plain values only.

    Args:
        path: the file.
        mapped: whether tensors stay in the file, which is mapped into memory; only for files that
            are replaced as a whole and never written to.

    Raises:
        ValueError: it is something else, or damaged; torch's own words would mislead.
    """
    try:
        return torch.load(path, weights_only=True, map_location="cpu", mmap=mapped)
    except pickle.UnpicklingError as error:
        raise ValueError("it is damaged, or holds more than tensors and plain values") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    except (RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError) as error:
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
