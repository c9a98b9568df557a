"""Folders for shards, on disks and in object stores: names, and whole files in and out."""

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pyarrow
from pyarrow import fs

from torch_inception.errors import ClusterError, ConfigError
from torch_inception.features.cluster.object_store import ObjectStore, is_store, told_of
from torch_inception.images.find import is_hidden
from torch_inception.system.atomic import (
    abandoned_in,
    atomic_file,
    is_unfinished,
    remove,
    temporary_file,
)

_MARKER = "run"
_HIDDEN_MARKER = f".{_MARKER}."
"""How the name of the hidden file begins that is there while a run writes."""


class Folder(Protocol):
    """A folder for shards. It pickles, so that each machine opens it for itself.

    What cannot be done is a ClusterError; `open` alone raises what the system does.

    Attributes:
        readers: files of it that are best read at a time.
    """

    readers: int

    def __str__(self) -> str:
        """Return what people call it."""

    def names(self) -> list[str]:
        """Return the names of the files in it that are not hidden, sorted."""

    def open(self, name: str) -> pyarrow.NativeFile:
        """Open a file for reading, at any place of it."""

    def write(self, name: str, content: bytes | memoryview) -> None:
        """Write a file; nobody ever sees a part of it."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def has(self, name: str) -> bool:
        """Tell whether there is a file of this name."""

    def clear_leftovers(self) -> int:
        """Remove what killed processes had not finished; return how many shards that were.

        Raises:
            ClusterError: another run writes into the folder; that of a store cannot be told.
        """

    def marked(self) -> AbstractContextManager[str]:
        """Have a hidden file in it during a block, of a name that no other has."""


class DiskFolder:
    """A folder on disks that every machine sees under the same path.

    Args:
        path: absolute.
    """

    readers = 1

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def names(self) -> list[str]:
        """Return the names of the files in it that are not hidden, sorted."""
        with told_of(self, "listed"):
            if not self._path.is_dir():
                return []
            with os.scandir(self._path) as entries:
                # A pipe would be waited for, for ever.
                found = [entry.name for entry in entries if entry.is_file() or entry.is_dir()]
            return sorted(name for name in found if not is_hidden(name))

    def open(self, name: str) -> pyarrow.NativeFile:
        """Open a file for reading, at any place of it."""
        return pyarrow.OSFile(str(self._path / name))

    def write(self, name: str, content: bytes | memoryview) -> None:
        """Write a file; nobody ever sees a part of it."""
        if not self._path.is_dir():  # it would be made on this machine alone
            raise ClusterError(f"the folder {self} is not there any more.")
        with told_of(self, "written"), atomic_file(self._path / name) as temporary:
            temporary.write_bytes(content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with told_of(self._path / name, "removed"):
            (self._path / name).unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Tell whether there is a file of this name."""
        with told_of(self, "read"):
            return (self._path / name).exists()

    @contextmanager
    def marked(self) -> Iterator[str]:
        """Have a hidden file in it during a block, of a name that no other has."""
        with ExitStack() as stack:
            with told_of(self, "written"):
                path = stack.enter_context(temporary_file(self._path / _MARKER))
            self._refuse_two_runs(path.name)
            yield path.name

    def clear_leftovers(self) -> int:
        """Remove what killed processes had not finished; return how many shards that were."""
        count = 0
        for path in abandoned_in(self._path):
            remove(path)
            count += not path.name.startswith(_HIDDEN_MARKER)
        self._refuse_two_runs()
        return count

    def _refuse_two_runs(self, own: str = "") -> None:
        """Raise an error if another run is writing into the folder.

        Args:
            own: the hidden file of this run.
        """
        if not self._path.is_dir():
            return
        with told_of(self, "listed"):
            marks = [path for path in self._path.iterdir() if path.name.startswith(_HIDDEN_MARKER)]
        if any(path.name != own and is_unfinished(path) for path in marks):
            raise ClusterError(
                f"another run writes into {self}. Wait for its end, or name another folder: "
                "--shards."
            )


class StoreFolder:
    """A folder of an object store, where a file appears when all of it has been sent.

    Args:
        address: such as `s3://bucket/folder`.
    """

    readers = 16  # a store answers many questions in the time of one

    def __init__(self, address: str) -> None:
        self._store = ObjectStore(address)

    def __str__(self) -> str:
        return str(self._store)

    def names(self) -> list[str]:
        """Return the names of the files in it that are not hidden, sorted."""
        found = self._store.objects(recursive=False)
        names = [each.name.rpartition("/")[2] for each in found]
        return sorted(name for name in names if not is_hidden(name))

    def open(self, name: str) -> pyarrow.NativeFile:
        """Open a file for reading, at any place of it."""
        return self._store.system.open_input_file(self._file(name))

    def write(self, name: str, content: bytes | memoryview) -> None:
        """Write a file; nobody ever sees a part of it."""
        with (
            told_of(self, "written"),
            self._store.system.open_output_stream(self._file(name)) as stream,
        ):
            stream.write(content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with told_of(f"{self}/{name}", "removed"), suppress(FileNotFoundError):
            self._store.system.delete_file(self._file(name))

    def has(self, name: str) -> bool:
        """Tell whether there is a file of this name."""
        with told_of(self, "read"):
            info = self._store.system.get_file_info(self._file(name))
        return bool(info.type == fs.FileType.File)

    @contextmanager
    def marked(self) -> Iterator[str]:
        """Have a hidden file in it during a block, of a name that no other has."""
        name = f"{_HIDDEN_MARKER}{uuid.uuid4().hex}"
        self.write(name, b"-")
        try:
            yield name
        finally:
            with suppress(ClusterError):  # what happened before says more
                self.remove(name)

    def clear_leftovers(self) -> int:
        """Return 0: what was not sent whole is no object, and the store's own rules clear it."""
        return 0

    def _file(self, name: str) -> str:
        return f"{self._store.root}/{name}"


def check_apart(data: str, shards: str) -> None:
    """Do nothing unless the shards lie in the folder of images, where they would be taken for some.

    Args:
        data: path or address of the images.
        shards: path or address of the shards.

    Raises:
        ConfigError: they lie in it.
    """
    if is_store(data) != is_store(shards):
        return
    if is_store(data):
        outer, inner = (each.partition("?")[0].rstrip("/") for each in (data, shards))
    else:
        outer, inner = map(os.path.realpath, (data, shards))
    if f"{inner}/".startswith(f"{outer.rstrip('/')}/"):
        raise ConfigError(
            f"shards = {shards!r} lies in data = {data!r}, where each file is taken for an image. "
            "Name other images, or a folder for the shards beside them."
        )


def open_folder(place: str) -> Folder:
    """Open a folder for shards, which may not exist yet.

    Args:
        place: a path, or an address of an object store.

    Raises:
        ClusterError: it cannot be opened.
    """
    if is_store(place):
        return StoreFolder(place)
    path = Path(place).absolute()
    if path.exists() and not path.is_dir():
        raise ClusterError(f"{place} is a file. Name a folder: --shards.")
    return DiskFolder(path)
