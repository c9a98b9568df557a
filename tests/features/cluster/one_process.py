"""What a cluster does, in one process and without Ray."""

import dataclasses
from contextlib import ExitStack

from tests.fakes import FakeEngine
from torch_inception.features.cluster.blocks import Outcome, Setup, cut_blocks
from torch_inception.features.cluster.listing import Listing
from torch_inception.features.cluster.missing import Missing
from torch_inception.features.cluster.shard_actor import ShardActor
from torch_inception.features.cluster.shards import Shards
from torch_inception.images.preprocess import Preprocessing

PREPROCESSING = Preprocessing()


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
