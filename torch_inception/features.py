"""The pass: pictures to feature rows, decoding and network side by side, the cache asked first."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from torch_inception.backbone import Backbone
from torch_inception.cache import FileIndex, RowStore, row_store
from torch_inception.digests import CHANGED, hash_files, remembered_digests
from torch_inception.errors import ImageError
from torch_inception.images import Pixels, Preprocessing, decode, read_file, to_image
from torch_inception.network import FEATURES
from torch_inception.progress import progress_bar
from torch_inception.streaming import ordered_map, usable_cores
from torch_inception.torch_threads import threads_restored

Item = TypeVar("Item")

Picture = str | os.PathLike[str] | Image.Image | Tensor
"""What stands for one picture: a path, a PIL image or a uint8 tensor (3, H, W)."""

Row = NDArray[numpy.float32]
HalfRow = NDArray[numpy.float16]

COMMIT_ROWS = 32
"""Rows between two commits to the cache; what an interrupted run loses at most."""

CPU_BATCH = 4
"""Small batches keep each layer's output in memory that is reused; see benchmarks/."""

GPU_BATCH = 32


@dataclass(frozen=True)
class Skipped:
    """A file that is not a whole picture, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FeatureTable:
    """The rows of all pictures that could be read.

    Attributes:
        paths: the good pictures, in input order.
        digests: SHA-256 of each one's content.
        rows: (len(paths), 2048) float32, rounded to float16; row i belongs to picture i.
        skipped: the others.
        computed: rows that went through the network.
        reused: rows that came from the cache, or from an exact duplicate.
        seconds: how long computing took.
    """

    paths: list[Path]
    digests: list[bytes]
    rows: Row
    skipped: list[Skipped]
    computed: int
    reused: int
    seconds: float


def stream_features(
    backbone: Backbone, preprocessing: Preprocessing, items: Iterable[Picture]
) -> Iterator[Row | ImageError]:
    """Map pictures to rows, in input order, as they come; the cache is not used.

    Args:
        backbone: frozen.
        preprocessing: how a picture becomes 299 x 299.
        items: paths, PIL images or uint8 tensors (3, H, W).

    Yields:
        (2048,) float32 for each picture, or the error of one that cannot be read.
    """
    return _stream(backbone, preprocessing, items, load=to_image)


def feature_table(
    backbone: Backbone,
    preprocessing: Preprocessing,
    paths: Sequence[Path],
    *,
    cache: Path,
    progress: bool = False,
) -> FeatureTable:
    """Map files to rows, computing only those that the cache does not have.

    Args:
        backbone: frozen.
        preprocessing: how a picture becomes 299 x 299.
        paths: files; each is read at most twice, and not at all if it is unchanged and cached.
        cache: the cache folder.
        progress: whether to show a bar on standard error.

    Raises:
        CacheError: the cache cannot be used.
    """
    store = row_store(cache, space=f"{backbone.record.identity} {preprocessing.identity}")
    digests, rows, skipped = _cached_rows(paths, store, FileIndex(cache), progress=progress)
    missing: dict[bytes, list[Path]] = {}
    for path, digest in digests.items():
        if digest not in rows:
            missing.setdefault(digest, []).append(path)
    start = time.perf_counter()
    results = _stream(backbone, preprocessing, missing.items(), load=_load_unchanged)
    results = progress_bar(results, "features", total=len(missing), show=progress)
    fresh, bad = _commit_as_they_come(store, missing, results)
    seconds = time.perf_counter() - start
    rows |= fresh
    skipped |= {path: bad[digest] for path, digest in digests.items() if digest in bad}
    good = [path for path in paths if path not in skipped]
    table = numpy.empty((len(good), FEATURES), numpy.float32)
    for number, path in enumerate(good):
        table[number] = rows[digests[path]]
    return FeatureTable(
        paths=good,
        digests=[digests[path] for path in good],
        rows=table,
        skipped=[Skipped(path, skipped[path]) for path in paths if path in skipped],
        computed=len(fresh),
        reused=len(good) - len(fresh),
        seconds=seconds,
    )


def _stream(
    backbone: Backbone,
    preprocessing: Preprocessing,
    items: Iterable[Item],
    *,
    load: Callable[[Item], Image.Image],
) -> Iterator[Row | ImageError]:
    def work(batch: Sequence[Item]) -> list[Row | ImageError]:
        return _batch_rows(backbone, [_attempt(load, preprocessing, item) for item in batch])

    on_cpu = backbone.device.type == "cpu"
    with threads_restored():
        yield from ordered_map(
            work,
            items,
            workers=usable_cores(),
            batch_size=CPU_BATCH if on_cpu else GPU_BATCH,
            # Each thread runs its own batch on one core: they share nothing and never wait.
            prepare_thread=partial(torch.set_num_threads, 1),
        )


def _attempt(
    load: Callable[[Item], Image.Image], preprocessing: Preprocessing, item: Item
) -> Pixels | ImageError:
    try:
        return preprocessing(load(item))
    except ImageError as error:
        return error


def _batch_rows(backbone: Backbone, pictures: list[Pixels | ImageError]) -> list[Row | ImageError]:
    """Run the good pictures of a batch through the network; errors keep their places."""
    good = [picture for picture in pictures if not isinstance(picture, ImageError)]
    if not good:
        return [picture for picture in pictures if isinstance(picture, ImageError)]
    # Pictures lie as (height, width, channel); seen as (channel, height, width) that is the
    # memory order that the network's convolutions like best.
    rows = iter(backbone(torch.from_numpy(numpy.stack(good)).permute(0, 3, 1, 2)).cpu().numpy())
    return [picture if isinstance(picture, ImageError) else next(rows) for picture in pictures]


def _commit_as_they_come(
    store: RowStore, missing: Iterable[bytes], results: Iterable[Row | ImageError]
) -> tuple[dict[bytes, HalfRow], dict[bytes, str]]:
    """Store rows in portions; return (digest -> row, digest -> reason of a bad picture)."""
    done: dict[bytes, HalfRow] = {}
    bad: dict[bytes, str] = {}
    waiting: dict[bytes, HalfRow] = {}
    try:
        for digest, row in zip(missing, results, strict=True):
            if isinstance(row, ImageError):
                bad[digest] = str(row)
                continue
            done[digest] = waiting[digest] = row.astype("<f2")
            if len(waiting) >= COMMIT_ROWS:
                store.append(waiting)
                waiting = {}
    finally:
        store.append(waiting)
    return done, bad


def _cached_rows(
    paths: Sequence[Path], store: RowStore, index: FileIndex, *, progress: bool
) -> tuple[dict[Path, bytes], dict[bytes, HalfRow], dict[Path, str]]:
    """Return (path -> digest, digest -> row that is cached, path -> reason if it has no digest).

    Files that look unchanged and have a row are not read; all others are.
    """
    remembered = remembered_digests(paths, index)
    rows = store.read(list(remembered.values()))
    digests = {path: digest for path, digest in remembered.items() if digest in rows}
    unknown = [path for path in dict.fromkeys(paths) if path not in digests]
    hashed, unreadable = hash_files(unknown, index, progress=progress)
    return digests | hashed, rows | store.read(list(hashed.values())), unreadable


def _load_unchanged(job: tuple[bytes, list[Path]]) -> Image.Image:
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
            return decode(content)
    raise ImageError(reason)
