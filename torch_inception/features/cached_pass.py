"""The pass over files: each is read once, and only rows that the cache does not have are computed.

For each file: state, bytes, SHA-256; then, unless the cache has a row of that content or another
worker computes it, pixels and row. Workers do this; the caller's thread writes to the cache.
"""

import logging
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
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.image_rows import (
    FeatureRow,
    ReadImage,
    compute_rows,
    half_row,
    own_session,
    read_image,
    row_space,
)
from torch_inception.features.progress import progress_bar
from torch_inception.features.row_selection import RowSelection
from torch_inception.features.skipped import SkippedTally
from torch_inception.images.facts import ImageFacts
from torch_inception.images.facts_tally import FactsTally
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_in_use
from torch_inception.system.escape import counted
from torch_inception.system.file_state import FileState
from torch_inception.system.ordered_map import Work, ordered_map

log = logging.getLogger(__name__)

COMMIT_ROWS = 32
"""Rows between two commits to the cache; what an interrupted run loses at most."""

COMMIT_FILES = 1000
"""Files between two commits where no rows are computed; what is read again at most."""


THUMBNAIL_FILES = 20_000
"""Number of files from which on no thumbnails are made: they would take more than 60 MB."""


class Skipped(NamedTuple):
    """A file that is not a whole image, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class PassResult:
    """The rows of all images that could be read.

    Attributes:
        paths: the good images, in input order.
        digests: SHA-256 of each one's content.
        store: of the rows.
        rows: as many, of 4096 features, in the cache's file; row i belongs to image i.
        facts: (N,) of `images.facts.FACTS`, as many.
        skipped: the others.
        computed: rows that went through the network.
        reused: rows that came from the cache, or from an exact duplicate.
        seconds: how long reading and computing took.
    """

    paths: list[Path]
    digests: list[bytes]
    store: RowStore
    rows: RowSelection
    facts: NDArray[numpy.void]
    skipped: list[Skipped]
    computed: int
    reused: int
    seconds: float


def run_pass(
    engine: Engine,
    preprocessing: Preprocessing,
    paths: Sequence[Path],
    *,
    cache: Path,
    ready: Mapping[Path, ReadImage] | None = None,
    progress: bool = False,
) -> PassResult:
    """Map files to rows, computing only those that the cache does not have.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        paths: files; each is read once, and not at all if it is unchanged and has a row.
        cache: the cache folder.
        ready: files that were read already, with their pixels.
        progress: whether to show a bar on standard error.

    Raises:
        CacheError: the cache cannot be used.
    """
    with cache_in_use(cache):
        store = open_row_store(cache, space=row_space(engine, preprocessing))
        index = FileIndex(cache)
        unchanged = index.unchanged(paths)
        cached = store.find(unchanged.values())
        digests = {path: digest for path, digest in unchanged.items() if digest in cached}
        others = [path for path in dict.fromkeys(paths) if path not in digests]
        start = time.perf_counter()
        thumbnails = Thumbnails(cache) if len(paths) < THUMBNAIL_FILES else None
        reading = _Reading(
            engine, preprocessing, store, ready or {}, with_thumbnails=thumbnails is not None
        )
        results = reading.results(others, progress=progress)
        found = _commit_as_read(results, store, index, thumbnails)
        seconds = time.perf_counter() - start
        digests |= found.digests
        skipped = found.reasons()
        good = [path for path in paths if path not in skipped]
        rows, facts = select_rows(store, [digests[path] for path in good])
        tally = FactsTally(preprocessing)
        tally.add(good, facts)
        tally.tell()
        return PassResult(
            paths=good,
            digests=[digests[path] for path in good],
            store=store,
            rows=rows,
            facts=facts,
            skipped=[Skipped(path, skipped[path]) for path in paths if path in skipped],
            computed=found.computed,
            reused=len(good) - found.computed,
            seconds=seconds,
        )


def tell_of_pass(result: PassResult) -> None:
    """Log how many rows were computed, and which files are not whole images."""
    log.info(
        "features: %d computed, %d reused, %s skipped",
        result.computed, result.reused, counted(len(result.skipped), "file"),
    )  # fmt: skip
    tally = SkippedTally()
    tally.add(result.skipped)
    tally.tell()


def select_rows(
    store: RowStore, digests: Sequence[bytes]
) -> tuple[RowSelection, NDArray[numpy.void]]:
    """Return a row, and the facts of the image, for each digest."""
    records, places = store.records(digests)
    lost = set(digests).difference(places)
    if lost:
        raise CacheError(
            f"{len(lost)} rows that were in the feature cache are gone: another program changed "
            "it, or the disk fails. Run the command again."
        )
    numbers = numpy.fromiter((places[digest] for digest in digests), numpy.int64)
    selection = RowSelection(torch.from_numpy(records["row"]), torch.from_numpy(numbers))
    return selection, records["facts"][numbers]


class _Result(NamedTuple):
    """What became of a file.

    Attributes:
        path: of the file.
        state: of the file, and `digest`: of its content; None where it could not be read.
        row: or why there is none; None where this worker was not the one to compute it.
        facts: of the image, and `thumbnail`: as `ReadImage` has them.
    """

    path: Path
    state: FileState | None
    digest: bytes | None
    row: FeatureRow | ImageError | None
    facts: ImageFacts | None
    thumbnail: bytes | None


class _Reading:
    """Reads files on several threads, each once, and computes the rows that are not there.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        store: of the rows.
        ready: files that were read already.
        with_thumbnails: whether a thumbnail is made with each row.
    """

    def __init__(
        self,
        engine: Engine,
        preprocessing: Preprocessing,
        store: RowStore,
        ready: Mapping[Path, ReadImage],
        *,
        with_thumbnails: bool,
    ) -> None:
        self._engine, self._preprocessing = engine, preprocessing
        self._store, self._ready = store, ready
        self._with_thumbnails = with_thumbnails
        self._claimed: set[bytes] = set()
        self._lock = threading.Lock()

    def results(self, paths: Sequence[Path], *, progress: bool) -> Iterable[_Result]:
        """Yield what becomes of each file, in order."""
        workers, batch_size = self._engine.workers, self._engine.batch_size
        results = ordered_map(self._make_worker, paths, workers=workers, batch_size=batch_size)
        return progress_bar(
            results, "images", total=len(paths), show=progress, start_up=workers * batch_size
        )

    def _make_worker(self) -> Work[Path, _Result]:
        session = own_session(self._engine)

        def work(batch: Sequence[Path]) -> list[_Result]:
            images = [self._read(path) for path in batch]
            rows = iter(compute_rows(session, [i.pixels for i in images if i.pixels is not None]))
            return [
                _Result(
                    path, image.state, image.digest,
                    None if image.pixels is None else next(rows), image.facts, image.thumbnail,
                )
                for path, image in zip(batch, images, strict=True)
            ]  # fmt: skip

        return work

    def _read(self, path: Path) -> ReadImage:
        image = self._ready.get(path)
        if image is None or image.pixels is None:
            return read_image(
                path,
                self._preprocessing,
                is_wanted=self._claim,
                with_thumbnail=self._with_thumbnails,
            )
        is_wanted = image.digest is None or self._claim(image.digest)
        return image if is_wanted else image._replace(pixels=None)

    def _claim(self, digest: bytes) -> bool:
        """Tell whether the row of a content is missing; True to the first who asks, only."""
        with self._lock:
            if digest in self._claimed:
                return False
            self._claimed.add(digest)
        return digest not in self._store.find([digest])


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


def _commit_as_read(
    results: Iterable[_Result], store: RowStore, index: FileIndex, thumbnails: Thumbnails | None
) -> _Found:
    """Store rows and remember files in portions, as they come; also those before an error."""
    found = _Found()
    rows: dict[bytes, StoredRow] = {}
    jpegs: dict[bytes, bytes] = {}
    files: list[tuple[Path, FileState, bytes]] = []

    def commit() -> None:
        store.append(rows)
        index.remember(files)
        if thumbnails is not None:
            thumbnails.add(jpegs)
        rows.clear()
        jpegs.clear()
        files.clear()

    try:
        for result in results:
            found.add(result)
            if result.digest is not None and isinstance(result.row, numpy.ndarray):
                assert result.facts is not None
                rows[result.digest] = StoredRow(half_row(result.row, result.path), result.facts)
                if result.thumbnail is not None:
                    jpegs[result.digest] = result.thumbnail
            if result.digest is not None and result.state is not None:
                files.append((result.path, result.state, result.digest))
            if len(rows) >= COMMIT_ROWS or len(files) >= COMMIT_FILES:
                commit()
    finally:
        commit()
    return found
