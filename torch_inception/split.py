"""Which pictures are for training, for validation and for testing: a stable split.

Each picture has a position in [0, 1) that depends on its content alone: the SHA-256 of the file,
or, for a name with `_nohash_`, of what stands before it, so that variants of one subject stay
together. The lowest tenth is for testing, the highest for validation. So adding, renaming or
moving pictures moves no other, and exact duplicates are never on both sides. Only a class that
would have nothing in a part moves one picture there: the nearest.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from torch_inception.storage import write_csv

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

TEST_SHARE = 0.1
VALIDATION_SHARE = 0.1

GROUP_MARK = "_nohash_"

_IDEAL: dict[Part, float] = {"test": 0.0, "train": 0.5, "validation": 1.0}
"""Position of the picture that most deserves the part."""


class Sample(NamedTuple):
    """One picture.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: name of its class.
        digest: SHA-256 of its content.
    """

    path: str
    label: str
    digest: bytes


def groups_of(samples: Sequence[Sample]) -> list[str]:
    """Name, for each sample, the group that is never torn apart.

    Samples with the same content, or with the same name before `_nohash_`, share a group.
    """
    keys = [_keys(sample) for sample in samples]
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


def split(samples: Sequence[Sample], *, kept: Mapping[str, Part] | None = None) -> list[Part]:
    """Assign a part to each sample.

    Args:
        samples: all good pictures.
        kept: group -> part of an earlier run; these stay where they are.

    Returns:
        one part for each sample. A class with three groups or more has one at least in each
        part; a class with fewer is for training alone.
    """
    kept = kept or {}
    groups = groups_of(samples)
    parts: dict[str, Part] = {group: kept.get(group, _natural(group)) for group in groups}
    classes: dict[str, set[str]] = {}
    for sample, group in zip(samples, groups, strict=True):
        classes.setdefault(sample.label, set()).add(group)
    shared = Counter(group for members in classes.values() for group in members)
    # Small classes first: what they need for training is not theirs alone if it is shared.
    for label in sorted(classes, key=lambda name: (len(classes[name]) >= len(PARTS), name)):
        costs = {group: (shared[group] > 1, group in kept) for group in sorted(classes[label])}
        _fill_empty_parts(parts, costs)
    return [parts[group] for group in groups]


def write_splits(path: Path, samples: Sequence[Sample], parts: Sequence[Part]) -> None:
    """Write one line a picture: path, label, split, group."""
    groups = groups_of(samples)
    rows = [
        (*sample[:2], part, group)
        for sample, part, group in zip(samples, parts, groups, strict=True)
    ]
    write_csv(path, ("path", "label", "split", "group"), rows)


def read_splits(path: Path) -> dict[str, Part]:
    """Return group -> part of an earlier run; nothing if there is no such file."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row.get("group"), row.get("split")) for row in csv.DictReader(file)]
    return {group: part for group, part in rows if group and part in PARTS}


def _keys(sample: Sample) -> list[str]:
    name = sample.path.rpartition("/")[2]
    prefix, mark, _ = name.partition(GROUP_MARK)
    content = f"content:{sample.digest.hex()}"
    return [content, f"prefix:{prefix}"] if mark else [content]


def _position(group: str) -> float:
    kind, _, value = group.partition(":")
    digest = bytes.fromhex(value) if kind == "content" else _name_digest(value)
    return int.from_bytes(digest[:8], "big") / 2**64


def _name_digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _natural(group: str) -> Part:
    position = _position(group)
    if position < TEST_SHARE:
        return "test"
    return "validation" if position >= 1 - VALIDATION_SHARE else "train"


def _fill_empty_parts(parts: dict[str, Part], costs: Mapping[str, tuple[bool, bool]]) -> None:
    """Give each part that a class leaves empty the nearest group of those that can be spared.

    Args:
        parts: group -> part; changed in place.
        costs: the class's groups -> what speaks against moving each, the gravest first.
    """
    if len(costs) < len(PARTS):
        parts.update(dict.fromkeys(costs, "train"))
        return
    for part in PARTS:
        sizes = Counter(parts[group] for group in costs)
        if sizes[part] > 0:
            continue
        spare = [group for group in costs if sizes[parts[group]] > 1]
        parts[_nearest(spare, part, costs)] = part


def _nearest(groups: Sequence[str], part: Part, costs: Mapping[str, tuple[bool, bool]]) -> str:
    return min(groups, key=lambda group: (costs[group], abs(_position(group) - _IDEAL[part])))
