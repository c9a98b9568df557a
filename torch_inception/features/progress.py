"""One kind of progress bar for everything that a user waits for."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress_bar(
    results: Iterable[Item], name: str, *, total: int, show: bool, start_up: int = 0
) -> Iterator[Item]:
    """Pass results through; show images a second and the time left on standard error.

    Nothing is shown of what is over within half a second.

    Args:
        results: what is waited for.
        name: what the bar is called.
        total: how many results there will be.
        show: whether there is a bar.
        start_up: how many of the first results are not timed: while they are made, libraries
            are loaded and memory is laid out.
    """
    bar = None
    try:
        for number, result in enumerate(results):
            if bar is not None:
                bar.update()
            elif number == min(start_up, total - 1):
                # The rate is that of what comes after `initial`, since the bar was made.
                bar = _bar(name, total=total, initial=number + 1, show=show)
            yield result
    finally:
        if bar is not None:
            bar.close()


def _bar(name: str, *, total: int, initial: int, show: bool) -> "tqdm[object]":
    return tqdm(
        desc=name,
        total=total,
        initial=initial,
        unit=" images",
        disable=not show,
        delay=0.5,
        smoothing=0,
        mininterval=0.2,
    )
