"""Tell of images of which only a part is used: one page or channel of several, some values."""

import logging

import numpy
from numpy.typing import NDArray

from torch_inception.images.preprocess import Preprocessing

log = logging.getLogger(__name__)


def tell_of_deep(facts: NDArray[numpy.void], preprocessing: Preprocessing) -> None:
    """Log how many images have further pages or channels, and values that are not finite.

    Args:
        facts: (N,) of `images.facts.FACTS`.
        preprocessing: what says which pages and channels were asked for.
    """
    if not preprocessing.page:
        # Without either setting, the channels of a file may be among its pages.
        choice = "--page" if preprocessing.channels else "--page or --channels"
        _tell_of_several("pages", facts["pages"], choice)
    if not preprocessing.channels:
        _tell_of_several("channels", facts["channels"], "--channels")
    count = int(numpy.count_nonzero(facts["not_finite"] > 0))
    if count:
        log.warning(
            "WARNING: %s values that are not finite (NaN or infinite). NaN is shown as black, "
            "infinity as white, and neither counts for the range.",
            _files_have(count),
        )


def _tell_of_several(name: str, counts: NDArray[numpy.uint16], choice: str) -> None:
    several = counts[counts > 1]
    if len(several):
        log.warning(
            "WARNING: %s several %s (%s in all), and only the first of each is used. Choose with "
            "%s.",
            _files_have(len(several)), name, f"{several.sum(dtype=numpy.int64):,}", choice,
        )  # fmt: skip


def _files_have(count: int) -> str:
    return f"{count:,} file has" if count == 1 else f"{count:,} files have"
