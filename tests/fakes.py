"""A network whose answers are plain."""

import pytest
import torch
from torch import Tensor

from torch_inception.engines import choose as engines_room
from torch_inception.engines.cpu import CpuEngine
from torch_inception.network import FEATURES
from torch_inception.weights import load as weights_room
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

FAKE_RECORD = WeightsRecord(
    source="imagenet", version="fake", fingerprint="f" * 64, pooling="torchvision"
)


def random_state() -> dict[str, Tensor]:
    """Return the state dict of torchvision's whole network, random, in half precision."""
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False)
    return {name: tensor.half() for name, tensor in network.half().state_dict().items()}


def fake_weights(patch: pytest.MonkeyPatch) -> None:
    """Make every source of weights give the fake network.

    The ImageNet classifier answers class 0 for red, 1 for green and 2 for blue.
    """
    head = torch.zeros(1000, FEATURES)
    head[:3, :3] = 10 * torch.eye(3)

    def load(name: str) -> Weights:
        return Weights(FAKE_RECORD, {}, (head, torch.zeros(1000)))

    patch.setattr(weights_room, "_load", load)
    patch.setattr(engines_room, "folded", lambda weights: weights)


def fake_backbone(patch: pytest.MonkeyPatch) -> None:
    """Make features the means of red, green and blue: (red, green, blue, 0, ..., 0), 0 to 1."""

    def initialise(self: CpuEngine, weights: Weights, *, device: torch.device) -> None:
        torch.nn.Module.__init__(self)
        self.record, self.device = weights.record, device

    def channel_means(self: CpuEngine, pixels: torch.Tensor) -> torch.Tensor:
        assert pixels.shape[1:] == (3, 299, 299)
        rows = torch.zeros(len(pixels), FEATURES)
        rows[:, :3] = pixels.float().mean(dim=(2, 3)) / 255
        return rows

    patch.setattr(CpuEngine, "__init__", initialise)
    patch.setattr(CpuEngine, "forward", channel_means)
