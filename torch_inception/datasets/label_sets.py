"""Labels of images that may have several, or none: which classes, and of which it is unknown."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.heads.marked_rows import ABSENT, PRESENT, UNKNOWN

DELIMITER = "|"
"""Between labels, where no other is asked for, and in all that a run writes."""

UNKNOWN_MARK = "?"
"""Before a label of which it is unknown whether an image has it."""


LABEL_COLUMN, SEVERAL_COLUMN = "label", "labels"
"""Columns of tables: of one label, and of several where an image may have them."""


def label_column(columns: Collection[str]) -> str:
    """Return which column of a table that a run has written has the labels."""
    return SEVERAL_COLUMN if SEVERAL_COLUMN in columns else LABEL_COLUMN


class LabelSet(NamedTuple):
    """What is known of an image.

    Attributes:
        present: its classes, sorted.
        unknown: classes that it may have or not, sorted; it has none of all the others.
    """

    present: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeveralLabels:
    """How sets of labels are written.

    Attributes:
        classes: all that there are, sorted; no name has `DELIMITER` in it.
        others_unknown: whether it is unknown if images have any other class, since there is a
            column for each of these; otherwise they have none.
    """

    classes: Sequence[str]
    others_unknown: bool = False

    def text(self, labels: LabelSet) -> str:
        """Write a set of labels as tables have it, such as `circle|square|?plus`."""
        unknown = (f"{UNKNOWN_MARK}{label}" for label in labels.unknown)
        return DELIMITER.join([*labels.present, *unknown])

    def read(self, text: str) -> LabelSet:
        """Read back what `text` wrote; spaces are part of a label."""
        return parse_labels(text.split(DELIMITER))

    def marks(self, texts: Iterable[str]) -> Tensor:
        """Return what is known of each class of images, (N, C) int8, by their labels as texts."""
        number = {label: place for place, label in enumerate(self.classes)}
        read = [self.read(text) for text in texts]
        marks = torch.full((len(read), len(self.classes)), ABSENT, dtype=torch.int8)
        for row, labels in zip(marks, read, strict=True):
            row[[number[label] for label in labels.present]] = PRESENT
            row[[number[label] for label in labels.unknown]] = UNKNOWN
        return marks


def parse_labels(parts: Iterable[str]) -> LabelSet:
    """Return the set of labels that a cell's parts name; empty ones name nothing.

    Raises:
        ValueError: a label is said to be there and to be unknown.
    """
    named = [part for part in parts if part]
    present = {label for label in named if not label.startswith(UNKNOWN_MARK)}
    unknown = {label[len(UNKNOWN_MARK) :] for label in named if label.startswith(UNKNOWN_MARK)}
    unknown.discard("")
    if present & unknown:
        raise ValueError(f"the label {min(present & unknown)!r} is there, and is unknown too")
    return LabelSet(tuple(sorted(present)), tuple(sorted(unknown)))
