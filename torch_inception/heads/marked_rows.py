"""Rows of features with what is known of each class: an image may have several, or none."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.heads.labelled_rows import LabelledRows

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
"""What is known of a class of an image; where it is unknown, it is neither fitted nor judged."""


class Pattern(NamedTuple):
    """Classes that are known of the same rows.

    Attributes:
        classes: (K,) int64.
        known: (N,) bool, the rows.
    """

    classes: Tensor
    known: Tensor


@dataclass(frozen=True)
class MarkedRows:
    """Features of images that may have several labels.

    Attributes:
        rows: N rows, all of one class.
        marks: (N, C) int8, `PRESENT`, `ABSENT` or `UNKNOWN`.
    """

    rows: LabelledRows
    marks: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.marks.shape[1]

    def subset(self, chosen: Tensor) -> "MarkedRows":
        """Return the rows that a boolean mask (N,), or positions (K,) int64, choose."""
        return MarkedRows(self.rows.subset(chosen), self.marks[chosen])

    def patterns(self) -> list[Pattern]:
        """Return the classes, those together that are known of the same rows."""
        known = self.marks != UNKNOWN
        found: dict[bytes, list[int]] = {}
        for number in range(self.classes):
            found.setdefault(known[:, number].numpy().tobytes(), []).append(number)
        return [Pattern(torch.tensor(group), known[:, group[0]]) for group in found.values()]
