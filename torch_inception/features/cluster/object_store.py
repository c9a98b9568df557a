"""Folders in object stores (`s3://`, `gs://`), through pyarrow's file systems."""

import logging
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pyarrow import ArrowException, fs

from torch_inception.errors import ClusterError, ImageError
from torch_inception.features.image_rows import CHANGED
from torch_inception.images.read import MAX_FILE_BYTES, MISSING, too_large

log = logging.getLogger(__name__)

MOST_LETTERS = 300
"""Of what a library says, in an error."""

SCHEMES = ("s3", "gs")
"""Of addresses of object stores."""

TELL_SECONDS = 10.0
"""How long the names of files are waited for before that is told: a store that does not answer is
given up after a minute or two."""


class StoredObject(NamedTuple):
    """A file of an object store.

    Attributes:
        name: its bucket and key.
        size: in bytes.
        modified: time of its last change, in nanoseconds.
    """

    name: str
    size: int
    modified: int


class ObjectStore:
    """A folder of an object store, whose files are images. It pickles.

    Args:
        address: such as `s3://bucket/folder`; what stands behind a `?` are pyarrow's options.

    Raises:
        ClusterError: the address cannot be used.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._opened: tuple[fs.FileSystem, str] | None = None
        self._open()

    def __reduce__(self) -> "tuple[type[ObjectStore], tuple[str]]":
        return ObjectStore, (self.address,)

    def __str__(self) -> str:
        # Without options, which may be nobody's business.
        return f"{self.scheme}{self.root}"

    @property
    def system(self) -> fs.FileSystem:
        """What opens its files."""
        return self._open()[0]

    @property
    def root(self) -> str:
        """Its bucket and the key of the folder."""
        return self._open()[1]

    @property
    def scheme(self) -> str:
        """How its address begins, such as `s3://`."""
        return f"{self.address.partition('://')[0]}://"

    def objects(self, *, recursive: bool = True) -> Iterator[StoredObject]:
        """Yield every file; a folder that is not there has none.

        Raises:
            ClusterError: it cannot be listed.
        """
        selector = fs.FileSelector(self.root, recursive=recursive, allow_not_found=True)
        with told_of(self, "listed"), _told_if_slow("the names of the files in %s", self):
            found = self.system.get_file_info(selector)
        for each in found:
            if each.type != fs.FileType.Directory:
                yield StoredObject(each.path, each.size, each.mtime_ns or 0)

    def read(self, name: str) -> tuple[StoredObject, bytes]:
        """Return what an image's file is, looked up before it is read, and its content.

        Raises:
            ImageError: it is not there, too large for an image, changes size, or cannot be read.
        """
        try:
            info = self.system.get_file_info(name)
            if info.type != fs.FileType.File:
                raise ImageError(MISSING)
            if info.size > MAX_FILE_BYTES:
                raise too_large(info.size, MAX_FILE_BYTES)
            with self.system.open_input_file(name) as file:
                content: bytes = file.read(info.size + 1)
        except (OSError, ArrowException) as error:
            raise ImageError(f"cannot be read ({first_line(error)})") from error
        if len(content) != info.size:
            raise ImageError(CHANGED)
        return StoredObject(name, info.size, info.mtime_ns or 0), content

    def _open(self) -> tuple[fs.FileSystem, str]:
        if "@" in self.address.partition("?")[0]:
            raise ClusterError(
                "an address of an object store holds no keys: they would be written into "
                "config.toml. Put them into the environment or a file, as the store's own tools do."
            )
        if self._opened is None:
            try:
                system, root = fs.FileSystem.from_uri(_with_time_limit(self.address))
            except (OSError, ArrowException, ValueError) as error:
                raise ClusterError(
                    f"{self.address.partition('?')[0]!r} is no address that can be opened "
                    f"({first_line(error)}). Write s3://BUCKET/FOLDER or gs://BUCKET/FOLDER."
                ) from error
            if not root.strip("/"):
                raise ClusterError(
                    f"{self.address.partition('?')[0]!r} names no bucket. Write "
                    "s3://BUCKET/FOLDER or gs://BUCKET/FOLDER."
                )
            self._opened = system, root.rstrip("/")
        return self._opened


def _with_time_limit(address: str) -> str:
    """Have a store of Google tried for half a minute, not for a quarter of an hour."""
    if not address.startswith("gs:") or "retry_limit_seconds=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}retry_limit_seconds=30"


def is_store(place: str) -> bool:
    """Tell whether a place is an address of an object store, not a path.

    Raises:
        ClusterError: it is an address of another kind.
    """
    scheme, mark, _ = place.partition("://")
    if mark and scheme not in SCHEMES:
        known = " or ".join(f"{each}://BUCKET/FOLDER" for each in SCHEMES)
        raise ClusterError(f"{place!r}: {scheme}:// is not known. Use a folder, {known}.")
    return bool(mark)


@contextmanager
def told_of(place: object, what: str) -> Iterator[None]:
    """Tell of errors of disks, permissions and networks in a line.

    Args:
        place: a folder or file, as people call it.
        what: cannot be done with it.

    Raises:
        ClusterError: that cannot be done.
    """
    try:
        yield
    except (OSError, ArrowException) as error:
        raise ClusterError(
            f"{place} cannot be {what} ({first_line(error)}). Mend that, and run the same command "
            "again: rows that were written are kept."
        ) from error


@contextmanager
def _told_if_slow(what: str, *of: object) -> Iterator[None]:
    """Tell, once, what is waited for in a block that takes long."""
    timer = threading.Timer(TELL_SECONDS, log.info, [f"waiting for {what}", *of])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def first_line(error: Exception) -> str:
    """Return the first line of what a library says, not too long and without the full stop."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return textwrap.shorten(line, MOST_LETTERS, placeholder=" ...").rstrip(".")
