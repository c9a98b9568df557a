"""The linear head: features to class probabilities."""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_inception.config import Layers


@dataclass(frozen=True)
class Head:
    """One linear layer; every scaling of features or logits is folded into it.

    Attributes:
        weight: (C, D) float32.
        bias: (C,) float32.
        layers: what it reads of a row; see `inputs.Inputs`.
    """

    weight: Tensor
    bias: Tensor
    layers: Layers = "last"

    def logits(self, inputs: Tensor) -> Tensor:
        """Map what it reads, (N, D), to logits (N, C), float64.

        How exact products in float32 are, the program around us may have set for the whole
        process (`torch.set_float32_matmul_precision`).
        """
        return inputs.double() @ self.weight.double().T + self.bias.double()

    def probabilities(self, inputs: Tensor) -> Tensor:
        """Map what it reads, (N, D), to probabilities (N, C) float64, each row summing to 1."""
        return torch.softmax(self.logits(inputs), dim=1)

    def sharpened(self, temperature: float) -> "Head":
        """Return the head whose logits are these divided by the temperature."""
        return dataclasses.replace(
            self, weight=self.weight / temperature, bias=self.bias / temperature
        )
