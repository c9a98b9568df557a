"""Rows of shards into the local cache, where the pass without a cluster finds them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pyarrow
import pyarrow.compute

from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.cluster.listing import Listing
from torch_inception.features.cluster.shards import Shards, facts_of, rows_of
from torch_inception.features.view_pass import row_key
from torch_inception.system.file_state import FileState, file_state

PORTION = 16_000
"""Rows that are put into the cache at a time: 130 MB. Each portion rewrites pages all over the
index of digests, so that fewer are faster."""


class TakeOver:
    """Takes rows over, shard by shard, and some shards at a time; `finish` takes what is left.

    Args:
        listing: what the shards have rows of.
        paths: its files, which are remembered with their digests.
        shards: where the rows are.
        store: where they go.
        index: where the digests go.
        thumbnails: where these go, if they are kept.
    """

    def __init__(
        self,
        listing: Listing,
        paths: Sequence[Path],
        shards: Shards,
        store: RowStore,
        index: FileIndex,
        thumbnails: Thumbnails | None,
    ) -> None:
        self._shards, self._store, self._index = shards, store, index
        self._thumbnails = thumbnails
        self._path_of = {listing.address(place): path for place, path in enumerate(paths)}
        self._gathered: list[pyarrow.Table] = []
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._written: Future[None] | None = None

    def __call__(self, name: str) -> bool:
        """Take over one shard, now or later; return whether it was there, and whole.

        Raises:
            CacheError: the cache cannot be written.
        """
        table = self._shards.table(name)
        if table is None:
            return False
        self._gathered.append(self._of_listing(table))
        if sum(map(len, self._gathered)) >= PORTION:
            self._put()
        return True

    def finish(self) -> None:
        """Have everything in the cache.

        Raises:
            CacheError: the cache cannot be written.
        """
        self._put()
        self._wait()

    def _put(self) -> None:
        """Put into the cache what has gathered; its rows while the next shards are read."""
        self._wait()
        tables, self._gathered = self._gathered, []
        self._written = self._writer.submit(self._take_rows, list(map(_good, tables)))
        self._index.remember(chain.from_iterable(map(self._unchanged, tables)))

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()

    def _of_listing(self, table: pyarrow.Table) -> pyarrow.Table:
        """Return the rows of files that are listed: a shard may have others."""
        is_listed = [address in self._path_of for address in table["path"].to_pylist()]
        return table if all(is_listed) else table.filter(pyarrow.array(is_listed))

    def _take_rows(self, tables: Sequence[pyarrow.Table]) -> None:
        rows: dict[bytes, StoredRow] = {}
        for table in tables:
            keys = map(row_key, table["digest"].to_pylist(), table["view"].to_pylist())
            rows.update(zip(keys, map(StoredRow, rows_of(table), facts_of(table)), strict=True))
        self._store.append(rows)
        if self._thumbnails is not None:
            self._thumbnails.add(dict(chain.from_iterable(map(_thumbnails_of, tables))))

    def _unchanged(self, table: pyarrow.Table) -> Iterable[tuple[Path, FileState, bytes]]:
        """Yield the files of the listing that are as they were when they were read."""
        columns = (
            table[name].to_pylist() for name in ("path", "size", "modified", "changed", "digest")
        )
        for address, *state, digest in zip(*columns, strict=True):
            if digest is None:
                continue
            path = self._path_of[address]
            now = file_state(path)
            if now is not None and state == [now.size, now.modified, now.changed]:
                yield path, now, digest


def _good(table: pyarrow.Table) -> pyarrow.Table:
    """Return the rows that have features."""
    reasons = table["reason"]
    if reasons.null_count == len(table):
        return table  # a filter would copy it
    return table.filter(pyarrow.compute.is_null(reasons))


def _thumbnails_of(table: pyarrow.Table) -> Iterable[tuple[bytes, bytes]]:
    """Return (digest, JPEG) of the rows that have thumbnails."""
    jpegs = zip(table["digest"].to_pylist(), table["thumbnail"].to_pylist(), strict=True)
    return ((digest, jpeg) for digest, jpeg in jpegs if jpeg is not None)
