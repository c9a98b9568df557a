"""Read files that may be anything: never waiting for a pipe, never more than an image has."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from torch_inception.errors import ImageError
from torch_inception.images.find import is_hidden

MAX_FILE_BYTES = 256 * 2**20
"""Size of the largest file that is read; the uncompressed pixels of 89 megapixels."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_file(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        ImageError: it is no regular file, too large for an image, or cannot be read.
    """
    with _opened(path) as file:
        content = file.read(MAX_FILE_BYTES + 1)
        _check_size(len(content))
        return content


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file; say in words why one cannot be opened or read."""
    try:
        # Opening some devices does something, so this is asked before, and again after opening:
        # by then, something else may have that name.
        _check_regular(path, path.stat())
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            _check_regular(path, status)
            _check_size(status.st_size)
            yield file
    except FileNotFoundError as error:
        is_link = path.is_symlink()
        raise ImageError("a link to a file that is not there" if is_link else _MISSING) from error
    except OSError as error:
        raise ImageError(_reason(error)) from error
    except ValueError as error:
        raise ImageError(f"not a name that a file can have ({error})") from error


_BINARY = getattr(os, "O_BINARY", 0)
_MISSING = "no such file"


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads back to itself"
    return f"cannot be read ({error.strerror or error})"


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    is_folder = stat.S_ISDIR(status.st_mode)
    kind = _folder(path) if is_folder else _KINDS.get(stat.S_IFMT(status.st_mode), "another kind")
    raise ImageError(f"not a regular file but {kind}")


def _folder(path: Path) -> str:
    try:
        with os.scandir(path) as entries:
            is_empty = all(is_hidden(entry.name) for entry in entries)
    except OSError as error:
        return f"a folder that cannot be opened ({error.strerror or error})"
    return "an empty folder" if is_empty else "a folder"


def _check_size(count: int) -> None:
    if count > MAX_FILE_BYTES:
        raise ImageError(
            f"too large for an image: {count:,} bytes, and at most {MAX_FILE_BYTES:,} are read"
        )
