"""The network run by torch, on whatever device: what the processor and a GPU have in common."""

import copy
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from torch_inception.engines.folding import FoldedWeights, fold
from torch_inception.engines.protocol import Session
from torch_inception.network import InceptionV3, empty_network, spatial_means
from torch_inception.system.cores import usable_cores
from torch_inception.weights.checked import Weights


class TorchEngine(nn.Module, ABC):
    """Inception-v3 with one set of weights, for inference only.

    Args:
        weights: the set; its record decides pooling and input scale.
        device: where it runs.

    Attributes:
        record: what the weights are.
        arithmetic: of its convolutions.
        batch_size: most images that a session takes at a time.
    """

    arithmetic: str
    batch_size: int

    def __init__(self, weights: Weights | FoldedWeights, *, device: torch.device) -> None:
        super().__init__()
        folded = weights if isinstance(weights, FoldedWeights) else fold(weights)
        self.record = folded.record
        network = empty_network(pooling=self.record.pooling)
        network.load_state_dict(folded.state, assign=True)
        self.network: InceptionV3 = network.to(device).to(memory_format=torch.channels_last)
        self.network.requires_grad_(False)
        self.device = device
        self.eval()

    def copy_network(self) -> InceptionV3:
        """Return a copy whose parameters may be changed."""
        return copy.deepcopy(self.network)

    @property
    def workers(self) -> int:
        """How many threads had best have a session."""
        return usable_cores()

    @property
    def identity(self) -> str:
        """Everything here that changes a feature."""
        return f"{self.record.identity} {self.arithmetic}"

    @abstractmethod
    def session(self) -> Session:
        """Return a function for the calling thread alone, with memory of its own."""

    def train(self, mode: bool = True) -> "TorchEngine":
        """Stay in evaluation mode, whatever mode is asked for: the network is frozen."""
        return super().train(False)

    @torch.inference_mode()
    def feature_maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images to the maps of `network.LAYERS`.

        Args:
            pixels: (B, 3, 299, 299), RGB, uint8 or whole numbers 0 to 255 in float32.

        Returns:
            (B, 768, 17, 17), (B, 1280, 8, 8) and (B, 2048, 8, 8) float32 on the engine's device.
        """
        dtype = self.network.Conv2d_1a_3x3.weight.dtype
        values = pixels.to(self.device).to(dtype, memory_format=torch.channels_last)
        maps: tuple[Tensor, ...] = self.network(values)
        return maps

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """Map images to rows of features: the spatial means of the maps, one after another.

        Args:
            pixels: as for `feature_maps`.

        Returns:
            (B, 4096) float32 on the engine's device; row i belongs to image i.
        """
        return spatial_means(self.feature_maps(pixels))
