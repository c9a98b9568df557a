"""The pass on a cluster: what is missing is computed there, and lands in shards."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

import torch_inception.errors
from torch_inception.engines.protocol import Engine
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

log = logging.getLogger(__name__)

TELL_SECONDS = 60
"""After which it is told how far the pass is, where there is no bar: in the log of a batch job."""

NODES_NAMED = 3
"""Machines of a cluster that are named."""


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
    take_over: Callable[[str], bool] | None = None,
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
        take_over: called with the name of each shard that has rows of the listing; returns False
            where it is damaged.
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
    computing = _Computing(engine, preprocessing, listing, shards, missing, take_over)
    with shards.folder.marked() as run:
        computing.run(connection, run, with_thumbnails=with_thumbnails, progress=progress)
    skipped = len(missing.skipped) - skipped_before
    log.info(
        "cluster: %s computed, %s of them without features, in %s",
        counted(computing.came, "row"), f"{skipped:,}", str(shards.folder),
    )  # fmt: skip
    return ClusterPass(computing.came - skipped, missing.present, missing.skipped)


class _Computing:
    """Has a cluster compute rows.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        listing: files.
        shards: where the rows go.
        missing: what is to be computed, at least one row; files without features are added.
        take_over: as in `run_cluster_pass`.

    Attributes:
        came: rows that have come.
    """

    def __init__(
        self,
        engine: Engine,
        preprocessing: Preprocessing,
        listing: Listing,
        shards: Shards,
        missing: Missing,
        take_over: Callable[[str], bool] | None,
    ) -> None:
        self._engine, self._preprocessing = engine, preprocessing
        self._listing, self._shards, self._missing = listing, shards, missing
        self._take_over = take_over
        self._total = sum(map(len, missing.views.values()))
        self.came = 0

    def run(
        self, connection: Connection, run: str, *, with_thumbnails: bool, progress: bool
    ) -> None:
        """Compute them, and tell how far it is.

        Raises:
            ClusterError: the cluster cannot be used, or fails.
        """
        listing, engine = self._listing, self._engine
        needs_gpu = getattr(getattr(engine, "device", None), "type", "") == "cuda"
        cluster = connection.cluster(needs_gpu=needs_gpu)
        machines = counted(len(cluster.nodes), "machine")
        log.info(
            "cluster: %s to compute, on %s of %s (%s)",
            counted(self._total, "row"), counted(cluster.slots, "slot"), machines,
            ", ".join([*cluster.nodes[:NODES_NAMED], "..."][: len(cluster.nodes)]),
        )  # fmt: skip
        setup = Setup(
            engine, self._preprocessing, self._shards.space, self._shards.folder, listing.store,
            run, with_thumbnails,
        )  # fmt: skip
        views = self._missing.views
        blocks = cut_blocks(listing, views, slots=cluster.slots, batch_size=engine.batch_size)
        place = next(iter(views))
        first = None if listing.store is not None else Path(listing.names[place])
        outcomes = self._rows(cluster.outcomes(setup, blocks, first), tell=not progress)
        for _ in progress_bar(outcomes, f"images on {machines}", total=self._total, show=progress):
            pass
        if self.came != self._total:
            raise ClusterError(
                f"{self.came:,} of {self._total:,} rows have come. Run the same command again."
            )

    def _rows(self, outcomes: Iterable[Outcome], *, tell: bool) -> Iterator[None]:
        """Yield None for each row that has come; tell now and then how many."""
        start = told = time.monotonic()
        for outcome in outcomes:
            _raise_error(outcome)
            if self._take_over is not None:
                self._take_over(outcome.shard)
            self.came += outcome.rows
            self._missing.skipped.add(outcome.skipped)
            yield from repeat(None, outcome.rows)
            now = time.monotonic()
            if tell and now - told > TELL_SECONDS:
                told, rate = now, self.came / (now - start)
                log.info(
                    "cluster: %s of %s computed, %.1f a second, %s left",
                    f"{self.came:,}", counted(self._total, "row"), rate,
                    tqdm.format_interval((self._total - self.came) / rate),
                )  # fmt: skip


def _raise_error(outcome: Outcome) -> None:
    if outcome.error is not None:
        kind, text = outcome.error
        raise getattr(torch_inception.errors, kind)(text)
