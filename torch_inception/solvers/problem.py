"""What every solver of the head is given, and what it tells of its work."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.head import Head


@dataclass(frozen=True)
class Problem:
    """Labelled features.

    Attributes:
        features: (N, 2048) float32.
        targets: (N,) int64 class numbers.
        classes: how many classes there are; each has at least one row in a training problem.
        balanced: whether every class weighs the same, however many rows it has.
    """

    features: Tensor
    targets: Tensor
    classes: int
    balanced: bool = False

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, chosen: Tensor) -> "Problem":
        """Return the rows that a boolean mask (N,) chooses."""
        return Problem(self.features[chosen], self.targets[chosen], self.classes, self.balanced)

    def row_weights(self) -> Tensor:
        """Return the weight (N,) float32 of each row; they sum to N.

        Balanced: N / (classes * rows of the class), as scikit-learn's `class_weight="balanced"`.
        """
        if not self.balanced:
            return torch.ones(len(self))
        counts = torch.bincount(self.targets, minlength=self.classes)
        present = int((counts > 0).sum())
        return len(self) / (present * counts[self.targets].float())

    def one_hot(self) -> Tensor:
        """Return the targets as (N, C) float32."""
        return torch.nn.functional.one_hot(self.targets, self.classes).float()


Report = Callable[[str, Head], None]
"""Called with the name of a setting or step and the head as it is then."""
