"""Files moved and copied: also to another disk, and nothing is written over or lost."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from torch_inception.system.atomic import atomic_file


def move_file(source: Path, target: Path, *, link: str = "") -> None:
    """Move a file or link, also to another disk; both folders are on the disk when this returns.

    A process that is killed meanwhile leaves it in one of the two places, or whole in both.

    Args:
        source: the file, or a link, which is moved itself.
        target: where nothing is yet.
        link: what a link leads to from there; by default, where it led before.

    Raises:
        OSError: it cannot be moved, and is where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(link or _link_from(source, target.parent))
        _remove_moved(source, target)
    else:
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # on another disk
                raise
            copy_file(source, target)
            _remove_moved(source, target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def _link_from(link: Path, folder: Path) -> str:
    """Return the text of a link that lies in a folder and leads where another one does."""
    text = os.fspath(link.readlink())
    if Path(text).is_absolute():
        return text
    there = Path(os.path.realpath((link.parent / text).parent), Path(text).name)
    return os.path.relpath(there, os.path.realpath(folder))


def _remove_moved(source: Path, target: Path) -> None:
    sync_folder(target.parent)
    try:
        source.unlink()
    except OSError:
        target.unlink()
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, or what a link leads to, with its times and mode; it appears whole.

    Raises:
        OSError: it cannot be copied.
    """
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)
    shutil.copystat(source, target)  # now, since it may make the file read-only


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with suppress(OSError):  # Windows opens no folders, some file systems do not sync them
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def names_like(path: Path) -> Iterator[Path]:
    """Yield a path and, without end, others like it: `name.jpg`, `name-2.jpg`, `name-3.jpg`."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def free_name(path: Path) -> Path:
    """Return a path that no file has: this one, or one like it."""
    return next(each for each in names_like(path) if not os.path.lexists(each))
