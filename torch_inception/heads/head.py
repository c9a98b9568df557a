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
        """Map what it reads, (N, D), to probabilities (N, C) float64."""
        return self.probabilities_of_logits(self.logits(inputs))

    def probabilities_of_logits(self, logits: Tensor) -> Tensor:
        """Map logits (N, C) to probabilities (N, C), each row summing to 1."""
        return torch.softmax(logits, dim=1)

    def sharpened(self, temperature: float) -> "Head":
        """Return the head whose logits are these divided by the temperature."""
        return dataclasses.replace(
            self, weight=self.weight / temperature, bias=self.bias / temperature
        )


HIGHEST = 1 - 2**-24
"""Probability of an independent class at most, the largest float32 below 1: the threshold 1 is
never reached, though in float32 the sigmoid of 17 and more is 1."""


class IndependentHead(Head):
    """A head of classes of which an image may have several, or none."""

    def probabilities_of_logits(self, logits: Tensor) -> Tensor:
        """Map logits (N, C) to probabilities (N, C), each class by itself."""
        return independent_probabilities(logits)


def independent_probabilities(logits: Tensor) -> Tensor:
    """Map logits to probabilities, each by itself; none is over `HIGHEST`."""
    return torch.sigmoid(logits).clamp(max=HIGHEST)
