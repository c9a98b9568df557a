"""Files of weights that a user names: there and readable, or the reason why not."""

import os
from pathlib import Path

from torch_inception.errors import WeightsError


def require_file(path: Path) -> None:
    """Check that a name is that of a regular file.

    Raises:
        WeightsError: it is not.
    """
    # Unlike Path.is_file, this takes any text, folders that may not be looked into, and links in
    # circles. Opening a pipe would wait until somebody writes into it.
    if not os.path.isfile(path):  # noqa: PTH113
        if os.path.exists(path):  # noqa: PTH110 - as above
            raise WeightsError(f"{path} is not a regular file.")
        raise WeightsError(f"there is no file {path}. Check the path.")


def read_whole(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        WeightsError: there is no such file, or it cannot be read.
    """
    require_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
