"""What the pass asks of a network, whatever it runs on."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.images.preprocess import Pixels
from torch_inception.weights.record import WeightsRecord

Rows = NDArray[numpy.float32]

Session = Callable[[Sequence[Pixels]], Rows]
"""Maps up to `batch_size` images (299, 299, 3) uint8 to rows (B, 4096) float32."""


class Engine(Protocol):
    """A frozen network: images in, rows of features out."""

    @property
    def record(self) -> WeightsRecord:
        """What the weights are."""

    @property
    def arithmetic(self) -> str:
        """How it computes: "fp32", "fp32 openvino", "bf16", or "int8" and a quantisation's key."""

    @property
    def identity(self) -> str:
        """Everything of the network that changes a feature: weights and arithmetic."""

    @property
    def batch_size(self) -> int:
        """Most images that a session takes at a time."""

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""

    def session(self) -> Session:
        """Return a function for the calling thread alone, with memory of its own."""


@runtime_checkable
class GivesMaps(Protocol):
    """An engine that gives the maps which rows are the means of."""

    def feature_maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images (B, 3, 299, 299) uint8 to the maps of `network.LAYERS`."""
