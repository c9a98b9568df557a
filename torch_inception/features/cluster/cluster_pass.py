"""The pass on a cluster: what is missing is computed there, and lands in shards."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from torch_inception.engines.protocol import Engine
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ClusterError
from torch_inception.features.cluster.blocks import Outcome, Setup, cut_blocks
from torch_inception.features.cluster.connection import Connection
from torch_inception.features.cluster.listing import Listing
from torch_inception.features.cluster.missing import Missing, find_missing
from torch_inception.features.cluster.shard_folders import open_folder
from torch_inception.features.cluster.shards import Shards
from torch_inception.features.image_rows import row_space
from torch_inception.features.progress import progress_bar
from torch_inception.features.skipped import SkippedTally
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted

if TYPE_CHECKING:
    from torch_inception.features.cluster.ray_cluster import RayCluster

log = logging.getLogger(__name__)

TakeOverShard = Callable[[str], bool]
"""Takes the rows of the shard of a name; returns False where it is damaged."""

TELL_SECONDS = 60
"""After which it is told how far the pass is, where there is no bar: in the log of a batch job."""

NODES_NAMED = 3
"""Machines of a cluster that are named in the log; there may be a thousand."""


class ClusterPass(NamedTuple):
    """What a pass has done.

    Attributes:
        computed: rows that were computed, and have features.
        present: rows that were there before.
        skipped: files without features, of both kinds.
    """

    computed: int
    present: int
    skipped: SkippedTally


def open_shards(place: str, engine: Engine, preprocessing: Preprocessing) -> Shards:
    """Open the shards in a folder or at an address.

    Raises:
        ClusterError: it cannot be opened.
    """
    return Shards(open_folder(place), row_space(engine, preprocessing))


def run_cluster_pass(
    engine: Engine,
    preprocessing: Preprocessing,
    listing: Listing,
    shards: Shards,
    *,
    connection: Connection,
    with_thumbnails: bool = False,
    take_over: TakeOverShard | None = None,
    progress: bool = False,
) -> ClusterPass:
    """Compute the rows that the shards do not have, on a cluster.

    Where there are none, no cluster is asked for.

    Args:
        engine: the frozen network; it is sent to the machines.
        preprocessing: how an image becomes 299 x 299.
        listing: what rows are wanted of.
        shards: where they are.
        connection: to the cluster.
        with_thumbnails: whether thumbnails are made too.
        take_over: called with the name of each shard that has rows of the listing.
        progress: whether to show a bar on standard error.

    Raises:
        ClusterError: the cluster cannot be used, or the shards are of another space.
    """
    missing = find_missing(listing, shards)
    if take_over is not None:
        are_whole = [take_over(name) for name in missing.shards]
        if not all(are_whole):
            missing = find_missing(listing, shards)
    if missing.present:
        log.info("shards: %s in %s already", counted(missing.present, "row"), str(shards.folder))
    if not missing.views:
        return ClusterPass(0, missing.present, missing.skipped)
    skipped_before = len(missing.skipped)
    with shards.folder.marked() as run:
        cluster = connection.cluster(needs_gpu=_needs_gpu(engine))
        setup = Setup(
            engine, preprocessing, shards.space, shards.folder, listing.store, run, with_thumbnails
        )
        came = _compute(cluster, setup, listing, missing, take_over, progress=progress)
    skipped = len(missing.skipped) - skipped_before
    log.info(
        "cluster: %s computed, %s of them without features, in %s",
        counted(came, "row"), f"{skipped:,}", str(shards.folder),
    )  # fmt: skip
    return ClusterPass(came - skipped, missing.present, missing.skipped)


def _needs_gpu(engine: Engine) -> bool:
    return isinstance(engine, TorchEngine) and engine.device.type == "cuda"


def _compute(
    cluster: "RayCluster",
    setup: Setup,
    listing: Listing,
    missing: Missing,
    take_over: TakeOverShard | None,
    *,
    progress: bool,
) -> int:
    """Have a cluster compute what is missing, and tell how far it is; return how many rows came.

    Args:
        cluster: that computes.
        setup: what its actors work with.
        listing: the files.
        missing: at least one row; files that turn out to have no features are added.
        take_over: as in `run_cluster_pass`.
        progress: whether to show a bar.

    Raises:
        ClusterError: the cluster cannot be used, or fails.
    """
    total = sum(map(len, missing.views.values()))
    machines = counted(len(cluster.nodes), "machine")
    log.info(
        "cluster: %s to compute, on %s of %s (%s)",
        counted(total, "row"), counted(cluster.slots, "slot"), machines, _some(cluster.nodes),
    )  # fmt: skip
    batch_size = setup.engine.batch_size
    blocks = cut_blocks(listing, missing.views, slots=cluster.slots, batch_size=batch_size)
    first = None if listing.store is not None else Path(listing.names[next(iter(missing.views))])
    outcomes: Iterable[Outcome] = cluster.outcomes(setup, blocks, first)
    if not progress:
        outcomes = _told_of_now_and_then(outcomes, total)
    rows = _rows(outcomes, missing.skipped, take_over)
    came = sum(1 for _ in progress_bar(rows, f"images on {machines}", total=total, show=progress))
    if came != total:
        raise ClusterError(f"{came:,} of {total:,} rows have come. Run the same command again.")
    return came


def _some(nodes: Sequence[str]) -> str:
    """Return the names of the first machines."""
    return ", ".join(nodes[:NODES_NAMED]) + (", ..." if len(nodes) > NODES_NAMED else "")


def _rows(
    outcomes: Iterable[Outcome], skipped: SkippedTally, take_over: TakeOverShard | None
) -> Iterator[None]:
    """Yield None for each row that has come, once its shard is taken over."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
        if take_over is not None:
            take_over(outcome.shard)
        skipped.add(outcome.skipped)
        yield from repeat(None, outcome.rows)


def _told_of_now_and_then(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """Pass outcomes through; tell now and then how many rows have come with them."""
    start = told = time.monotonic()
    came = 0
    for outcome in outcomes:
        yield outcome
        came += outcome.rows
        now = time.monotonic()
        if came and now - told > TELL_SECONDS:
            told, rate = now, came / (now - start)
            log.info(
                "cluster: %s of %s computed, %.1f a second, %s left",
                f"{came:,}", counted(total, "row"), rate,
                tqdm.format_interval((total - came) / rate),
            )  # fmt: skip
