"""Which images are for training, for validation and for testing: a stable split.

Each group of images has a position in [0, 1): that of its name, if the user named it; or of what
stands before `_nohash_` in the names of its files; or else of its content, the SHA-256 of a file.
The lowest tenth is for testing; the highest is for validation, with a solver that needs it. So
adding, renaming or moving images moves no other, and exact duplicates are never on both sides. Only
a class that would have nothing in a part moves one group there: the nearest.

What an earlier run says of an image holds. A new image that joins groups of different parts moves
neither: it is for training.
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

Unit = tuple[str, Part | None]
"""What is moved at once: a group, or the piece of a torn one that an earlier run had in a part."""

_KINDS = ("group", "prefix", "content")


class LabelledImage(NamedTuple):
    """One image.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: name of its class.
        digest: SHA-256 of its content.
        subject: name of the group that the user puts it into, if any.
    """

    path: str
    label: str
    digest: bytes
    subject: str = ""


class EarlierSplit(NamedTuple):
    """What an earlier run into the same folder says of parts.

    Attributes:
        parts: group -> part; empty where there was no run, or its split is not to be kept.
        refusal: why it is not kept; "" where it is, or where there is none.
    """

    parts: Mapping[str, Part]
    refusal: str = ""


def groups_of(images: Sequence[LabelledImage]) -> list[str]:
    """Name, for each image, the group that its content and names put it into.

    Images of one subject, with the same content, or with the same name before `_nohash_`, share a
    group.
    """
    keys = [_keys(image) for image in images]
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    for content, *names in keys:
        for other in names:
            first, second = sorted((find(content), find(other)), key=leadership)
            leader[second] = first
    return [find(content) for content, *_ in keys]


def leadership(group: str) -> tuple[int, str]:
    """Order names of groups: the first gives its name to several that are joined.

    A subject leads over a prefix and a prefix over a content, so that images that are added to it
    change nothing. Among equals the end of the hash decides, which has no part in the position: the
    lowest of several positions would more often be one of the test.
    """
    return _KINDS.index(group.partition(":")[0]), group[-16:]


def split(
    images: Sequence[LabelledImage],
    groups: Sequence[str],
    *,
    holdout: float,
    with_validation: bool,
    kept: Mapping[str, Part] | None = None,
) -> list[Part]:
    """Assign a part to each image.

    Args:
        images: all good images.
        groups: for each, the name of the group that is not torn apart.
        holdout: share of the test part, 0 to 0.5.
        with_validation: whether there is a validation part.
        kept: group of `groups_of` -> part of an earlier run with the same parts.

    Returns:
        one part for each image. A class with three groups or more of its own has one at least
        in each part; a smaller one is for training alone. Groups whose images had several parts in
        the earlier run stay torn.
    """
    wanted = parts_of(holdout, with_validation=with_validation)
    earlier = _Earlier(images, groups, kept or {})
    units = [earlier.unit(place) for place in range(len(images))]
    held = {unit: part for unit, part in zip(units, earlier.parts, strict=True) if part}
    parts = {unit: held.get(unit) or _natural(unit[0], wanted, holdout) for unit in units}
    classes: dict[str, set[Unit]] = {}
    for image, unit in zip(images, units, strict=True):
        classes.setdefault(image.label, set()).add(unit)
    _fill_empty_parts(parts, classes, held, wanted)
    return [parts[unit] for unit in units]


def joining_images(
    images: Sequence[LabelledImage], groups: Sequence[str], kept: Mapping[str, Part]
) -> list[int]:
    """Return the places of new images that join images of different parts of an earlier run.

    Args: as for `split`.
    """
    earlier = _Earlier(images, groups, kept)
    return [place for place in range(len(images)) if earlier.is_joining(place)]


def groups_to_keep(
    images: Sequence[LabelledImage], groups: Sequence[str], kept: Mapping[str, Part]
) -> list[str]:
    """Name, for each image, the group by which the next run is to know its part.

    Images of a group that an earlier run had in several parts are named apart.

    Args:
        images: all good images.
        groups: of `groups_of`.
        kept: as for `split`.
    """
    earlier = _Earlier(images, groups, kept)
    names = list(groups)
    for place, image in enumerate(images):
        if earlier.is_torn(place):
            keys = sorted(_keys(image), key=leadership)
            known = [key for key in keys if key in kept]
            names[place] = known[0] if known else keys[-1]
            if earlier.is_joining(place) and known:
                names[place] = _hashed("joining", "".join(keys).encode())
    return names


def parts_of(holdout: float, *, with_validation: bool) -> tuple[Part, ...]:
    """Return the parts that images are split into."""
    is_there = {"train": True, "validation": with_validation, "test": holdout > 0}
    return tuple(part for part in PARTS if is_there[part])


def write_splits(
    path: Path, images: Sequence[LabelledImage], parts: Sequence[Part], groups: Sequence[str]
) -> None:
    """Write one line per image: path, label, split, group (of `groups_to_keep`), SHA-256."""
    rows = [
        (image.path, image.label, part, group, image.digest.hex())
        for image, part, group in zip(images, parts, groups, strict=True)
    ]
    write_csv(path, ("path", "label", "split", "group", "sha256"), rows)


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
    keys = [f"content:{image.digest.hex()}"]
    if mark:
        keys.append(_hashed("prefix", os.fsencode(prefix)))
    if image.subject:
        keys.append(_hashed("group", image.subject.encode(errors="surrogatepass")))
    return keys


def _hashed(kind: str, name: bytes) -> str:
    # Hashed, so that a name that is not valid text can stand in a table too.
    return f"{kind}:{hashlib.sha256(name).hexdigest()}"


class _Earlier:
    """What an earlier run says of images.

    Attributes:
        parts: for each image, the part that it is held in; None where the run says nothing.
    """

    def __init__(
        self, images: Sequence[LabelledImage], groups: Sequence[str], kept: Mapping[str, Part]
    ) -> None:
        self._groups = groups
        own = [_kept_parts(image, kept) for image in images]
        self._known = [len(found) == 1 for found in own]
        self._of_group: dict[str, set[Part]] = {}
        for group, found in zip(groups, own, strict=True):
            self._of_group.setdefault(group, set()).update(found)
        self.parts = [self._part(place, found) for place, found in enumerate(own)]

    def _part(self, place: int, own: set[Part]) -> Part | None:
        found = own if self._known[place] else self._of_group[self._groups[place]]
        if len(found) > 1:
            return "train"
        return next(iter(found), None)

    def is_joining(self, place: int) -> bool:
        """Tell whether an image is new, and joins images of different parts."""
        return self.is_torn(place) and not self._known[place]

    def unit(self, place: int) -> Unit:
        """Return what an image moves with: its group, or the piece of it that has its part."""
        return self._groups[place], self.parts[place] if self.is_torn(place) else None

    def is_torn(self, place: int) -> bool:
        """Tell whether the images of an image's group had several parts."""
        return len(self._of_group[self._groups[place]]) > 1


