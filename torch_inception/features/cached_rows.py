"""Rows that the cache has, for those who only read it: naming images writes nothing."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy
from numpy.typing import NDArray

from torch_inception.errors import CacheError, ConfigError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import store_folder
from torch_inception.features.cache.row_store import RowStore
from torch_inception.images.facts import ImageFacts
from torch_inception.system.cache_folder import cache_folder

log = logging.getLogger(__name__)


class FoundRow(NamedTuple):
    """What there is of an image.

    Attributes:
        row: (4096,) float32; its numbers are those of float16 where the cache has kept it.
        facts: of the image.
    """

    row: NDArray[numpy.float32]
    facts: ImageFacts


Key = TypeVar("Key")


class CachedRows:
    """Rows of one feature space in the user's cache, from any thread.

    The cache is opened when it is first asked; nothing in it is made, written or repaired. Where
    there is none, or it cannot be used, no row is found.

    Args:
        space: what besides the image changes a row, in words.
    """

    def __init__(self, space: str) -> None:
        self._space = space
        self._lock = threading.Lock()
        self._is_closed = False
        self._opened: tuple[FileIndex, RowStore] | None = None

    def of_unchanged(self, paths: Sequence[Path]) -> dict[Path, FoundRow]:
        """Return the rows of files that look as they did when they were read; none is read."""

        def find(index: FileIndex, store: RowStore) -> dict[Path, FoundRow]:
            digests = index.unchanged(paths)
            rows = _rows(store, digests.values())
            return {path: rows[digest] for path, digest in digests.items() if digest in rows}

        return self._ask(find) if paths else {}

    def of_content(self, content: bytes) -> FoundRow | None:
        """Return the row of a file's content."""

        def find(index: FileIndex, store: RowStore) -> dict[bytes, FoundRow]:
            return _rows(store, [hashlib.sha256(content).digest()])

        return next(iter(self._ask(find).values()), None)

    def _ask(
        self, find: Callable[[FileIndex, RowStore], dict[Key, FoundRow]]
    ) -> dict[Key, FoundRow]:
        try:
            opened = self._open()
            return find(*opened) if opened else {}
        except (CacheError, ConfigError, OSError) as error:
            with self._lock:
                if not self._is_closed:
                    log.warning("cache: no row is taken from it: %s", error)
                self._is_closed, self._opened = True, None
        return {}

    def _open(self) -> tuple[FileIndex, RowStore] | None:
        with self._lock:
            if self._opened is None and not self._is_closed:
                folder = cache_folder()
                rows = store_folder(folder, space=self._space)
                if rows.is_dir():
                    store = RowStore(rows, read_only=True)
                    self._opened = FileIndex(folder, read_only=True), store
                else:
                    self._is_closed = True
            return self._opened


def _rows(store: RowStore, digests: Iterable[bytes]) -> dict[bytes, FoundRow]:
    records, places = store.records(digests)
    return {digest: _found(records[place]) for digest, place in places.items()}


def _found(record: numpy.void) -> FoundRow:
    return FoundRow(record["row"].astype(numpy.float32), ImageFacts(*record["facts"].item()))
