"""The frozen backbone: pictures in, features out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from torch_inception.config import Device, check_choice
from torch_inception.errors import ConfigError
from torch_inception.network import InceptionV3, empty_network
from torch_inception.weights import Weights

BATCH_NORM_EPSILON = 1e-3
"""Added to the variance; torchvision's and Keras' Inception-v3 both use it."""


class Backbone(nn.Module):
    """Inception-v3 with one set of weights, for inference only.

    Args:
        weights: the set; its record decides pooling and input scale.
        device: where it runs.
    """

    def __init__(self, weights: Weights, *, device: torch.device) -> None:
        super().__init__()
        self.record = weights.record
        network = empty_network(count_padding=weights.record.pooling == "torchvision")
        network.load_state_dict(folded(network, weights.tensors), assign=True)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.network.requires_grad_(False)
        shape = (1, 3, 1, 1)
        mean = torch.tensor(weights.record.mean, device=device).view(shape)
        std = torch.tensor(weights.record.std, device=device).view(shape)
        # On the scale of uint8: (x / 255 - mean) / std = x * scale + shift.
        self.scale = 1 / (255 * std)
        self.shift = -mean / std
        self.device = device
        self.eval()

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode, whatever mode is asked for: the backbone is frozen."""
        return super().train(False)

    @torch.inference_mode()
    def feature_map(self, pixels: Tensor) -> Tensor:
        """Map pictures to the last feature map.

        Args:
            pixels: (B, 3, 299, 299) uint8, RGB, on any device.

        Returns:
            (B, 2048, 8, 8) float32 on the backbone's device.
        """
        scaled = pixels.to(self.device).to(torch.float32, memory_format=torch.channels_last)
        maps: Tensor = self.network(scaled.mul_(self.scale).add_(self.shift))
        return maps

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """Map pictures to feature rows: the mean of the feature map over its 64 places.

        Args:
            pixels: (B, 3, 299, 299) uint8, RGB, on any device.

        Returns:
            (B, 2048) float32 on the backbone's device; row i belongs to picture i.
        """
        return self.feature_map(pixels).mean(dim=(2, 3))


def folded(network: InceptionV3, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fold each batch normalisation into its convolution, in float64.

    y = gamma * (conv(x) - mean) / sqrt(variance + epsilon) + beta is a convolution whose kernel
    is scaled and whose bias takes the rest.
    """
    state: dict[str, Tensor] = {}
    for name, _ in network.convolutions():
        gamma, beta, mean, variance = (
            tensors[f"{name}.bn.{part}"].double()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / torch.sqrt(variance + BATCH_NORM_EPSILON)
        kernel = tensors[f"{name}.conv.weight"].double() * scale.view(-1, 1, 1, 1)
        state[f"{name}.weight"] = kernel.float()
        state[f"{name}.bias"] = (beta - mean * scale).float()
    return state


def choose_device(name: str) -> torch.device:
    """Return the device for "auto", "cpu" or "cuda".

    Raises:
        ConfigError: the name is another, or CUDA is asked for and is not there.
    """
    check_choice("device", name, Device)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError(
            "device 'cuda' was asked for, but torch sees no CUDA GPU. Use --device cpu or auto, "
            "or install a driver and a CUDA build of torch."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
