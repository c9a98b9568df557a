"""The split of an earlier run into the same folder, and what it says of images.

An image that was there stays in its part, whatever is added. A new one goes where those that it
belongs to are; if these are in different parts, it is for training, and moves none of them.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.datasets.label_sets import LABEL_COLUMN, SEVERAL_COLUMN, label_column
from torch_inception.datasets.parts import PARTS, Part, SplitRow
from torch_inception.errors import DatasetError
from torch_inception.system.write import exact, write_csv
from torch_inception.training.grouping import LabelledImage, keys_of

Unit = tuple[str, Part | None]
"""What is moved at once: a group, or the piece of a torn one that an earlier run had in a part."""


class EarlierSplit(NamedTuple):
    """What an earlier run into the same folder says of parts.

    Attributes:
        of_content: SHA-256 of an image's content, in hexadecimal -> its part; empty where there
            was no run, or its split is not to be kept.
        of_group: name of a group, of `groups_of`, that is not a content's -> the part that all of
            its images had.
        refusal: why it is not kept; "" where it is, or where there is none.
    """

    of_content: Mapping[str, Part]
    of_group: Mapping[str, Part]
    refusal: str = ""


NO_SPLIT = EarlierSplit({}, {})


class EarlierParts:
    """What an earlier run says of images.

    Args:
        images: all good images.
        groups: for each, the name of the group that is not torn apart.
        earlier: the split of that run.

    Attributes:
        images: as given.
        parts: for each image, the part that it is kept in; None where the run says nothing.
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        groups: Sequence[str],
        earlier: EarlierSplit = NO_SPLIT,
    ) -> None:
        self.images, self._groups = images, groups
        self._own = [earlier.of_content.get(image.digest.hex()) for image in images]
        self._of_group = {group: set[Part]() for group in groups}
        for group, part in zip(groups, self._own, strict=True):
            if part:
                self._of_group[group].add(part)
        for image, group in zip(images, groups, strict=True):
            if not self._of_group[group]:  # all of its images are new, and its name may be known
                names = [key for key in keys_of(image) if key in earlier.of_group]
                self._of_group[group].update(earlier.of_group[name] for name in names[:1])
        self.parts = [self._part(place) for place in range(len(images))]

    def _part(self, place: int) -> Part | None:
        found = self._of_group[self._groups[place]]
        if self._own[place] or len(found) <= 1:
            return self._own[place] or next(iter(found), None)
        return "train"

    def joining(self) -> list[int]:
        """Return the places of new images that join images of different parts."""
        return [n for n, own in enumerate(self._own) if own is None and self.is_torn(n)]

    def unit(self, place: int) -> Unit:
        """Return what an image moves with: its group, or the piece of it that has its part."""
        return self._groups[place], self.parts[place] if self.is_torn(place) else None

    def is_torn(self, place: int) -> bool:
        """Tell whether the images of an image's group had several parts."""
        return len(self._of_group[self._groups[place]]) > 1


def write_splits(
    path: Path,
    images: Sequence[LabelledImage],
    parts: Sequence[Part],
    groups: Sequence[str],
    *,
    several: bool = False,
) -> None:
    """Write a `SplitRow` per image; its group is that of `groups_of`.

    Args:
        path: of the table.
        images: all of them.
        parts: of each.
        groups: of each.
        several: whether an image may have several labels.
    """
    rows = [
        SplitRow(image.path, image.label, part, group, image.digest.hex())
        for image, part, group in zip(images, parts, groups, strict=True)
    ]
    column = SEVERAL_COLUMN if several else LABEL_COLUMN
    header = [column if name == "label" else name for name in SplitRow._fields]
    write_csv(path, header, rows)


def read_splits(path: Path) -> list[SplitRow]:
    """Return what a run has written of its images; nothing if there is no such file.

    Raises:
        DatasetError: the file cannot be read.
    """
    if not path.is_file():
        return []
    try:
        # Spreadsheets begin the tables that they save with a mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = [
                [row[label_column(row) if name == "label" else name] for name in SplitRow._fields]
                for row in csv.DictReader(map(exact, file))
            ]
        return [_checked(row) for row in found]
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


def _checked(row: Sequence[Any]) -> SplitRow:
    if None in row:
        raise ValueError(f"the row of {row[0]!r} is too short")
    found = SplitRow(*row)
    if found.split not in PARTS:
        raise ValueError(f"{found.split!r} is not one of {', '.join(PARTS)}")
    return found


def split_of(rows: Sequence[SplitRow]) -> EarlierSplit:
    """Return what the rows of an earlier run say of parts."""
    of_content: dict[str, Part] = {}
    of_group: dict[str, set[Part]] = {}
    for row in rows:
        # What has been trained on tests nothing.
        is_same = of_content.get(row.sha256, row.split) == row.split
        of_content[row.sha256] = row.split if is_same else "train"
        if row.group and not row.group.startswith("content:"):
            of_group.setdefault(row.group, set()).add(row.split)
    return EarlierSplit(
        of_content,
        {group: next(iter(parts)) for group, parts in of_group.items() if len(parts) == 1},
    )
