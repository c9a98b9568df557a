"""The linear head: features to class probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.features.row_selection import RowSelection


@dataclass(frozen=True)
class Head:
    """One linear layer; every scaling of features or logits is folded into it.

    Attributes:
        weight: (C, 2048) float32.
        bias: (C,) float32.
    """

    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Map features (N, 2048) to logits (N, C), float64.

        How exact products in float32 are, the program around us may have set for the whole
        process (`torch.set_float32_matmul_precision`).
        """
        return features.double() @ self.weight.double().T + self.bias.double()

    def probabilities(self, features: Tensor) -> Tensor:
        """Map features (N, 2048) to probabilities (N, C) float64, each row summing to 1."""
        return torch.softmax(self.logits(features), dim=1)

    def sharpened(self, temperature: float) -> "Head":
        """Return the head whose logits are these divided by the temperature."""
        return Head(self.weight / temperature, self.bias / temperature)


def all_logits(heads: Sequence[Head], rows: RowSelection) -> list[Tensor]:
    """Map rows to logits (N, C), float64, of each head; the rows are read once, in portions."""
    parts = [[head.logits(features) for head in heads] for features in rows.portions()]
    return [torch.cat(part) for part in zip(*parts, strict=True)]
