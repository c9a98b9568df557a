"""Read files that may be anything: never waiting for a pipe, never more than an image has."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any

from torch_inception.errors import ImageError
from torch_inception.images.find import is_hidden

MAX_FILE_BYTES = 256 * 2**20
"""Size of the largest file that is read; the uncompressed pixels of 89 megapixels."""

_PORTION_BYTES = 2**20

MISSING = "no such file"

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_file(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return a file's content.

    Args:
        path: the file.
        max_bytes: that are read; a file of more is refused.

    Raises:
        ImageError: it is no regular file, too large for an image, or cannot be read.
    """
    try:
        return _read_regular(path, max_bytes)
    except FileNotFoundError as error:
        is_link = path.is_symlink()
        raise ImageError("a link to a file that is not there" if is_link else MISSING) from error
    except OSError as error:
        raise ImageError(_reason(error)) from error
    except ValueError as error:
        raise ImageError(f"not a name that a file can have ({error})") from error


def read_file_object(file: Any, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:  # noqa: ANN401
    """Return the content of a binary file object, from where it stands.

    Args:
        file: whatever has a method `read` that gives bytes.
        max_bytes: that are read; a file of more is refused.

    Raises:
        ImageError: nothing is left of it, it is too large for an image, or cannot be read.
        TypeError: it gives something other than bytes.
    """
    if isinstance(file, io.TextIOBase):
        raise TypeError("an image is read from a file that was opened as 'rb', not as text")
    content = bytearray()
    try:
        while part := file.read(_PORTION_BYTES):
            if not isinstance(part, bytes):
                raise TypeError(
                    f"an image is read as bytes, and {type(file).__name__} gives "
                    f"{type(part).__name__}"
                )
            content += part
            _check_size(len(content), max_bytes)
    except (OSError, ValueError) as error:  # the latter, where it is closed
        raise ImageError(f"cannot be read ({getattr(error, 'strerror', '') or error})") from error
    if not content:
        raise ImageError("nothing is left to read: it is empty, or was read before")
    return bytes(content)


def _read_regular(path: Path, max_bytes: int) -> bytes:
    # Opening some devices does something, so this is asked before, and again after opening: by
    # then, something else may have that name.
    _check_regular(path, path.stat())
    # The first is for pipes, the second for Windows, each where it is.
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, os.O_RDONLY | flags)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        _check_regular(path, status)
        _check_size(status.st_size, max_bytes)
        content = file.read(status.st_size + 1)
        if len(content) > status.st_size:  # it has grown, or it does not say how large it is
            content += file.read(max_bytes + 1 - len(content))
        _check_size(len(content), max_bytes)
        return content


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


def too_large(count: int, max_bytes: int) -> ImageError:
    """Return the reason for which a file of so many bytes is not read."""
    return ImageError(
        f"too large for an image: {count:,} bytes, and at most {max_bytes:,} are read"
    )


def _check_size(count: int, max_bytes: int) -> None:
    if count > max_bytes:
        raise too_large(count, max_bytes)
