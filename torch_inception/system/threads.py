"""Change how many threads torch works with, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads_restored() -> Iterator[None]:
    """Give torch its number of threads back at the end of a block that changes it."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch work with one thread: then sums are rounded alike on any number of cores."""
    with threads_restored():
        torch.set_num_threads(1)
        yield
