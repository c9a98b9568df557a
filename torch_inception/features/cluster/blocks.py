"""Blocks: the rows of one shard, as an actor is given them, and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch_inception.engines.protocol import Engine
from torch_inception.errors import TorchInceptionError
from torch_inception.features.cluster.listing import Listing
from torch_inception.features.cluster.object_store import ObjectStore
from torch_inception.features.cluster.shard_folders import Folder
from torch_inception.features.cluster.shards import shard_name
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.views import View

MOST_ROWS = 2000
"""Rows of a block at most, rounded up to whole batches; its shard has 16 MB."""

BLOCKS_PER_SLOT = 32
"""Blocks that each slot gets where there are images enough: at the end, slots wait for each other
for the time that one of them takes."""


class Item(NamedTuple):
    """A file, and how it is looked at.

    Attributes:
        name: absolute path, or bucket and key.
        label: of it.
        digest: SHA-256 of the content that it has to have; None for any.
        views: one at least.
    """

    name: str
    label: str
    digest: bytes | None
    views: Sequence[View]


class Block(NamedTuple):
    """Files whose rows go into one shard of this name."""

    shard: str
    items: Sequence[Item]


class Outcome(NamedTuple):
    """What became of a block.

    Attributes:
        shard: its name.
        rows: how many it has.
        skipped: of those without features, address and reason.
        error: one that is the user's to mend; None where all is well.
    """

    shard: str
    rows: int
    skipped: Sequence[tuple[str, str]] = ()
    error: TorchInceptionError | None = None


@dataclass(frozen=True)
class Setup:
    """What every actor works with.

    Attributes:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        space: of rows, as the one who asks has it.
        folder: for the shards.
        store: where the images are; None for disks.
        run: what tells this run from others: a hidden file in the folder, as long as it lasts.
        with_thumbnails: whether a thumbnail is made with each row.
    """

    engine: Engine
    preprocessing: Preprocessing
    space: str
    folder: Folder
    store: ObjectStore | None
    run: str
    with_thumbnails: bool


def cut_blocks(
    listing: Listing, views: Mapping[int, Sequence[View]], *, slots: int, batch_size: int
) -> Iterator[Block]:
    """Yield blocks of what is missing, whole batches in each, enough of them for every slot.

    Args:
        listing: the files.
        views: place in it -> how it is looked at.
        slots: actors that work at a time.
        batch_size: images that an engine takes at a time.
    """
    places = list(views)
    each = max((len(some) for some in views.values()), default=1)
    rows = min(MOST_ROWS, -(-len(places) * each // (slots * BLOCKS_PER_SLOT)))
    count = max(1, -(-rows // batch_size) * batch_size // each)
    for start in range(0, len(places), count):
        chosen = places[start : start + count]
        items = [
            Item(
                listing.names[place], listing.labels[place],
                listing.digests[place] if listing.digests else None, tuple(views[place]),
            )
            for place in chosen
        ]  # fmt: skip
        yield Block(shard_name([items, listing.states[chosen].tolist()]), items)
