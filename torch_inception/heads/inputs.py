"""What a head reads of a row of features: which layers of the network, and on which scale."""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.config import Layers
from torch_inception.heads.head import Head
from torch_inception.network import FEATURES


@dataclass(frozen=True)
class Inputs:
    """How rows become what a head reads.

    Attributes:
        layers: "last" is the last layer's mean, plain; None leaves rows as they are.
        middle: (D,) float32 what is taken off, if anything is.
        scale: (D,) float32 what the rest is multiplied by, if by anything.
    """

    layers: Layers | None = None
    middle: Tensor | None = None
    scale: Tensor | None = None

    def size(self, features: int) -> int:
        """Return how many numbers a head reads of a row of so many features."""
        return min(features, FEATURES) if self.layers == "last" else features

    def __call__(self, rows: Tensor) -> Tensor:
        """Map rows (K, F) float32 to (K, D) float32; the rows' memory may be used for it."""
        inputs = rows[:, -FEATURES:] if self.layers == "last" else rows
        if self.middle is not None:
            inputs = inputs.sub_(self.middle)
        return inputs if self.scale is None else inputs.mul_(self.scale)

    def fold(self, head: Head) -> Head:
        """Return the head that reads unscaled inputs, and answers as this one does scaled ones."""
        weight, bias = head.weight.double(), head.bias.double()
        if self.scale is not None:
            weight = weight * self.scale
        if self.middle is not None:
            bias = bias - weight @ self.middle.double()
        return dataclasses.replace(head, weight=weight.float(), bias=bias.float())


def head_inputs(rows: Tensor, head: Head) -> Tensor:
    """Map rows (K, F) of any type to what a head reads, (K, D) float32."""
    return Inputs(head.layers)(rows.to(torch.float32, copy=True))
