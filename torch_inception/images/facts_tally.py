"""Tell of images of which only a part is used: one page or channel of several, some values."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

MOST_OUTSIDE = 0.05
"""Share of an image's values that a range may cut off unsaid; its percentiles cut off 0.002."""

_CHANNELS_RENAMED = (
    "is called channels, and --page takes it for pages. If it is channels, give --channels too."
)
_PAGES_RENAMED = (
    "is called slices or moments, and --channels takes it for channels. If it is pages, give "
    "--page too."
)
_MEASURED = "It was measured on training images; a run into another --output measures it anew."
_STATED = "Choose another in training, with --intensity."

Name = str | os.PathLike[str]
"""Of an image: its path, or what a message calls it."""


@dataclass
class _Found:
    """How many images are of a kind, the name of the first, and its facts."""

    count: int
    first: Name
    facts: Any


class FactsTally:
    """Counts images that are not used as they are, to tell of each kind once, at the end.

    Args:
        preprocessing: what says which pages and channels were asked for.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._found: dict[str, _Found] = {}

    def add(self, names: Sequence[Name], facts: NDArray[numpy.void]) -> None:
        """Count images.

        Args:
            names: of N images.
            facts: (N,) of `images.facts.FACTS`.
        """
        for kind, is_such in self._kinds(facts).items():
            count = int(numpy.count_nonzero(is_such))
            if kind in self._found:
                self._found[kind].count += count
            elif count:
                place = int(numpy.argmax(is_such))
                self._found[kind] = _Found(count, names[place], facts[place])

    def tell(self, *, with_plain: bool = False) -> None:
        """Log what was counted.

        Args:
            with_plain: whether images of one plain colour, as the network sees them, are told of
                too. That is for images that were named: training has words of its own for them.
        """
        if found := self._found.get("several"):
            self._tell_of_several(found)
        if found := self._found.get("renamed"):
            self._tell_of_renamed(found)
        if found := self._found.get("not finite"):
            log.warning(
                "WARNING: %s %s, %s values that are not finite (NaN or infinite). NaN is shown as "
                "black, infinity as white, and neither counts for the range.",
                *_who(found),
            )
        if found := self._found.get("outside"):
            self._tell_of_outside(found)
        if with_plain and (found := self._found.get("plain")):
            log.warning(
                "WARNING: the network sees one plain colour in %s %s; what %s named means nothing.",
                *_who(found)[:2], "it is" if found.count == 1 else "they are",
            )  # fmt: skip

    def _kinds(self, facts: NDArray[numpy.void]) -> dict[str, NDArray[numpy.bool_]]:
        """Return, for each kind that is counted, which images are of it."""
        pages, channels = facts["pages"] > 1, facts["channels"] > 1
        renamed = facts["is_axis_renamed"]
        unchosen_pages = pages & (not self._preprocessing.page)
        unchosen_channels = channels & (not self._preprocessing.channels)
        return {
            "pages": unchosen_pages,
            "channels": unchosen_channels,
            "several": unchosen_pages | unchosen_channels,
            "renamed": renamed,
            "as named": (pages | channels) & ~renamed,
            "not finite": facts["not_finite"] > 0,
            "outside": facts["outside"] > MOST_OUTSIDE,
            "plain": facts["contrast"] == 0,
        }

    def _tell_of_several(self, found: _Found) -> None:
        kinds = [kind for kind in ("pages", "channels") if kind in self._found]
        # Without either setting, the channels of a file may be among its pages.
        settings = [name for name in ("page", "channels") if not getattr(self._preprocessing, name)]
        who, first, have = _who(found)
        log.warning(
            "WARNING: %s %s (%s), %s several %s, and only the first is used. Choose in "
            "training, with %s.",
            who, first, _layout(found), have,
            " or ".join(kinds), " or ".join(f"--{name}" for name in settings),
        )  # fmt: skip

    def _tell_of_renamed(self, found: _Found) -> None:
        # Where all files are so, their writer may call any axis so.
        is_mixed = "as named" in self._found
        who, first, _ = _who(found)
        log.log(
            logging.WARNING if is_mixed else logging.INFO,
            "%sin %s %s, the only axis of the stack %s",
            "WARNING: " if is_mixed else "", who, first,
            _PAGES_RENAMED if self._preprocessing.channels else _CHANNELS_RENAMED,
        )  # fmt: skip

    def _tell_of_outside(self, found: _Found) -> None:
        is_measured = self._preprocessing.intensity == "dataset"
        who, first, _ = _who(found)
        low, high = self._preprocessing.value_range or (0, 0)
        log.warning(
            "WARNING: in %s %s, more than %g%% of the values are outside the range %g to %g that "
            "images are scaled by, and become black or white. %s",
            who, first, 100 * MOST_OUTSIDE, low, high, _MEASURED if is_measured else _STATED,
        )  # fmt: skip


def _layout(found: _Found) -> str:
    """Return how many pages and channels the first image has, such as "5 pages x 2 channels"."""
    counts = [(int(found.facts[f"{noun}s"]), noun) for noun in ("page", "channel")]
    return " x ".join(counted(count, noun) for count, noun in counts if count > 1)


def _who(found: _Found) -> tuple[str, Name, str]:
    """Return how many images there are, the name of the first, and the verb."""
    if found.count == 1:
        return "1 file,", found.first, "has"
    return f"{found.count:,} files, the first of them", found.first, "have"
