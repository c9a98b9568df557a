"""The content-addressed feature store on disk.

Two indexes, both SQLite files in the cache folder, and one flat file of records a feature space:

    files-1.sqlite               path, size, modification time -> SHA-256 of the content
    features/SPACE/index.sqlite  SHA-256 of the content -> number of its record
    features/SPACE/rows.bin      records: a row of 2048 float16, the SHA-256, a checksum

A space is everything besides the picture that changes a row: weights, pooling, input scale and
preprocessing. Its folder's name covers the number of the layout too, so that versions of this
package do not meet.
"""

import hashlib
import logging
from pathlib import Path

from torch_inception.cache.files import FileIndex, FileState, file_state
from torch_inception.cache.rows import LAYOUT, RowStore
from torch_inception.cache.scratch import ScratchStore

__all__ = ["FileIndex", "FileState", "RowStore", "file_state", "row_store"]

log = logging.getLogger(__name__)


def row_store(folder: Path, *, space: str) -> RowStore:
    """Open the store of one feature space in the cache folder.

    Where that cannot be written, its rows are used, and new ones are kept for this process only.

    Args:
        folder: the cache folder.
        space: what besides the picture changes a row, in words.

    Raises:
        CacheError: it cannot be used.
    """
    name = hashlib.sha256(f"layout {LAYOUT} {space}".encode()).hexdigest()[:32]
    store = RowStore(folder / "features" / name)
    if store.is_writable:
        return store
    log.warning("cache: %s cannot be written; new features are not kept after this run", folder)
    return ScratchStore(store)
