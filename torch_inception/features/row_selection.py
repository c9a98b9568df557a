"""Rows of features that may be too many for memory: chosen without copying, read in portions."""

import dataclasses
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.system.threads import on_cores

PORTION = 4096
"""Rows read at a time: 64 MB as float32."""

SLICE = 512
"""Rows of a portion that are one thread's work."""


@dataclass(frozen=True)
class RowSelection:
    """Some rows of many, in any order.

    Attributes:
        all_rows: (M, D) float16 or float32, in memory or a file that is mapped into it.
        numbers: (N,) int64, the place of each row among these.
        portion: rows that are read at a time.
    """

    all_rows: Tensor
    numbers: Tensor
    portion: int = PORTION

    @classmethod
    def of(cls, rows: Tensor, *, portion: int = PORTION) -> "RowSelection":
        """Return a selection of all rows (M, D)."""
        return cls(rows, torch.arange(len(rows), dtype=torch.int64, device="cpu"), portion)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size(self) -> int:
        """Features per row."""
        return self.all_rows.shape[1]

    def subset(self, chosen: Tensor) -> "RowSelection":
        """Return the rows that a boolean mask (N,), or positions (K,) int64, choose."""
        return dataclasses.replace(self, numbers=self.numbers[chosen])

    def tensor(self) -> Tensor:
        """Return the rows as (N, D) float32."""
        return self.all_rows[self.numbers].float()

    def portions(self, prepare: Callable[[Tensor], object] | None = None) -> Iterator[Tensor]:
        """Yield the rows in order, `portion` at a time, as (K, D) float32; one at least.

        A portion is a copy, and the next one takes its memory: whoever reads it may change it,
        and must not keep it.

        Args:
            prepare: changes some rows (K, D) in place, each by itself; called on several threads.
        """
        raw = self.all_rows.new_empty((min(self.portion, len(self)), self.size))
        portion = torch.empty_like(raw, dtype=torch.float32)
        for numbers in torch.split(self.numbers, self.portion):
            count = len(numbers)

            def read(start: int, numbers: Tensor = numbers) -> None:
                part = slice(start, min(start + SLICE, len(numbers)))
                torch.index_select(self.all_rows, 0, numbers[part], out=raw[part])
                portion[part].copy_(raw[part])
                if prepare is not None:
                    prepare(portion[part])

            on_cores(read, range(0, count, SLICE))
            yield portion[:count]


def whole_groups(ends: Sequence[int], count: int) -> Iterator[slice]:
    """Yield slices of some `count` rows or more, of which none tears a group apart.

    Args:
        ends: where each group of rows ends, in order.
        count: of rows; the last slice may have fewer.
    """
    start = 0
    while ends and start < ends[-1]:
        place = bisect_left(ends, start + count)
        end = ends[min(place, len(ends) - 1)]
        yield slice(start, end)
        start = end
