"""Have torch compute on the calling thread alone, and leave every other thread as it is.

`torch.set_num_threads` is a setting of the whole process, which belongs to the program around us.
The OpenMP runtime and MKL, which torch computes with, keep a number for each thread as well; torch
is linked with both, so both are found through its own library. On one thread each, batches keep
every core busy without waiting for each other, and sums are rounded alike on any number of cores.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch


def _library() -> ctypes.CDLL | None:
    if sys.platform != "win32":
        return ctypes.CDLL(torch._C.__file__)
    # There a library is not searched for what it is linked with.
    path = Path(torch.__file__).parent / "lib" / "libiomp5md.dll"
    return ctypes.CDLL(str(path)) if path.exists() else None


def _function(name: str) -> Any:  # noqa: ANN401 - a function of C, or None where there is none
    return getattr(_library(), name, None)


_get_threads = _function("omp_get_max_threads")
_set_threads = _function("omp_set_num_threads")
_set_mkl_threads = _function("MKL_Set_Num_Threads_Local")
"""Returns what was set before; 0 stands for the process' own number. The name in small letters is
Fortran's, which wants a pointer."""


def compute_alone() -> None:
    """Have torch compute on this thread alone, for as long as the thread lives.

    Where torch's libraries have no such functions, nothing is changed: threads then wait for each
    other, and last bits can depend on the number of cores.
    """
    # torch sets up a thread at its first use, which would undo what comes before it.
    torch.get_num_threads()
    if _set_threads is not None:
        _set_threads(1)
    if _set_mkl_threads is not None:
        _set_mkl_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Do as `compute_alone` during a block; afterwards this thread is as it was."""
    torch.get_num_threads()
    threads = _get_threads() if _get_threads is not None else 0
    mkl_threads = _set_mkl_threads(1) if _set_mkl_threads is not None else 0
    compute_alone()
    try:
        yield
    finally:
        if _set_threads is not None and threads:
            _set_threads(threads)
        if _set_mkl_threads is not None:
            _set_mkl_threads(mkl_threads)
