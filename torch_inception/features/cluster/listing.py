"""What there is to compute: files with their states and labels, and ways of looking at them."""

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.features.cluster.object_store import ObjectStore
from torch_inception.images.find import find_images, is_hidden
from torch_inception.images.views import ORIGINAL, View
from torch_inception.system.file_state import file_state


class State(NamedTuple):
    """What tells whether a file was changed, on any machine; the number of a file can differ there.

    Attributes:
        size: in bytes.
        modified: time of the last change of content, in nanoseconds.
        changed: time of the last change of the file or of what is said of it, in nanoseconds; 0
            in an object store.
    """

    size: int
    modified: int
    changed: int


NO_FILE = State(-1, -1, -1)
"""Of what is no regular file, and of what cannot be read from an object store."""


@dataclass(frozen=True)
class Listing:
    """Files, and how each is looked at.

    Attributes:
        names: of the files: absolute paths, or bucket and key.
        labels: of each; "" where there is none.
        states: (N, 3) int64, of `State`.
        store: where they are; None for disks.
        digests: SHA-256 of each one's content, where that is known; it is, where there are views.
        views: of each; empty where all are seen as they are.
    """

    names: Sequence[str]
    labels: Sequence[str]
    states: NDArray[numpy.int64]
    store: ObjectStore | None = None
    digests: Sequence[bytes] = ()
    views: Sequence[Sequence[View]] = ()

    def __len__(self) -> int:
        return len(self.names)

    def address(self, place: int) -> str:
        """Return what a file is called in shards: text, whatever bytes are in its name."""
        return address_of(self.names[place], self.store)

    @cached_property
    def most_views(self) -> int:
        """How many views of one file there are at most."""
        return max(map(len, self.views), default=1)

    def views_of(self, place: int) -> Sequence[View]:
        """Return how a file is looked at."""
        return self.views[place] if self.views else (ORIGINAL,)


def address_of(name: str, store: ObjectStore | None) -> str:
    """Return what a file is called in shards: text, and `file://...` where its bytes are none."""
    full = name if store is None else f"{store.scheme}{name}"
    if full.isascii():  # most are, and need no second text in memory
        return full
    try:
        full.encode()
    except UnicodeEncodeError:
        return Path(name).as_uri()
    return full


def list_paths(paths: Sequence[Path], labels: Sequence[str]) -> Listing:
    """Look files up on disks; none is read."""
    return _look_up(zip(paths, labels, strict=True))


def _look_up(files: Iterable[tuple[Path, str]]) -> Listing:
    """Return the listing of paths and their labels; no path is kept: there may be millions."""
    names: list[str] = []
    labels: list[str] = []
    states = array("q")
    for path, label in files:
        names.append(os.fspath(path.absolute()))
        labels.append(label)
        states.extend(disk_state(path))
    return Listing(names, labels, numpy.array(states, numpy.int64).reshape(-1, 3))


def disk_state(path: Path) -> State:
    """Return the state of a file."""
    state = file_state(path)
    return NO_FILE if state is None else State(state.size, state.modified, state.changed)


def list_folder(folder: Path) -> Listing:
    """List every file below a folder that is not hidden.

    The label of a file is the name of the folder, right below this one, that it is in.
    """
    depth = len(folder.parts)
    return _look_up((path, _label(path.parts[depth:])) for path in find_images(folder))


def list_store(store: ObjectStore) -> Listing:
    """Do as `list_folder`, with a folder of an object store.

    Raises:
        ClusterError: it cannot be listed.
    """
    names, labels, states = [], [], []
    for each in store.objects():
        parts = each.name.removeprefix(store.root).strip("/").split("/")
        if not any(map(is_hidden, parts)):
            names.append(each.name)
            labels.append(_label(parts))
            states.append(State(each.size, each.modified, 0))
    return Listing(names, labels, numpy.array(states, numpy.int64).reshape(-1, 3), store)


def _label(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) > 1 else ""
