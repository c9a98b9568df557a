"""What works on a machine of the cluster: it holds the network, computes blocks, writes shards."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy

from torch_inception.engines.protocol import Session
from torch_inception.errors import ClusterError, ImageError, TorchInceptionError
from torch_inception.features.cluster.blocks import Block, Item, Outcome, Setup
from torch_inception.features.cluster.listing import NO_FILE, State, address_of, disk_state
from torch_inception.features.cluster.shards import ShardKey, ShardRow, Shards
from torch_inception.features.image_rows import (
    ReadImage,
    compute_rows,
    half_row,
    image_of_content,
    own_session,
    read_image,
    row_space,
)
from torch_inception.features.view_pass import ViewedImage, look_at
from torch_inception.images.facts import FACTS, ImageFacts
from torch_inception.images.preprocess import Pixels
from torch_inception.system.ordered_map import Work, ordered_map


class _Look(NamedTuple):
    """What is seen of an image, in one way; all but `view` as in `ReadImage`."""

    view: str
    pixels: Pixels | ImageError
    facts: ImageFacts | None = None
    thumbnail: bytes | None = None


class _Seen(NamedTuple):
    """A file that was read once, and all that is seen of it."""

    item: Item
    state: State
    digest: bytes | None
    looks: list[_Look]


class ShardActor:
    """Computes blocks.

    Args:
        setup: what it works with; the network comes with it and is never fetched.
        threads: that decode and compute.

    Raises:
        ClusterError: it would compute in another space than is asked for.
    """

    def __init__(self, setup: Setup, *, threads: int) -> None:
        self._setup, self._threads = setup, threads
        space = row_space(setup.engine, setup.preprocessing)
        if space != setup.space:
            raise ClusterError(f"rows are wanted of {setup.space}, and would be of {space}.")
        self._shards = Shards(setup.folder, setup.space)

    def __call__(self, block: Block) -> Outcome:
        """Compute the rows of a block and write its shard, unless this run has written it."""
        try:
            rows = self._written(block)
        except TorchInceptionError as error:
            return Outcome(block.shard, 0, error=error)
        skipped = [(row.path, row.reason) for row in rows if row.reason is not None]
        return Outcome(block.shard, len(rows), skipped)

    def _written(self, block: Block) -> Sequence[ShardRow | ShardKey]:
        """Have the rows of a block in its shard, and return them or their keys."""
        if self._shards.run_of(block.shard) == self._setup.run:
            keys = self._shards.keys(block.shard)
            if keys is not None:
                return keys
        rows = self._rows(block)
        if not self._setup.folder.has(self._setup.run):
            raise ClusterError("the run that asked for these rows has ended, or is lost.")
        self._shards.write(block.shard, rows, run=self._setup.run)
        return rows

    def _rows(self, block: Block) -> list[ShardRow]:
        most = max(len(item.views) for item in block.items)
        found = ordered_map(
            self._make_worker,
            block.items,
            workers=self._threads,
            batch_size=max(1, self._setup.engine.batch_size // most),
        )
        return [row for rows in found for row in rows]

    def _make_worker(self) -> Work[Item, list[ShardRow]]:
        # Ray limits torch to one thread for each slot, but not where OMP_NUM_THREADS is set.
        session, batch_size = own_session(self._setup.engine), self._setup.engine.batch_size

        def work(batch: Sequence[Item]) -> list[list[ShardRow]]:
            seen = [self._see(item) for item in batch]
            pixels = [look.pixels for image in seen for look in image.looks]
            rows = iter(_in_batches(session, pixels, batch_size))
            return [[self._row(image, look, next(rows)) for look in image.looks] for image in seen]

        return work

    def _see(self, item: Item) -> _Seen:
        if item.digest is not None:
            return self._see_views(item, item.digest)
        state, image = self._read(item.name)
        assert image.pixels is not None
        look = _Look("", image.pixels, image.facts, image.thumbnail)
        return _Seen(item, state, image.digest, [look])

    def _read(self, name: str) -> tuple[State, ReadImage]:
        """Return a file's state before it was read, and the image or why there is none."""
        store, preprocessing = self._setup.store, self._setup.preprocessing
        with_thumbnail = self._setup.with_thumbnails
        if store is None:
            path = Path(name)
            state = disk_state(path)
            return state, read_image(
                path, preprocessing, is_wanted=lambda _: True, with_thumbnail=with_thumbnail
            )
        try:
            found, content = store.read(name)
        except ImageError as error:
            return NO_FILE, ReadImage(None, None, error)
        digest = hashlib.sha256(content).digest()
        image = image_of_content(
            None, digest, content, preprocessing, with_thumbnail=with_thumbnail
        )
        return State(found.size, found.modified, 0), image

    def _see_views(self, item: Item, digest: bytes) -> _Seen:
        state = disk_state(Path(item.name))
        viewed = ViewedImage(Path(item.name), digest, item.views)
        found = look_at(viewed, self._setup.preprocessing)
        if isinstance(found, ImageError):
            looks = [_Look(view.identity, found) for view in item.views]
            return _Seen(item, state, None, looks)
        looks = [
            _Look(view.identity, pixels, facts)
            for view, (pixels, facts) in zip(item.views, found, strict=True)
        ]
        return _Seen(item, state, digest, looks)

    def _row(self, image: _Seen, look: _Look, row: numpy.ndarray | ImageError) -> ShardRow:
        name, label = image.item.name, image.item.label
        about = (address_of(name, self._setup.store), look.view, label, image.state, image.digest)
        if isinstance(row, ImageError):
            return ShardRow(*about, reason=str(row))
        facts = numpy.array([look.facts], FACTS)[0]
        half = half_row(row, Path(name))
        return ShardRow(*about, row=half, facts=facts, thumbnail=look.thumbnail)


def _in_batches(
    session: Session, pixels: Sequence[Pixels | ImageError], batch_size: int
) -> list[numpy.ndarray | ImageError]:
    starts = range(0, len(pixels), batch_size)
    return [
        row for start in starts for row in compute_rows(session, pixels[start : start + batch_size])
    ]
