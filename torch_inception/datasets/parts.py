"""What images are for: training, validation or the test."""

from typing import Literal, NamedTuple

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

SPLITS_FILE = "splits.csv"
"""Where a run folder says which image is for which part, in lines of `SplitRow`."""

PART_OF_NAME: dict[str, Part] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test",
}  # fmt: skip
"""Name of a folder, or value in a table, in lower case -> the part that it stands for."""


class SplitRow(NamedTuple):
    """A line of splits.csv.

    Attributes:
        path: relative to the data folder.
        label: of the image.
        split: its part.
        group: name of the group that its content and names put it into.
        sha256: of its content, in hexadecimal.
    """

    path: str
    label: str
    split: Part
    group: str
    sha256: str


def parts_of(holdout: float, *, with_validation: bool) -> tuple[Part, ...]:
    """Return the parts that images are split into."""
    is_there = {"train": True, "validation": with_validation, "test": holdout > 0}
    return tuple(part for part in PARTS if is_there[part])
