"""Rows that training needs, from a cluster into the local cache, which its own passes ask first."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch_inception.engines.protocol import Engine
from torch_inception.errors import CacheError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import store_folder
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.cached_pass import THUMBNAIL_FILES
from torch_inception.features.cluster.cluster_pass import ClusterPass, open_shards, run_cluster_pass
from torch_inception.features.cluster.connection import Connection
from torch_inception.features.cluster.listing import Listing, list_paths
from torch_inception.features.cluster.take_over import TakeOver
from torch_inception.features.image_rows import row_space
from torch_inception.features.view_pass import ViewedImage, missing_views
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_in_use
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

PORTION = 10_000
"""Files that are looked up at a time."""


class FillCache:
    """Has a cluster compute the rows that the local cache lacks.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        labels: of the files, for the shards.
        cache: the cache folder.
        cluster: "auto", "local" or HOST:PORT.
        shards: folder or address of the shards.
        progress: whether to show bars on standard error.

    Raises:
        ClusterError: the shards cannot be opened.
    """

    def __init__(
        self,
        engine: Engine,
        preprocessing: Preprocessing,
        labels: Mapping[Path, str],
        *,
        cache: Path,
        cluster: str,
        shards: str,
        progress: bool = False,
    ) -> None:
        self._engine, self._preprocessing, self._labels = engine, preprocessing, labels
        self._cache, self._progress = cache, progress
        self._connection = Connection(cluster)
        self._shards = open_shards(shards, engine, preprocessing)

    def rows(self, paths: Sequence[Path]) -> int:
        """Fill in the rows of files; those that are no images have none afterwards either.

        Returns:
            number of images that went through the network for it, on any machine.

        Raises:
            ClusterError: the cluster or the shards cannot be used.
            CacheError: the cache cannot be written.
        """
        with cache_in_use(self._cache):
            store, index = self._store(), FileIndex(self._cache)
            cached = _cached(paths, store, index)
            rest = [path for path in dict.fromkeys(paths) if path not in cached]
            if cached:
                log.info("cache: %s already", counted(len(cached), "row"))
            thumbnails = Thumbnails(self._cache) if len(paths) < THUMBNAIL_FILES else None
            if not rest:
                return 0
            listing = list_paths(rest, [self._labels[path] for path in rest])
            done = self._run(
                listing,
                TakeOver(listing, rest, self._shards, store, index, thumbnails),
                with_thumbnails=thumbnails is not None,
            )
            return done.computed

    def views(self, images: Sequence[ViewedImage]) -> None:
        """Fill in the rows of views of images whose own rows are there.

        Raises: as `rows`.
        """
        with cache_in_use(self._cache):
            store = self._store()
            missing = missing_views(images, store)
            if missing:
                files = [image.path for image in missing]
                listed = list_paths(files, [self._labels[path] for path in files])
                listing = Listing(
                    listed.names, listed.labels, listed.states,
                    digests=[image.digest for image in missing],
                    views=[image.views for image in missing],
                )  # fmt: skip
                index = FileIndex(self._cache)
                self._run(listing, TakeOver(listing, files, self._shards, store, index, None))

    def close(self) -> None:
        """Leave the cluster."""
        self._connection.close()

    def _run(
        self, listing: Listing, take_over: TakeOver, *, with_thumbnails: bool = False
    ) -> ClusterPass:
        done = run_cluster_pass(
            self._engine,
            self._preprocessing,
            listing,
            self._shards,
            connection=self._connection,
            with_thumbnails=with_thumbnails,
            take_over=take_over,
            progress=self._progress,
        )
        take_over.finish()
        return done

    def _store(self) -> RowStore:
        space = row_space(self._engine, self._preprocessing)
        store = RowStore(store_folder(self._cache, space=space))
        if not store.is_writable:
            raise CacheError(
                f"the cache {self._cache} cannot be written, and a cluster's rows are taken over "
                f"into it. Name another folder in the environment variable {CACHE_VARIABLE}."
            )
        return store


def _cached(paths: Sequence[Path], store: RowStore, index: FileIndex) -> set[Path]:
    """Return the files that are unchanged and have a row."""
    found: set[Path] = set()
    for start in range(0, len(paths), PORTION):
        unchanged = index.unchanged(paths[start : start + PORTION])
        rows = store.find(unchanged.values())
        found.update(path for path, digest in unchanged.items() if digest in rows)
    return found