def _kept_parts(image: LabelledImage, kept: Mapping[str, Part]) -> set[Part]:
    """Return the parts that an image's own keys had; none for a subject that is new."""
    keys = _keys(image)
    if image.subject and keys[-1] not in kept:
        return set()
    return {kept[key] for key in keys if key in kept}


def _position(group: str) -> float:
    return int(group.partition(":")[2][:16], 16) / 2**64


def _natural(group: str, wanted: Sequence[Part], holdout: float) -> Part:
    position = _position(group)
    if position < holdout:
        return "test"
    is_last = position >= 1 - VALIDATION_SHARE
    return "validation" if is_last and "validation" in wanted else "train"


def _fill_empty_parts(
    parts: dict[Unit, Part],
    classes: Mapping[str, set[Unit]],
    held: Mapping[Unit, Part],
    wanted: Sequence[Part],
) -> None:
    """Give every class one group in each part, by moving the nearest from where it has several.

    A class with too few groups is for training alone. A group that several classes share stays
    where it is, or it would be pulled both ways; unless a class would have nothing to train on.

    Args:
        parts: unit -> part; changed in place.
        classes: label -> its units.
        held: units that had better stay.
        wanted: the parts that there are.
    """
    owners = Counter(unit for units in classes.values() for unit in units)
    for label in sorted(classes):
        units = classes[label]
        if len(units) < FEWEST_TO_TEST:
            parts.update(dict.fromkeys(units - held.keys(), "train"))
            continue
        for part in wanted:
            sizes = Counter(parts[unit] for unit in units)
            spare = [u for u in units if owners[u] == 1 and sizes[parts[u]] > 1]
            if sizes[part] == 0 and spare:
                nearest = min(spare, key=lambda u: (u in held, *_nearness(u, part)))
                parts[nearest] = part
    # Nothing can be learnt of a class whose groups, all shared, are for other parts.
    for label in sorted(classes):
        if all(parts[unit] != "train" for unit in classes[label]):
            parts[min(classes[label], key=lambda u: _nearness(u, "train"))] = "train"


def _nearness(unit: Unit, part: Part) -> tuple[float, str, str]:
    """Order units by how near they are to a part."""
    group, piece = unit
    return abs(_position(group) - _IDEAL[part]), group, piece or ""
