"""Read what `torch.save` wrote, without running anything in it."""

import pickle
from pathlib import Path
from typing import Any

import torch


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
