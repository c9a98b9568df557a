"""The pass over a data set: files to rows, the cache asked first; each file is read once."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy
import torch
from numpy.typing import NDArray

from torch_inception.engines.protocol import Engine
from torch_inception.errors import CacheError, ImageError
from torch_inception.features.cache.file_index import FileIndex, FileState
from torch_inception.features.cache.open import open_row_store
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.image_rows import FeatureRow, ReadImage, compute_rows, read_image
from torch_inception.features.progress import progress_bar
from torch_inception.features.rows import FeatureRows
from torch_inception.features.stream import Work, ordered_map
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_in_use

COMMIT_ROWS = 32
"""Rows between two commits to the cache; what an interrupted run loses at most."""

COMMIT_FILES = 1000
"""Files between two commits where no rows are computed; what is read again at most."""


@dataclass(frozen=True)
class Skipped:
    """A file that is not a whole image, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FeatureTable:
    """The rows of all images that could be read.

    Attributes:
        paths: the good images, in input order.
        digests: SHA-256 of each one's content.
        rows: as many, of 2048 features, in the cache's file; row i belongs to image i.
        skipped: the others.
        computed: rows that went through the network.
        reused: rows that came from the cache, or from an exact duplicate.
        seconds: how long reading and computing took.
    """

    paths: list[Path]
    digests: list[bytes]
    rows: FeatureRows
    skipped: list[Skipped]
    computed: int
    reused: int
    seconds: float


def feature_table(
    engine: Engine,
    preprocessing: Preprocessing,
    paths: Sequence[Path],
    *,
    cache: Path,
    ready: Mapping[Path, ReadImage] | None = None,
    progress: bool = False,
) -> FeatureTable:
    """Map files to rows, computing only those that the cache does not have.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        paths: files; each is read once, and not at all if it is unchanged and has a row.
        cache: the cache folder.
        ready: files that were read already.
        progress: whether to show a bar on standard error.

    Raises:
        CacheError: the cache cannot be used.
    """
    with cache_in_use(cache):
        store = open_row_store(cache, space=f"{engine.identity} {preprocessing.identity}")
        index = FileIndex(cache)
        unchanged = index.unchanged(paths)
        cached = store.find(unchanged.values())
        digests = {path: digest for path, digest in unchanged.items() if digest in cached}
        missing = [path for path in dict.fromkeys(paths) if path not in digests]
        start = time.perf_counter()
        found = _Pass(engine, preprocessing, store, index, ready or {}).run(
            missing, progress=progress
        )
        seconds = time.perf_counter() - start
        digests |= found.digests
        skipped = found.reasons()
        good = [path for path in paths if path not in skipped]
        return FeatureTable(
            paths=good,
            digests=[digests[path] for path in good],
            rows=_rows(store, [digests[path] for path in good]),
            skipped=[Skipped(path, skipped[path]) for path in paths if path in skipped],
            computed=found.computed,
            reused=len(good) - found.computed,
            seconds=seconds,
        )


def _rows(store: RowStore, digests: Sequence[bytes]) -> FeatureRows:
    """Return a row for each digest."""
    table, places = store.table(digests)
    lost = set(digests).difference(places)
    if lost:
        raise CacheError(
            f"{len(lost)} rows that were in the feature cache are gone: another program changed "
            "it, or the disk fails. Run the command again."
        )
    numbers = numpy.fromiter((places[digest] for digest in digests), numpy.int64)
    return FeatureRows(table, torch.from_numpy(numbers))


class _Result(NamedTuple):
    """What became of a file; its row, or why it has none, if it was the one to be computed."""

    path: Path
    state: FileState | None
    digest: bytes | None
    row: FeatureRow | ImageError | None


@dataclass
class _Found:
    """What a pass has found so far.

    Attributes:
        digests: of the files that could be read.
        unreadable: why others could not.
        bad: digest of a content that is no whole image -> why.
        computed: number of rows that were computed.
    """

    digests: dict[Path, bytes] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    bad: dict[bytes, str] = field(default_factory=dict)
    computed: int = 0

    def add(self, result: _Result) -> None:
        if result.digest is None:
            self.unreadable[result.path] = str(result.row)
            return
        self.digests[result.path] = result.digest
        if isinstance(result.row, ImageError):
            self.bad[result.digest] = str(result.row)
        elif result.row is not None:
            self.computed += 1

    def reasons(self) -> dict[Path, str]:
        """Return why files have no row."""
        bad = {path: self.bad[d] for path, d in self.digests.items() if d in self.bad}
        return self.unreadable | bad


class _Pass:
    """Reads files on several threads, each once, and computes the rows that are not there.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        store: of the rows.
        index: of the files.
        ready: files that were read already.
    """

    def __init__(
        self,
        engine: Engine,
        preprocessing: Preprocessing,
        store: RowStore,
        index: FileIndex,
        ready: Mapping[Path, ReadImage],
    ) -> None:
        self.engine, self.preprocessing = engine, preprocessing
        self.store, self.index, self.ready = store, index, ready
        self._taken: set[bytes] = set()
        self._lock = threading.Lock()

    def run(self, paths: Sequence[Path], *, progress: bool) -> _Found:
        """Read all files, store their rows, and remember the files."""
        results = ordered_map(
            self._make_worker,
            paths,
            workers=self.engine.workers,
            batch_size=self.engine.batch_size,
        )
        shown = progress_bar(
            results,
            "images",
            total=len(paths),
            show=progress,
            start_up=self.engine.workers * self.engine.batch_size,
        )
        return self._commit_in_portions(shown)

    def _make_worker(self) -> Work[Path, _Result]:
        session = self.engine.session()

        def work(batch: Sequence[Path]) -> list[_Result]:
            images = [self._read(path) for path in batch]
            wanted = [i for i, image in enumerate(images) if image.pixels is not None]
            pixels = [images[i].pixels for i in wanted]
            rows = dict(zip(wanted, compute_rows(session, pixels), strict=True))  # type: ignore[arg-type]
            return [
                _Result(path, image.state, image.digest, rows.get(i))
                for i, (path, image) in enumerate(zip(batch, images, strict=True))
            ]

        return work

    def _read(self, path: Path) -> ReadImage:
        image = self.ready.get(path)
        if image is None:
            return read_image(path, self.preprocessing, is_wanted=self._take)
        is_wanted = image.digest is None or self._take(image.digest)
        return image if is_wanted else image._replace(pixels=None)

    def _take(self, digest: bytes) -> bool:
        """Tell whether the row of a content is missing; True to the first who asks, only."""
        with self._lock:
            if digest in self._taken:
                return False
            self._taken.add(digest)
        return digest not in self.store.find([digest])

    def _commit_in_portions(self, results: Iterable[_Result]) -> _Found:
        found = _Found()
        rows: dict[bytes, NDArray[numpy.float16]] = {}
        files: list[tuple[Path, FileState, bytes]] = []

        def commit() -> None:
            self.store.append(rows)
            self.index.remember(files)
            rows.clear()
            files.clear()

        try:
            for result in results:
                found.add(result)
                if result.digest is None or result.state is None:
                    continue
                files.append((result.path, result.state, result.digest))
                if isinstance(result.row, numpy.ndarray):
                    rows[result.digest] = result.row.astype("<f2")
                if len(rows) >= COMMIT_ROWS or len(files) >= COMMIT_FILES:
                    commit()
        finally:
            commit()
        return found
