"""The split of an earlier run into the same folder, and what it says of images.

What an earlier run says of an image holds. A new image that joins groups of different parts moves
neither: it is for training.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch_inception.errors import DatasetError
from torch_inception.system.write import write_csv
from torch_inception.training.grouping import LabelledImage, hashed, keys_of, leadership
from torch_inception.training.parts import PARTS, Part

Unit = tuple[str, Part | None]
"""What is moved at once: a group, or the piece of a torn one that an earlier run had in a part."""


class EarlierSplit(NamedTuple):
    """What an earlier run into the same folder says of parts.

    Attributes:
        parts: group -> part; empty where there was no run, or its split is not to be kept.
        refusal: why it is not kept; "" where it is, or where there is none.
    """

    parts: Mapping[str, Part]
    refusal: str = ""


class EarlierParts:
    """What an earlier run says of images.

    Attributes:
        parts: for each image, the part that it is kept in; None where the run says nothing.
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
    """Return the parts that an image's own keys had; none for a group that the user named since."""
    keys = keys_of(image)
    if image.group and keys[-1] not in kept:
        return set()
    return {kept[key] for key in keys if key in kept}


def joining_images(
    images: Sequence[LabelledImage], groups: Sequence[str], kept: Mapping[str, Part]
) -> list[int]:
    """Return the places of new images that join images of different parts of an earlier run.

    Args: as for `split`.
    """
    earlier = EarlierParts(images, groups, kept)
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
    earlier = EarlierParts(images, groups, kept)
    names = list(groups)
    for place, image in enumerate(images):
        if earlier.is_torn(place):
            keys = sorted(keys_of(image), key=leadership)
            known = [key for key in keys if key in kept]
            names[place] = known[0] if known else keys[-1]
            if earlier.is_joining(place) and known:
                names[place] = hashed("joining", "".join(keys).encode())
    return names


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
