"""Put a file into a folder: copied, linked or moved, and nothing is written over or lost."""

import filecmp
import os
from pathlib import Path

from torch_inception.config import PlacingAction
from torch_inception.system.move import copy_file, move_file, names_like


def place(source: Path, folder: Path, action: PlacingAction) -> Path:
    """Put a file into a folder, which is made if it is not there.

    A process that is killed meanwhile leaves the file where it was, or in both places.

    Args:
        source: the file.
        folder: where it goes.
        action: "copy", "link" (a symbolic link to the absolute path) or "move".

    Returns:
        the file in the folder. Another one of its name keeps it: this one is called `name-2.jpg`. A
        copy or link of it that is there already is all that is needed.

    Raises:
        OSError: it cannot be put there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for target in names_like(folder / source.name):
        if not os.path.lexists(target):
            _ACTIONS[action](source, target)
            return target
        if action != "move" and _is_same(source, target):
            return target
    raise AssertionError("there is always another name")


def _is_same(source: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(source, target, shallow=False)


def _link(source: Path, target: Path) -> None:
    target.symlink_to(Path(os.path.abspath(source)))  # noqa: PTH100 - a link stays a link


def _move(source: Path, target: Path) -> None:
    if source.is_symlink():  # what one points to, from there, may be another file
        copy_file(source, target)
        source.unlink()
    else:
        move_file(source, target)


_ACTIONS = {"copy": copy_file, "link": _link, "move": _move}
