"""Files of weights that a user names: there, of a size that can be, and readable, or the reason."""

import os
from pathlib import Path

from torch_inception.errors import WeightsError


def require_file(path: Path) -> None:
    """Check that a name is that of a regular file.

    Raises:
        WeightsError: it is not.
    """
    # Unlike Path.is_file, this takes any text, folders that may not be looked into, and links in
    # circles. Opening a pipe would wait for who writes into it.
    if not os.path.isfile(path):  # noqa: PTH113
        if os.path.exists(path):  # noqa: PTH110 - as above
            raise WeightsError(f"{path} is no regular file.")
        raise WeightsError(f"there is no file {path}. Check the path.")


def require_size(path: Path, limit: int) -> None:
    """Check that a file has at most `limit` bytes.

    Raises:
        WeightsError: it has more.
        OSError: it cannot be looked at.
    """
    size = path.stat().st_size
    if size > limit:
        raise WeightsError(f"{path} has {size} bytes; {limit} are read at most.")


def read_whole(path: Path, limit: int) -> bytes:
    """Return what a file of at most `limit` bytes holds.

    Raises:
        WeightsError: there is no such file, it is larger, or it cannot be read.
    """
    require_file(path)
    try:
        require_size(path, limit)
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
