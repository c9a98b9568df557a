"""Open the store of one feature space, or a stand-in where the cache cannot be written."""

import hashlib
import logging
from pathlib import Path

from torch_inception.features.cache.row_store import LAYOUT, RowStore
from torch_inception.features.cache.scratch import ScratchStore

log = logging.getLogger(__name__)


def open_row_store(folder: Path, *, space: str) -> RowStore:
    """Open the store of one feature space in the cache folder.

    Where that cannot be written, its rows are used, and new ones are kept for this process only.

    Args:
        folder: the cache folder.
        space: what besides the image changes a row, in words.

    Raises:
        CacheError: it cannot be used.
    """
    name = hashlib.sha256(f"layout {LAYOUT} {space}".encode()).hexdigest()[:32]
    store = RowStore(folder / "features" / name)
    if store.is_writable:
        return store
    log.warning("cache: %s cannot be written; new features are not kept after this run", folder)
    return ScratchStore(store)
