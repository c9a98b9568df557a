"""One kind of progress bar for everything that a user waits for."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress_bar(results: Iterable[Item], name: str, *, total: int, show: bool) -> Iterator[Item]:
    """Pass results through; show pictures a second and the time left on standard error.

    Nothing is shown of what is over within half a second.
    """
    yield from tqdm(
        results,
        name,
        total=total,
        unit=" pictures",
        disable=not show or total == 0,
        delay=0.5,
        # A log file gets a line now and then; a terminal, a bar that moves.
        mininterval=0.2 if sys.stderr.isatty() else 10.0,
    )
