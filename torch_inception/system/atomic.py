"""Files and folders that are written whole or not at all.

What is being written has a hidden name beside its target. It is locked while its process lives,
and cleared by the next one after that.
"""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torch_inception.system.locks import HAS_LOCKS, lock

SUFFIX = ".part"
READY = ".ready"
"""Ending of a hidden folder whose files are all written, and are taking their places."""

_DAY_SECONDS = 86400.0


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and takes `path`'s place.

    Raises:
        OSError: it cannot be written.
    """
    with temporary_file(path) as temporary:
        yield temporary
        put_in_place(temporary, path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Have a finished temporary file take a place, once its content is on the disk."""
    sync(temporary)
    temporary.replace(path)


def sync(path: Path) -> None:
    """Have the operating system write a file's content to the disk now."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Yield an empty file beside `target`; after the block it is removed, if it is still there.

    What killed processes left beside the same target is removed first.

    Raises:
        OSError: it cannot be made.
    """
    with _locked_temporary(target, is_folder=False, mode=0o666) as path:
        yield path


@contextmanager
def temporary_folder(target: Path, *, mode: int = 0o777) -> Iterator[Path]:
    """Do as `temporary_file`, with a folder and all that is put into it.

    Args:
        target: what it is made beside.
        mode: who may do what with it, before the user's mask; 0o700 where others can write beside.
    """
    with _locked_temporary(target, is_folder=True, mode=mode) as path:
        yield path


def abandoned(target: Path, *, suffix: str = SUFFIX) -> Iterator[Path]:
    """Yield what processes that are gone left beside a target; each is locked meanwhile."""
    for path in abandoned_in(target.parent, prefix=_prefix(target)):
        if path.suffix == suffix:
            yield path


def abandoned_in(folder: Path, *, prefix: str = "") -> Iterator[Path]:
    """Do as `abandoned`, with all in a folder whose names begin so."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # it may be written and not listed, or it is not there
        return
    for path in paths:
        if path.name.startswith(prefix) and is_unfinished(path):
            with suppress(OSError), _locked_if_abandoned(path) as is_abandoned:
                if is_abandoned:
                    yield path


def is_unfinished(path: Path) -> bool:
    """Tell by its name whether something is being written, or was by a process that was killed."""
    has_name = re.fullmatch(r"\..+\.[0-9a-f]{16}", path.stem)
    return has_name is not None and path.suffix in (SUFFIX, READY)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as that is possible."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def _locked_temporary(target: Path, *, is_folder: bool, mode: int) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in abandoned(target):
        remove(path)
    path, handle = _make(target, is_folder=is_folder, mode=mode)
    # Before it was locked, another process may have taken it for abandoned.
    while handle is not None and lock(handle, wait=True) and not path.exists():
        os.close(handle)
        path, handle = _make(target, is_folder=is_folder, mode=mode)
    try:
        yield path
    finally:
        remove(path)
        if handle is not None:
            os.close(handle)


def _make(target: Path, *, is_folder: bool, mode: int) -> tuple[Path, int | None]:
    """Make a file or folder; return it and, where there are locks, a handle to lock.

    The operating system takes the user's mask off the mode, as with any file; Python's `tempfile`
    makes files for the owner alone, and the mask cannot be read without setting it.
    """
    path = target.parent / f"{_prefix(target)}{uuid.uuid4().hex[:16]}{SUFFIX}"
    if is_folder:
        path.mkdir(mode)
        return path, os.open(path, os.O_RDONLY) if HAS_LOCKS else None
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    if HAS_LOCKS:
        return path, handle
    os.close(handle)  # Windows renames no open files
    return path, None


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
