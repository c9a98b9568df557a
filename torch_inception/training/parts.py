"""What images are for: training, validation or the test."""

from typing import Literal

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

PART_OF_NAME: dict[str, Part] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test",
}  # fmt: skip
"""Name of a folder, or value in a table, in lower case -> the part that it stands for."""


def parts_of(holdout: float, *, with_validation: bool) -> tuple[Part, ...]:
    """Return the parts that images are split into."""
    is_there = {"train": True, "validation": with_validation, "test": holdout > 0}
    return tuple(part for part in PARTS if is_there[part])
