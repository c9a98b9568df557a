"""Which images are for training, for validation and for testing: a stable split.

Each image has a position in [0, 1) that depends on its content alone: the SHA-256 of the file,
or, for a name with `_nohash_`, of what stands before it, so that variants of one subject stay
together. The lowest tenth is for testing; the highest is for validation, with a solver that needs
it. So adding, renaming or moving images moves no other, and exact duplicates are never on both
sides. Only a class that would have nothing in a part moves one image there: the nearest.
"""

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from torch_inception.errors import DatasetError
from torch_inception.system.write import write_csv

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

VALIDATION_SHARE = 0.1

FEWEST_TO_TEST = 3
"""Groups of a class; one with fewer is for training alone."""

GROUP_MARK = "_nohash_"

_IDEAL: dict[Part, float] = {"test": 0.0, "train": 0.5, "validation": 1.0}
"""Position of the image that most deserves the part."""


class LabelledImage(NamedTuple):
    """One image.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: name of its class.
        digest: SHA-256 of its content.
    """

    path: str
    label: str
    digest: bytes


def groups_of(images: Sequence[LabelledImage]) -> list[str]:
    """Name, for each image, the group that is never torn apart.

    Images with the same content, or with the same name before `_nohash_`, share a group.
    """
    keys = [_keys(image) for image in images]
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    for content, *prefix in keys:
        for other in prefix:
            # A prefix leads over a content, so that its name alone decides where it goes.
            first, second = sorted((find(content), find(other)), key=lambda k: (k[0] != "p", k))
            leader[second] = first
    return [find(content) for content, *_ in keys]


def split(
    images: Sequence[LabelledImage],
    *,
    holdout: float,
    with_validation: bool,
    kept: Mapping[str, Part] | None = None,
) -> list[Part]:
    """Assign a part to each image.

    Args:
        images: all good images.
        holdout: share of the test part, 0 to 0.5.
        with_validation: whether there is a validation part.
        kept: group -> part of an earlier run with the same parts.

    Returns:
        one part for each image. A class with three groups or more of its own has one at least
        in each part; a smaller one is for training alone.
    """
    wanted = parts_of(holdout, with_validation=with_validation)
    groups = groups_of(images)
    held = _held(images, groups, kept or {})
    parts = {group: held.get(group) or _natural(group, wanted, holdout) for group in groups}
    classes: dict[str, set[str]] = {}
    for image, group in zip(images, groups, strict=True):
        classes.setdefault(image.label, set()).add(group)
    _fill_empty_parts(parts, classes, held, wanted)
    return [parts[group] for group in groups]


def parts_of(holdout: float, *, with_validation: bool) -> tuple[Part, ...]:
    """Return the parts that images are split into."""
    is_there = {"train": True, "validation": with_validation, "test": holdout > 0}
    return tuple(part for part in PARTS if is_there[part])


def write_splits(path: Path, images: Sequence[LabelledImage], parts: Sequence[Part]) -> None:
    """Write one line per image: path, label, split, group."""
    groups = groups_of(images)
    rows = [
        (*image[:2], part, group) for image, part, group in zip(images, parts, groups, strict=True)
    ]
    write_csv(path, ("path", "label", "split", "group"), rows)


def read_splits(path: Path) -> dict[str, Part]:
    """Return group -> part of an earlier run; nothing if there is no such file.

    Raises:
        DatasetError: the file cannot be read.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["group"], row["split"]) for row in csv.DictReader(file)]
        strange = [part for _, part in rows if part not in PARTS]
        if strange:
            raise ValueError(f"{strange[0]!r} is not one of {', '.join(PARTS)}")
    except KeyError as error:
        raise DatasetError(
            f"the earlier split in {path} has no column {error}, with commas between columns. "
            "Mend or delete the file, or choose another --output."
        ) from error
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(
            f"the earlier split in {path} cannot be read ({error}). Mend or delete the file, or "
            "choose another --output."
        ) from error
    return {group: part for group, part in rows if group and part in PARTS}


def _keys(image: LabelledImage) -> list[str]:
    name = image.path.rpartition("/")[2]
    prefix, mark, _ = name.partition(GROUP_MARK)
    content = f"content:{image.digest.hex()}"
    if not mark:
        return [content]
    # Hashed, so that a name that is not valid text can stand in a table too.
    return [content, f"prefix:{hashlib.sha256(os.fsencode(prefix)).hexdigest()}"]


def _held(
    images: Sequence[LabelledImage], groups: Sequence[str], kept: Mapping[str, Part]
) -> dict[str, Part]:
    """Return group -> kept part; a group that has grown is known by any of its members' keys."""
    held: dict[str, Part] = {}
    for image, group in zip(images, groups, strict=True):
        for key in (group, *_keys(image)):
            if key in kept:
                held.setdefault(group, kept[key])
    return held


def _position(group: str) -> float:
    return int(group.partition(":")[2][:16], 16) / 2**64


def _natural(group: str, wanted: Sequence[Part], holdout: float) -> Part:
    position = _position(group)
    if position < holdout:
        return "test"
    is_last = position >= 1 - VALIDATION_SHARE
    return "validation" if is_last and "validation" in wanted else "train"


def _fill_empty_parts(
    parts: dict[str, Part],
    classes: Mapping[str, set[str]],
    held: Mapping[str, Part],
    wanted: Sequence[Part],
) -> None:
    """Give every class one group in each part, by moving the nearest from where it has several.

    A class with too few groups is for training alone. A group that several classes share stays
    where it is, or it would be pulled both ways; unless a class would have nothing to train on.

    Args:
        parts: group -> part; changed in place.
        classes: label -> its groups.
        held: groups that had better stay.
        wanted: the parts that there are.
    """
    owners = Counter(group for groups in classes.values() for group in groups)
    for label in sorted(classes):
        groups = classes[label]
        if len(groups) < FEWEST_TO_TEST:
            parts.update(dict.fromkeys(groups, "train"))
            continue
        for part in wanted:
            sizes = Counter(parts[group] for group in groups)
            spare = [g for g in groups if owners[g] == 1 and sizes[parts[g]] > 1]
            if sizes[part] == 0 and spare:
                nearest = min(spare, key=lambda g: (g in held, _distance(g, part), g))
                parts[nearest] = part
    # Nothing can be learnt of a class whose groups, all shared, are for other parts.
    for label in sorted(classes):
        if all(parts[group] != "train" for group in classes[label]):
            parts[min(classes[label], key=lambda g: (_distance(g, "train"), g))] = "train"


def _distance(group: str, part: Part) -> float:
    return abs(_position(group) - _IDEAL[part])
