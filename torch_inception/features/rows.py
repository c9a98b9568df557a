"""Rows of features that may be too many for memory: chosen without copying, read in portions."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

PORTION = 4096
"""Rows read at a time: 32 MB as float32."""


@dataclass(frozen=True)
class FeatureRows:
    """Some rows of a table, in any order.

    Attributes:
        table: (M, D) float16 or float32, in memory or a file that is mapped into it.
        numbers: (N,) int64, the place of each row in the table.
    """

    table: Tensor
    numbers: Tensor

    @classmethod
    def of(cls, table: Tensor) -> "FeatureRows":
        """Return all rows of a table (M, D)."""
        return cls(table, torch.arange(len(table), dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size(self) -> int:
        """Features a row."""
        return self.table.shape[1]

    def subset(self, chosen: Tensor) -> "FeatureRows":
        """Return the rows that a boolean mask (N,), or positions (K,) int64, choose."""
        return FeatureRows(self.table, self.numbers[chosen])

    def tensor(self) -> Tensor:
        """Return all rows as (N, D) float32."""
        return self.table[self.numbers].float()

    def portions(self) -> Iterator[Tensor]:
        """Yield the rows in order, `PORTION` at a time, as (K, D) float32; one at least.

        A portion is a copy, and the next one takes its memory: whoever reads it may change it,
        and must not keep it.
        """
        raw = torch.empty(min(PORTION, len(self)), self.size, dtype=self.table.dtype)
        portion = torch.empty_like(raw, dtype=torch.float32)
        for numbers in torch.split(self.numbers, PORTION):
            count = len(numbers)
            torch.index_select(self.table, 0, numbers, out=raw[:count])
            yield portion[:count].copy_(raw[:count])
