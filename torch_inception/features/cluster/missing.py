"""Which rows the shards have already, so that only the others are computed."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch_inception.features.cluster.listing import NO_FILE, Listing, State
from torch_inception.features.cluster.shards import ShardKey, Shards
from torch_inception.features.skipped import SkippedTally
from torch_inception.images.views import ORIGINAL, View
from torch_inception.system.escape import counted
from torch_inception.system.ordered_map import ordered_map

log = logging.getLogger(__name__)


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


def find_missing(listing: Listing, shards: Shards) -> Missing:
    """Compare a listing with the shards; rows of it that are out of date are taken out of these.

    Rows of files that are not in the listing are left alone.

    Raises:
        ClusterError: the shards cannot be read, are of another space, or another run writes them.
    """
    _clear_leftovers(shards)
    wanted, missing, taken_out = _Wanted(listing), Missing(), 0
    names = shards.names()
    for name, keys in zip(names, _keys_of(names, shards), strict=True):
        if keys is None:
            continue
        found, stale = wanted.compare(keys)
        if stale and not _take_out(shards, name, stale, count=len(keys)):
            continue
        taken_out += len(stale)
        wanted.mark_found(found)
        rows = [keys[place] for place in found.values()]
        missing.present += len(rows)
        missing.skipped.add((row.path, row.reason) for row in rows if row.reason is not None)
        if any(row.reason is None for row in rows):
            missing.shards.append(name)
    if taken_out:
        log.info(
            "shards: %s of files that have changed, or could not be read, taken out of %s",
            counted(taken_out, "row"), str(shards.folder),
        )  # fmt: skip
    missing.views = wanted.views()
    return missing


def _clear_leftovers(shards: Shards) -> None:
    leftovers = shards.folder.clear_leftovers()
    if leftovers:
        log.warning(
            "shards: %s in %s that was never finished is removed; its rows are computed again",
            counted(leftovers, "file"), str(shards.folder),
        )  # fmt: skip


def _keys_of(names: Sequence[str], shards: Shards) -> Iterator[list[ShardKey] | None]:
    """Yield the keys of each shard."""
    return ordered_map(
        lambda: lambda some: [shards.keys(name) for name in some],
        names,
        workers=shards.folder.readers,
        batch_size=1,
    )


_FOUND = -1


class _Wanted:
    """The rows of a listing, and which of them the shards have.

    They are in one dict of text to number: there may be millions.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._numbers = {
            _name(listing.address(place), view.identity): listing.most_views * place + position
            for place in range(len(listing))
            for position, view in enumerate(listing.views_of(place))
        }

    def compare(self, keys: Sequence[ShardKey]) -> tuple[dict[str, int], list[int]]:
        """Look through the rows of a shard.

        Returns:
            name of each row that is wanted and up to date -> its place in the shard; and the places
            of those that are to go: out of date, or there already.
        """
        found: dict[str, int] = {}
        stale: list[int] = []
        for place, key in enumerate(keys):
            name = _name(key.path, key.view)
            number = self._numbers.get(name)
            if number is None:
                continue
            if number == _FOUND or name in found or not self._is_current(key, number):
                stale.append(place)
            else:
                found[name] = place
        return found, stale

    def mark_found(self, names: Iterable[str]) -> None:
        """Remember that the shards have these rows."""
        self._numbers.update(dict.fromkeys(names, _FOUND))

    def views(self) -> Mapping[int, Sequence[View]]:
        """Return place in the listing -> the views of it that were not found."""
        numbers = (number for number in self._numbers.values() if number != _FOUND)
        if not self._listing.views:
            return dict.fromkeys(numbers, (ORIGINAL,))  # one for all: there may be millions
        views: dict[int, list[View]] = {}
        for number in numbers:
            place, position = divmod(number, self._listing.most_views)
            views.setdefault(place, []).append(self._listing.views[place][position])
        return views

    def _is_current(self, key: ShardKey, number: int) -> bool:
        listing, place = self._listing, number // self._listing.most_views
        if key.state != State(*listing.states[place].tolist()):
            return False
        if listing.digests and key.digest != listing.digests[place]:
            return False
        # What could not be read may be readable now.
        return key.digest is not None or key.state == NO_FILE


def _name(path: str, view: str) -> str:
    return f"{path}\0{view}" if view else path


def _take_out(shards: Shards, name: str, stale: Sequence[int], *, count: int) -> bool:
    """Take rows out of a shard; return False where it is damaged, and all of it is gone.

    Args:
        shards: where it is.
        name: of the shard.
        stale: places of the rows in it.
        count: of all its rows.
    """
    if len(stale) == count:
        shards.folder.remove(name)
        return True
    table = shards.table(name)
    if table is None:
        return False
    shards.write_table(name, table.take(sorted({*range(count)}.difference(stale))), run="")
    return True
