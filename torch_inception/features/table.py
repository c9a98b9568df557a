"""The pass over a data set: files to feature rows, the cache asked first."""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image

from torch_inception.engines.openvino.advice import advised
from torch_inception.engines.protocol import Engine
from torch_inception.errors import CacheError, ImageError
from torch_inception.features.cache.digests import CHANGED, hash_files, remembered_digests
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open import open_row_store
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.extract import Row, extract
from torch_inception.features.progress import progress_bar
from torch_inception.features.rows import FeatureRows
from torch_inception.images.decode import decode
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.read import read_file

COMMIT_ROWS = 32
"""Rows between two commits to the cache; what an interrupted run loses at most."""


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
        seconds: how long computing took.
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
    progress: bool = False,
) -> FeatureTable:
    """Map files to rows, computing only those that the cache does not have.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        paths: files; each is read at most twice, and not at all if it is unchanged and cached.
        cache: the cache folder.
        progress: whether to show a bar on standard error.

    Raises:
        CacheError: the cache cannot be used.
    """
    store = open_row_store(cache, space=f"{engine.identity} {preprocessing.identity}")
    digests, cached, skipped = _cached(paths, store, FileIndex(cache), progress=progress)
    missing: dict[bytes, list[Path]] = {}
    for path, digest in digests.items():
        if digest not in cached:
            missing.setdefault(digest, []).append(path)
    start = time.perf_counter()
    bad = _compute(engine, preprocessing, missing, store, progress=progress)
    seconds = time.perf_counter() - start
    skipped |= {path: bad[digest] for path, digest in digests.items() if digest in bad}
    good = [path for path in paths if path not in skipped]
    computed = len(missing) - len(bad)
    return FeatureTable(
        paths=good,
        digests=[digests[path] for path in good],
        rows=_rows(store, [digests[path] for path in good]),
        skipped=[Skipped(path, skipped[path]) for path in paths if path in skipped],
        computed=computed,
        reused=len(good) - computed,
        seconds=seconds,
    )


def _compute(
    engine: Engine,
    preprocessing: Preprocessing,
    missing: Mapping[bytes, list[Path]],
    store: RowStore,
    *,
    progress: bool,
) -> dict[bytes, str]:
    """Compute and store the rows of images; return digest -> reason of a bad one."""
    load = partial(_load_unchanged, shorter_side=preprocessing.shorter_side)
    results = extract(engine, preprocessing, missing.items(), load=load)
    shown = progress_bar(
        advised(results, engine, total=len(missing)),
        "features",
        total=len(missing),
        show=progress,
        start_up=engine.workers * engine.batch_size,
    )
    return _commit_as_they_come(store, missing, shown)


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


def _commit_as_they_come(
    store: RowStore, digests: Iterable[bytes], results: Iterable[Row | ImageError]
) -> dict[bytes, str]:
    """Store rows in portions; return digest -> reason of a bad image."""
    bad: dict[bytes, str] = {}
    waiting: dict[bytes, NDArray[numpy.float16]] = {}
    try:
        for digest, row in zip(digests, results, strict=True):
            if isinstance(row, ImageError):
                bad[digest] = str(row)
                continue
            waiting[digest] = row.astype("<f2")
            if len(waiting) >= COMMIT_ROWS:
                store.append(waiting)
                waiting = {}
    finally:
        store.append(waiting)
    return bad


def _cached(
    paths: Sequence[Path], store: RowStore, index: FileIndex, *, progress: bool
) -> tuple[dict[Path, bytes], set[bytes], dict[Path, str]]:
    """Return (path -> digest, digests that have a row, path -> reason if it has no digest).

    Files that look unchanged and have a row are not read; all others are.
    """
    remembered = remembered_digests(paths, index)
    cached = store.find(remembered.values())
    digests = {path: digest for path, digest in remembered.items() if digest in cached}
    unknown = [path for path in dict.fromkeys(paths) if path not in digests]
    hashed, unreadable = hash_files(unknown, index, progress=progress)
    return digests | hashed, cached | store.find(hashed.values()), unreadable


def _load_unchanged(job: tuple[bytes, list[Path]], *, shorter_side: int | None) -> Image.Image:
    """Decode the first of several copies that still has the content that was hashed."""
    digest, copies = job
    reason = CHANGED
    for path in copies:
        try:
            content = read_file(path)
        except ImageError as error:
            reason = str(error)
            continue
        if hashlib.sha256(content).digest() == digest:
            return decode(content, shorter_side=shorter_side)
    raise ImageError(reason)
