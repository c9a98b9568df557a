"""Open the store of one feature space, or one for this process where the cache is not writable."""

import hashlib
import logging
import tempfile
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy
from numpy.typing import NDArray

from torch_inception.features.cache.row_store import LAYOUT, RowStore, StoredRow
from torch_inception.images.facts import ImageFacts
from torch_inception.system.atomic import temporary_folder

log = logging.getLogger(__name__)

_ROWS_COPIED_AT_ONCE = 4096


def store_folder(folder: Path, *, space: str) -> Path:
    """Return the folder of the store of one feature space, which may not exist yet.

    Args:
        folder: the cache folder.
        space: what besides the image changes a row, in words.
    """
    name = hashlib.sha256(f"layout {LAYOUT} {space}".encode()).hexdigest()[:32]
    return folder / "features" / name


def open_row_store(folder: Path, *, space: str) -> RowStore:
    """Open the store of one feature space in the cache folder.

    Where that cannot be written, its rows are used, and new ones are kept for this process only.

    Args:
        folder: the cache folder.
        space: what besides the image changes a row, in words.

    Raises:
        CacheError: it cannot be used.
    """
    store = RowStore(store_folder(folder, space=space))
    if store.is_writable:
        return store
    log.warning("cache: %s cannot be written; new features are not kept after this run", folder)
    return TemporaryStore(store)


class TemporaryStore(RowStore):
    """A store in a folder that goes with the process; it takes rows over from one that is kept."""

    def __init__(self, kept: RowStore) -> None:
        self._kept = kept
        stack = ExitStack()
        weakref.finalize(self, stack.close)
        target = Path(tempfile.gettempdir(), "torch_inception-rows")
        super().__init__(stack.enter_context(temporary_folder(target, mode=0o700)))

    def records(self, digests: Iterable[bytes]) -> tuple[NDArray[numpy.void], dict[bytes, int]]:
        """Look rows up, here and in the store that is kept; what that has is copied."""
        wanted = list(digests)
        _, found = super().records(wanted)
        kept, places = self._kept.records(digest for digest in wanted if digest not in found)
        items = iter(places.items())
        while portion := dict(islice(items, _ROWS_COPIED_AT_ONCE)):
            self.append({digest: _stored(kept[place]) for digest, place in portion.items()})
        return super().records(wanted)


def _stored(record: numpy.void) -> StoredRow:
    return StoredRow(record["row"], ImageFacts(*record["facts"].item()))
