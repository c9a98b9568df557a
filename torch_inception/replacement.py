"""Files of a folder that are replaced together: all of them, or none."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch_inception.locks import alone_with
from torch_inception.storage import sync, usual_permissions
from torch_inception.temporary import abandoned, remove, temporary_folder

READY = ".ready"
"""Ending of a hidden folder whose files are all written, and are taking their places."""

_PREVIOUS = "previous"


@contextmanager
def replaced_together(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield an empty folder to write to; on success its files appear in `folder`.

    A block that fails leaves `folder` as it was. A new folder appears in one step. In an old one
    other files stay, and the new ones take their places once all of them are written: a process
    that is killed meanwhile leaves the rest to `finish_replacing`.

    Args:
        folder: where the files go; it may not exist yet.
        names: the files, all of which the block has to write, in the order in which they appear.

    Raises:
        OSError: the folder cannot be written.
    """
    with temporary_folder(folder) as staging:
        yield staging
        for name in names:
            sync(staging / name)
        if not _became(staging, folder):
            with alone_with(folder):
                _finish(folder, names)
                _take_places(staging, folder, names)


def finish_replacing(folder: Path, names: Sequence[str]) -> None:
    """Move what a killed process had written whole, and not yet put in its place.

    Raises:
        OSError: the folder cannot be written.
    """
    if folder.is_dir():
        with alone_with(folder):
            _finish(folder, names)


def _became(staging: Path, folder: Path) -> bool:
    """Give a folder its name, if there is none of that name."""
    if folder.exists():
        return False
    staging.chmod(usual_permissions(0o777))
    try:
        staging.rename(folder)
    except OSError:
        if folder.exists():  # another process was quicker
            return False
        raise
    return True


def _finish(folder: Path, names: Sequence[str]) -> None:
    for ready in abandoned(folder, suffix=READY):
        for name in names:
            if (ready / name).exists():
                (ready / name).replace(folder / name)
        remove(ready)


def _take_places(staging: Path, folder: Path, names: Sequence[str]) -> None:
    (staging / _PREVIOUS).mkdir()
    for name in names:
        if (folder / name).exists():
            shutil.copy2(folder / name, staging / _PREVIOUS / name)
    ready = staging.rename(staging.with_suffix(READY))
    done: list[str] = []
    try:
        for name in names:
            (ready / name).replace(folder / name)
            done.append(name)
    except BaseException:
        _put_back(ready / _PREVIOUS, folder, done)
        raise
    finally:
        remove(ready)


def _put_back(previous: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if (previous / name).exists():
            (previous / name).replace(folder / name)
        else:
            (folder / name).unlink()
