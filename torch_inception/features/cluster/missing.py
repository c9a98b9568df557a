"""Which rows the shards have already, so that only the others are computed."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch_inception.features.cluster.listing import NO_FILE, Listing, State
from torch_inception.features.cluster.shard_folders import StoreFolder
from torch_inception.features.cluster.shards import ShardKey, Shards
from torch_inception.features.skipped import SkippedTally
from torch_inception.images.views import ORIGINAL, View
from torch_inception.system.escape import counted
from torch_inception.system.ordered_map import ordered_map

log = logging.getLogger(__name__)

READERS = 16
"""Shards of an object store that are read at a time."""


@dataclass
class Missing:
    """What is to be computed, and where the rest is.

    Attributes:
        views: place in the listing -> the ways of looking at it that have no row yet.
        shards: names of those that have features of the listing.
        present: number of rows that they have.
        skipped: those of them without features.
    """

    views: Mapping[int, Sequence[View]] = field(default_factory=dict)
    shards: list[str] = field(default_factory=list)
    present: int = 0
    skipped: SkippedTally = field(default_factory=SkippedTally)


Wanted = dict[str, int]
"""What a row is found by -> its number among what is wanted; -1 once it was found."""


def find_missing(listing: Listing, shards: Shards) -> Missing:
    """Compare a listing with the shards; rows of it that are out of date are taken out of these.

    Rows of files that are not in the listing are left alone.

    Raises:
        ClusterError: the shards are of another space.
    """
    leftovers = shards.folder.clear_leftovers()
    if leftovers:
        log.warning(
            "shards: %s in %s that was never finished is removed; its rows are computed again",
            counted(leftovers, "file"), str(shards.folder),
        )  # fmt: skip
    wanted = _wanted(listing)
    missing, stale = Missing(), 0
    names = shards.names()
    for name, keys in zip(names, _keys_of(names, shards), strict=True):
        if keys is None:
            continue
        found: Wanted = {}
        is_stale = [not _is_of_use(key, listing, wanted, found) for key in keys]
        if any(is_stale):
            stale += sum(is_stale)
            if not _take_out(shards, name, is_stale):
                wanted |= found
                continue
        missing.present += len(found)
        current = [key for key in keys if _key(key.path, key.view) in found]
        missing.skipped.add((key.path, key.reason) for key in current if key.reason is not None)
        if any(key.reason is None for key in current):
            missing.shards.append(name)
    if stale:
        log.info(
            "shards: %s of files that have changed, or could not be read, taken out of %s",
            counted(stale, "row"), str(shards.folder),
        )  # fmt: skip
    missing.views = _views(listing, (number for number in wanted.values() if number >= 0))
    return missing


def _keys_of(names: Sequence[str], shards: Shards) -> Iterator[list[ShardKey] | None]:
    """Yield the keys of each shard; a store answers many questions in the time of one."""
    return ordered_map(
        lambda: lambda some: [shards.keys(name) for name in some],
        names,
        workers=READERS if isinstance(shards.folder, StoreFolder) else 1,
        batch_size=1,
    )


def _wanted(listing: Listing) -> Wanted:
    return {
        _key(listing.address(place), view.identity): listing.most_views * place + position
        for place in range(len(listing))
        for position, view in enumerate(listing.views_of(place))
    }


def _views(listing: Listing, numbers: Iterable[int]) -> Mapping[int, Sequence[View]]:
    """Return place -> views that are wanted, of their numbers."""
    if not listing.views:
        return dict.fromkeys(numbers, (ORIGINAL,))  # one for all: there may be millions
    views: dict[int, list[View]] = {}
    for number in numbers:
        place, position = divmod(number, listing.most_views)
        views.setdefault(place, []).append(listing.views[place][position])
    return views


def _key(path: str, view: str) -> str:
    return f"{path}\0{view}" if view else path


def _is_of_use(key: ShardKey, listing: Listing, wanted: Wanted, found: Wanted) -> bool:
    """Tell whether a row may stay; what is wanted goes from `wanted` to `found`."""
    name = _key(key.path, key.view)
    if name not in wanted:
        return True
    number = wanted[name]
    if number < 0 or not _is_current(key, listing, number // listing.most_views):
        return False
    found[name], wanted[name] = number, -1
    return True


def _is_current(key: ShardKey, listing: Listing, place: int) -> bool:
    if key.state != State(*listing.states[place].tolist()):
        return False
    if listing.digests and key.digest != listing.digests[place]:
        return False
    # What could not be read may be readable now.
    return key.digest is not None or key.state == NO_FILE


def _take_out(shards: Shards, name: str, is_stale: list[bool]) -> bool:
    """Take rows out of a shard; return whether the others are still there."""
    if all(is_stale):
        shards.folder.remove(name)
        return True
    table = shards.table(name)
    if table is None:
        return False
    kept = [place for place, stale in enumerate(is_stale) if not stale]
    shards.write_table(name, table.take(kept), run="")
    return True
