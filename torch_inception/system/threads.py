"""Have torch compute on the calling thread alone, and leave every other thread as it is.

`torch.set_num_threads` is a setting of the whole process, which belongs to the program around us.
OpenMP and MKL, which torch computes with, keep a number for each thread as well: both are asked
directly. On one thread each, batches keep every core busy without waiting for each other, and sums
are rounded alike on any number of cores.

Where a function is not there, its number stays what the program has chosen (on Windows that of
MKL, which is a part of torch there and has no names of its own): threads then wait for each other,
and last bits can depend on the number of cores.
"""

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from torch_inception.system.cores import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def _libraries() -> list[str | None]:
    """Return where torch's own calls find these functions; None is what the process shares."""
    if sys.platform != "win32":
        return [None, torch._C.__file__]
    return [str(Path(torch.__file__).parent / "lib" / "libiomp5md.dll")]


def _function(name: str) -> Callable[..., int]:
    """Return a function of C; one that does nothing and gives 0 where there is none."""
    for library in _libraries():
        try:
            found: Callable[..., int] = getattr(ctypes.CDLL(library), name)
        except (OSError, AttributeError):
            continue
        return found
    return lambda *_: 0


_get_threads = _function("omp_get_max_threads")
_set_threads = _function("omp_set_num_threads")
_set_mkl_threads = _function("MKL_Set_Num_Threads_Local")
"""Returns what was set before; 0 stands for the process' own number. The name in small letters is
Fortran's, which wants a pointer."""


def compute_alone() -> None:
    """Have torch compute on this thread alone, for as long as the thread lives."""
    # torch sets up a thread at its first use, which would undo what comes before it.
    torch.get_num_threads()
    _set_threads(1)
    _set_mkl_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Do as `compute_alone` during a block; afterwards this thread is as it was."""
    torch.get_num_threads()
    threads, mkl_threads = _get_threads(), _set_mkl_threads(1)
    compute_alone()
    try:
        yield
    finally:
        _set_threads(threads)
        _set_mkl_threads(mkl_threads)


def on_cores(
    work: Callable[[Item], Result], items: Iterable[Item], *, cores: int | None = None
) -> list[Result]:
    """Do pieces of work on several cores, each alone on its own; return their results in order.

    Args:
        work: done for each item, on any thread.
        items: the pieces.
        cores: how many; all that are usable by default.
    """
    pieces = list(items)
    if len(pieces) == 1:
        with one_thread():
            return [work(pieces[0])]
    with ThreadPoolExecutor(cores or usable_cores(), initializer=compute_alone) as pool:
        return list(pool.map(work, pieces))
