"""Locks that end with their process, however it ends.

They are the operating system's locks on open files (`flock`), so none is left behind. Where there
is no such call (Windows), or a file system has no locks, nothing is locked.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

HAS_LOCKS = fcntl is not None


def lock(handle: int, *, wait: bool) -> bool:
    """Lock an open file or folder for this process alone; closing it gives the lock back.

    Args:
        handle: of the open file.
        wait: whether to wait for another process that has it.

    Returns:
        whether this process has the lock.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the file system has no locks
        return False
    return True


def _is_free(handle: int) -> bool:
    """Lock an open file or folder, and tell whether no other process has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks, so nobody has one
        return True
    return True


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file or folder during a block; say so where another process has it.

    Raises:
        OSError: it cannot be opened.
    """
    if not HAS_LOCKS:
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        if not _is_free(handle):
            log.info("waiting for another process that writes to %s", path)
            lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a folder in common with others during a block; nobody has it alone then.

    Raises:
        OSError: it cannot be opened.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # the file system has no locks
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder during a block, and tell whether no other process has it.

    Where nothing can be locked, nobody has it.

    Raises:
        OSError: it cannot be opened.
    """
    if fcntl is None:
        yield True
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        yield _is_free(handle)
    finally:
        os.close(handle)
