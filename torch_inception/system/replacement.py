"""Files of a folder that are replaced together: all of them, or none."""

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch_inception.system.atomic import READY, abandoned, remove, sync, temporary_folder
from torch_inception.system.locks import exclusive_lock

_PREVIOUS = "previous"


@contextmanager
def replaced_together(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield an empty folder to write to; on success its files appear in `folder`.

    A block that fails leaves `folder` as it was. A new folder appears in one step. In an old one
    other files stay, and the new ones take their places once all of them are written: a process
    that is killed meanwhile leaves the rest to `prepare_replacing`.

    Args:
        folder: where the files go; it may not exist yet.
        names: the files, all of which the block has to write, in the order in which they appear;
            those in folders below are named by their way there, such as `images/1.jpg`.

    Raises:
        OSError: the folder cannot be written.
    """
    with temporary_folder(_target(folder)) as staging:
        yield staging
        for name in names:
            sync(staging / name)
        if folder.exists():
            _replace(staging, folder, names)
        elif not _take_name(staging, folder):
            # Another process made it meanwhile; it may lie on another disk than its parent.
            with temporary_folder(_target(folder)) as inside:
                for name in names:
                    (inside / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(staging / name, inside / name)
                _replace(inside, folder, names)


def prepare_replacing(folder: Path, names: Sequence[str]) -> None:
    """Finish what a killed process began, and see, before any work, that files can be written.

    What that process had written whole, and not yet put in its place, is moved there.

    Raises:
        OSError: the folder cannot be written, or something else has the name of a file.
    """
    with temporary_folder(_target(folder)):
        pass
    if not folder.exists():
        return
    for path in abandoned(folder):
        remove(path)
    with exclusive_lock(folder):
        _finish(folder, names)
    for name in names:
        if (folder / name).exists() and not (folder / name).is_file():
            raise OSError(errno.EEXIST, f"{folder / name} is in the way: it is no file")


def _target(folder: Path) -> Path:
    """Return beside what to write: in an old folder, else where the new one is to appear."""
    return folder / "run" if folder.exists() else folder


def _replace(staging: Path, folder: Path, names: Sequence[str]) -> None:
    with exclusive_lock(folder):
        _finish(folder, names)
        _take_places(staging, folder, names)


def _take_name(staging: Path, folder: Path) -> bool:
    """Give a new folder its name, unless there is one of that name by now."""
    try:
        staging.rename(folder)
    except OSError:
        if folder.exists():  # another process was quicker
            return False
        raise
    return True


def _finish(folder: Path, names: Sequence[str]) -> None:
    for ready in abandoned(_target(folder), suffix=READY):
        for name in names:
            if (ready / name).exists():
                _move(ready / name, folder / name)
        remove(ready)


def _take_places(staging: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if (folder / name).exists():
            (staging / _PREVIOUS / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, staging / _PREVIOUS / name)
    ready = staging.rename(staging.with_suffix(READY))
    done: list[str] = []
    try:
        for name in names:
            _move(ready / name, folder / name)
            done.append(name)
    except BaseException:
        _put_back(ready / _PREVIOUS, folder, done)
        raise
    finally:
        remove(ready)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _put_back(previous: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if (previous / name).exists():
            (previous / name).replace(folder / name)
        else:
            (folder / name).unlink()
