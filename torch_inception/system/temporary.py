"""Files and folders that are being written: locked while their process lives, cleared after it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torch_inception.system.locks import HAS_LOCKS, lock

SUFFIX = ".part"

_DAY_SECONDS = 86400.0


@contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Yield an empty file beside `target`; after the block it is removed, if it is still there.

    What killed processes left beside the same target is removed first.

    Raises:
        OSError: it cannot be made.
    """
    with _claimed(target, is_folder=False) as path:
        yield path


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """Do as `temporary_file`, with a folder and all that is put into it."""
    with _claimed(target, is_folder=True) as path:
        yield path


def abandoned(target: Path, *, suffix: str = SUFFIX) -> Iterator[Path]:
    """Yield what processes that are gone left beside a target; each is locked meanwhile."""
    try:
        paths = sorted(target.parent.iterdir())
    except OSError:  # it may be written and not listed, or it is not there
        return
    for path in paths:
        if path.name.startswith(_prefix(target)) and path.name.endswith(suffix):
            with suppress(OSError), _locked_if_abandoned(path) as is_abandoned:
                if is_abandoned:
                    yield path


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as that is possible."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def _claimed(target: Path, *, is_folder: bool) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in abandoned(target):
        remove(path)
    path, handle = _make(target, is_folder=is_folder)
    # Before it was locked, another process may have taken it for abandoned.
    while handle is not None and lock(handle, wait=True) and not path.exists():
        os.close(handle)
        path, handle = _make(target, is_folder=is_folder)
    try:
        yield path
    finally:
        remove(path)
        if handle is not None:
            os.close(handle)


def _make(target: Path, *, is_folder: bool) -> tuple[Path, int | None]:
    """Make a file or folder; return it and, where there are locks, a handle to lock."""
    prefix = _prefix(target)
    if is_folder:
        name = tempfile.mkdtemp(dir=target.parent, prefix=prefix, suffix=SUFFIX)
        handle = os.open(name, os.O_RDONLY) if HAS_LOCKS else None
    else:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=SUFFIX)
        if not HAS_LOCKS:  # Windows renames no open files
            os.close(handle)
            handle = None
    return Path(name), handle


@contextmanager
def _locked_if_abandoned(path: Path) -> Iterator[bool]:
    """Lock a file or folder and tell whether nobody else has it."""
    if not HAS_LOCKS:
        yield time.time() - path.stat().st_mtime > _DAY_SECONDS
        return
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield lock(handle, wait=False)
    finally:
        os.close(handle)


def _prefix(target: Path) -> str:
    # A name has 255 bytes at most, and a character up to four.
    return f".{target.name[:50]}."
