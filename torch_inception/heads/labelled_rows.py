"""Rows of features with their classes: what every solver of the head is given."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import Inputs
from torch_inception.heads.metrics import Answers, answers_of
from torch_inception.system.threads import on_cores

Result = TypeVar("Result")


@dataclass(frozen=True)
class LabelledRows:
    """Labelled features.

    Attributes:
        features: N rows.
        targets: (N,) int64 class numbers.
        classes: how many classes there are; each has at least one row in training.
        groups: (N,) int64, the same number for rows that belong together (views of an image, near
            copies); sorted by it, rows are in an order that depends on their content alone. None
            where each row is by itself.
        is_original: (N,) bool, which rows are of an image as it is, and not of another view: heads
            are judged by these alone. None where all are.
        balanced: whether every class weighs the same, however many rows it has.
        inputs: what a head reads of a row.
    """

    features: RowSelection
    targets: Tensor
    classes: int
    groups: Tensor | None = None
    is_original: Tensor | None = None
    balanced: bool = False
    inputs: Inputs = Inputs()  # noqa: RUF009 - it is frozen

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, chosen: Tensor) -> "LabelledRows":
        """Return the rows that a boolean mask (N,), or positions (K,) int64, choose."""
        return dataclasses.replace(
            self,
            features=self.features.subset(chosen),
            targets=self.targets[chosen],
            groups=None if self.groups is None else self.groups[chosen],
            is_original=None if self.is_original is None else self.is_original[chosen],
        )

    def portions(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what a head reads, a portion at a time: inputs (K, D) float32, targets (K,).

        A portion is a copy, and the next one takes its memory.
        """
        targets = torch.split(self.targets, self.features.portion)
        for rows, own in zip(self.features.portions(self.inputs), targets, strict=True):
            yield self.inputs.columns(rows), own

    @property
    def size(self) -> int:
        """How many numbers a head reads of a row."""
        return self.inputs.size(self.features.size)

    def matrix(self) -> Tensor:
        """Return what a head reads of all rows, (N, D) float32."""
        return self.inputs(self.features.tensor())

    def group_numbers(self) -> Tensor:
        """Return the number (N,) int64 of each row's group."""
        return torch.arange(len(self)) if self.groups is None else self.groups

    def originals(self) -> "LabelledRows":
        """Return the rows of images as they are."""
        return self if self.is_original is None else self.subset(self.is_original)

    def counts(self) -> Tensor:
        """Return how many rows each class has, (C,) int64."""
        return torch.bincount(self.targets, minlength=self.classes)

    def weight_of_class(self) -> Tensor:
        """Return what a row of each class weighs, (C,) float64; all rows' weights sum to N.

        Balanced: N / (classes * rows of the class), as scikit-learn's `class_weight="balanced"`.
        """
        if not self.balanced:
            return torch.ones(self.classes, dtype=torch.float64)
        counts = self.counts()
        present = int((counts > 0).sum())
        return len(self) / (present * counts.clamp(min=1).double())

    def row_weights(self) -> Tensor:
        """Return the weight (N,) float64 of each row."""
        return self.weight_of_class()[self.targets]

    def one_hot(self) -> Tensor:
        """Return the targets as (N, C) float64."""
        return torch.nn.functional.one_hot(self.targets, self.classes).double()


def all_logits(heads: Sequence[Head], labelled: LabelledRows) -> list[Tensor]:
    """Map rows to logits (N, C), float64, of each head; the rows are read once, in portions.

    Args:
        heads: of the same layers.
        labelled: the rows; how they were scaled for fitting is of no concern here.
    """
    return [torch.cat(parts) for parts in _of_each_head(heads, labelled, lambda logits, _: logits)]


def all_answers(heads: Sequence[Head], labelled: LabelledRows) -> list[Answers]:
    """Return what each head makes of rows; as `all_logits`, but logits are not kept."""
    return [Answers.join(parts) for parts in _of_each_head(heads, labelled, answers_of)]


def all_scores(head: Head, labelled: LabelledRows) -> Tensor:
    """Map rows to the probability that a head of any kind gives each class, (N, C) float32."""
    (parts,) = _of_each_head(
        [head], labelled, lambda logits, _: head.probabilities_of_logits(logits).float()
    )
    return torch.cat(parts)


def _of_each_head(
    heads: Sequence[Head], labelled: LabelledRows, summarise: Callable[[Tensor, Tensor], Result]
) -> list[list[Result]]:
    """Return what `summarise` makes of each head's logits and the targets, slice by slice."""
    (layers,) = {head.layers for head in heads}

    def read(part: tuple[Tensor, Tensor]) -> list[Result]:
        inputs, targets = part[0].double(), part[1]
        return [summarise(head.logits(inputs), targets) for head in heads]

    found: list[list[Result]] = []
    for inputs, targets in dataclasses.replace(labelled, inputs=Inputs(layers)).portions():
        found += on_cores(
            read, zip(torch.split(inputs, SLICE), torch.split(targets, SLICE), strict=True)
        )
    return [list(parts) for parts in zip(*found, strict=True)]
