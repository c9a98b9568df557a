"""A data folder that is divided into folders named train, val and test.

A folder is divided so if, hidden ones aside,

1. all folders in it are named `train`, `val`, `valid`, `validation` or `test`, in upper or lower
   case, `train` is among them, and there are two or more;
2. each of them holds folders, and no images directly: the class folders.

Where each holds images directly, "train" and "test" are classes like any other. Where some do and
some do not, it is refused. So is a folder of another name beside parts that hold the same class
folders. `val` and `test` may lack classes of `train`, and have no others.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from torch_inception.datasets.folder_shapes import (
    class_names,
    holds_images,
    names_below,
    quoted,
    typed,
)
from torch_inception.datasets.parts import PART_OF_NAME, PARTS, Part
from torch_inception.errors import DatasetError

log = logging.getLogger(__name__)


def given_folders(folder: Path) -> dict[Part, Path]:
    """Return the folders that a data folder is divided into, by part; none if it is not.

    Raises:
        DatasetError: it is divided in part, or in a way that leaves a doubt.
    """
    names = class_names(folder)
    parts = [PART_OF_NAME.get(name.lower()) for name in names]
    if len(names) < 2 or "train" not in parts:
        return {}
    if None in parts:
        _refuse_others_beside_parts(folder, names)
        return {}
    flat = [name for name in names if holds_images(folder / name)]
    if len(flat) == len(names):
        return {}
    for name in names:
        if name in flat or not names_below(folder / name):
            what = "holds images itself" if name in flat else "holds no folders"
            raise DatasetError(
                f"{folder} is divided into {quoted(names)}, but {name!r} {what}. Put its images "
                "into a folder per class, as in the others, or move it out of the data folder; or "
                "give one of the others alone: --data."
            )
    found: dict[Part, Path] = {}
    for part in PARTS:
        of_part = [name for name, each in zip(names, parts, strict=True) if each == part]
        if len(of_part) > 1:
            raise DatasetError(
                f"{folder} holds {quoted(of_part)}, which all mean the {part} part. Keep one."
            )
        if of_part:
            found[part] = folder / of_part[0]
    return found


def _refuse_others_beside_parts(folder: Path, names: Sequence[str]) -> None:
    """Refuse a folder such as `unlabeled` beside `train` and `test` that hold the same classes.

    Args:
        folder: that is given as data.
        names: of the folders in it; of one that means training, and of others.
    """
    train, *parts = sorted((name for name in names if name.lower() in PART_OF_NAME), key=_place)
    classes = names_below(folder / train)
    same = [name for name in parts if set(classes).intersection(names_below(folder / name))]
    if len(classes) < 2 or not same or any(holds_images(folder / n) for n in (train, *same)):
        return
    beside = [name for name in names if name.lower() not in PART_OF_NAME]
    raise DatasetError(
        f"{folder} holds {quoted([train, *same])}, with the same class folders, and beside them "
        f"{quoted(beside)}. Move what is no part of the split out of the data folder, or give the "
        f"parts: --data {typed(folder / train)} --test-data {typed(folder / same[-1])}"
    )


def _place(name: str) -> int:
    """Order the names of parts as `PARTS`."""
    return PARTS.index(PART_OF_NAME[name.lower()])


def warn_of_folders_below(folder: Path, names: Sequence[str]) -> None:
    """Warn where the folders below those that are taken for classes may be the classes.

    Args:
        folder: with class folders.
        names: of the folders in it.
    """
    below = sorted((set(names_below(folder / name)) for name in names), key=len)
    same = all(len(each) >= 2 and each <= below[-1] for each in below)
    if same and not any(holds_images(folder / name) for name in names):
        log.warning(
            "WARNING: the folders %s of %s are taken for classes, and hold folders of the same "
            "names: %s. If these are the classes, give one of the folders: --data %s. If the "
            "folders are parts of a split, call them train, val and test.",
            quoted(names), folder, quoted(sorted(below[-1])), typed(folder / names[0]),
        )  # fmt: skip
