"""The content-addressed feature store on disk.

Two indexes, both SQLite files in the cache folder, and one flat file of rows a feature space:

    files.sqlite                 path, size, modification time -> SHA-256 of the content
    features/SPACE/index.sqlite  SHA-256 of the content -> number and checksum of its row
    features/SPACE/rows.f16      rows of 2048 float16, one after another

A space is everything besides the picture that changes a row: weights, pooling, input scale and
preprocessing.
"""

from torch_inception.cache.files import FileIndex, FileState, file_state
from torch_inception.cache.rows import RowStore, row_store

__all__ = ["FileIndex", "FileState", "RowStore", "file_state", "row_store"]
