"""What a cluster does, in one process and without Ray."""

import dataclasses
import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.fakes import FakeEngine
from torch_inception.features.cluster.blocks import Block, Outcome, Setup, cut_blocks
from torch_inception.features.cluster.connection import Connection
from torch_inception.features.cluster.listing import Listing
from torch_inception.features.cluster.missing import Missing
from torch_inception.features.cluster.shard_actor import ShardActor
from torch_inception.features.cluster.shards import Shards
from torch_inception.images.preprocess import Preprocessing

PREPROCESSING = Preprocessing()


class OneProcess(Connection):
    """A connection to a cluster that is this process.

    Args:
        nodes: what its machines are called.
        most_blocks: that it computes; it forgets the others.
    """

    def __init__(self, nodes: Sequence[str] = ("here",), *, most_blocks: int | None = None) -> None:
        super().__init__("nowhere:1")
        self.nodes, self.slots = list(nodes), 1
        self._most_blocks = most_blocks

    def cluster(self, *, needs_gpu: bool) -> "OneProcess":  # type: ignore[override]
        """Return the cluster."""
        assert not needs_gpu
        return self

    def outcomes(
        self, setup: Setup, blocks: Iterable[Block], file: Path | None
    ) -> Iterator[Outcome]:
        """Compute blocks."""
        assert file is None or file.exists()
        actor = ShardActor(setup, threads=1)
        for block in list(blocks)[: self._most_blocks]:
            yield pickle.loads(pickle.dumps(actor(block)))


def setup_for(shards: Shards, *, run: str = "some run", thumbnails: bool = False) -> Setup:
    """Return what actors work with that compute images on disks."""
    return Setup(FakeEngine(), PREPROCESSING, shards.space, shards.folder, None, run, thumbnails)


def compute(
    listing: Listing,
    shards: Shards,
    missing: Missing,
    *,
    run: str | None = None,
    thumbnails: bool = False,
) -> list[Outcome]:
    """Compute what is missing: two blocks of eight rows at most for each slot."""
    with ExitStack() as stack:
        run = run or stack.enter_context(shards.folder.marked())
        setup = setup_for(shards, run=run, thumbnails=thumbnails)
        actor = ShardActor(dataclasses.replace(setup, store=listing.store), threads=2)
        blocks = cut_blocks(listing, missing.views, slots=1, batch_size=4)
        return [actor(block) for block in blocks]
