"""What a head reads of a row of features: which layers of the network, and on which scale."""

from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.config import Layers
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.head import Head
from torch_inception.network import LAST_LAYER_SIZE, LAYERS, ROW_SIZE

ROOTED = LAYERS["Mixed_6e"] + LAYERS["Mixed_7a"]
"""How many numbers of a row, from its beginning, are read as square roots (Arandjelovic and
Zisserman 2012, "Three Things Everyone Should Know to Improve Object Retrieval", section 3)."""


@dataclass(frozen=True)
class Inputs:
    """How rows become what a head reads.

    Attributes:
        layers: "last" is the last layer, plain; "all" are the three, those before the last under
            the square root; None leaves rows as they are.
        middle: (D,) float32 what is taken off, if anything is.
        scale: (D,) float32 what the rest is multiplied by, if by anything.
    """

    layers: Layers | None = None
    middle: Tensor | None = None
    scale: Tensor | None = None

    def size(self, features: int) -> int:
        """Return how many numbers a head reads of a row of so many features."""
        return min(features, LAST_LAYER_SIZE) if self.layers == "last" else features

    def columns(self, rows: Tensor) -> Tensor:
        """Return the numbers (K, D) of rows (K, F) that are read, in the same memory."""
        return rows[:, -LAST_LAYER_SIZE:] if self.layers == "last" else rows

    def __call__(self, rows: Tensor) -> Tensor:
        """Map rows (K, F) float32 to (K, D) float32, in the same memory."""
        inputs = self.columns(rows)
        if self.layers == "all":
            inputs[:, :ROOTED].clamp_(min=0).sqrt_()
        if self.middle is not None:
            inputs = inputs.sub_(self.middle)
        return inputs if self.scale is None else inputs.mul_(self.scale)

    def head(self, weight: Tensor, bias: Tensor) -> Head:
        """Return the head for rows as they are of one that was fitted on these inputs.

        Args:
            weight: (C, D) float64.
            bias: (C,) float64.
        """
        if self.scale is not None:
            weight = weight * self.scale
        if self.middle is not None:
            bias = bias - weight @ self.middle.double()
        return Head(weight.float(), bias.float(), self.layers or "last")


def fit_inputs(layers: Layers, rows: RowSelection) -> Inputs:
    """Return how a head that is to be fitted reads rows.

    Several layers are centred, and each is divided by the root of its mean squared norm, so that
    none outweighs the others. The last layer alone is left as it is.

    Args:
        layers: which.
        rows: N rows of three layers, N >= 1.
    """
    plain = Inputs(layers)
    if layers == "last":
        return plain
    sums, squares = torch.zeros(2, ROW_SIZE, dtype=torch.float64)
    for portion in rows.portions(plain):
        inputs = portion.double()
        sums += inputs.sum(dim=0)
        squares += inputs.square_().sum(dim=0)
    middle = sums / len(rows)
    variances = (squares / len(rows) - middle.square()).clamp(min=0)
    norms = [part.sum().clamp(min=1e-24).sqrt() for part in variances.split(list(LAYERS.values()))]
    scale = torch.cat(
        [(1 / norm).expand(s) for norm, s in zip(norms, LAYERS.values(), strict=True)]
    )
    return Inputs(layers, middle.float(), scale.float())


def mean_inputs(layers: Layers, rows: RowSelection) -> Tensor:
    """Return the mean (D,) float32 of what a head of these layers reads of rows."""
    plain = Inputs(layers)
    sums = torch.zeros(plain.size(rows.size), dtype=torch.float64)
    for portion in rows.portions(plain):
        sums += plain.columns(portion).sum(dim=0, dtype=torch.float64)
    return (sums / max(1, len(rows))).float()


def head_layers(head: Head) -> list[str]:
    """Return the layers of the network that a head reads, in the order of its columns."""
    return list(LAYERS) if head.layers == "all" else list(LAYERS)[-1:]


def head_inputs(rows: Tensor, head: Head) -> Tensor:
    """Map rows (K, F) of any type to what a head reads, (K, D) float32."""
    return Inputs(head.layers)(rows.to(torch.float32, copy=True))
