"""Networks whose answers are plain: an engine to pass as an argument, and weights in a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from torch import Tensor

from torch_inception.engines.protocol import Rows, Session
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels
from torch_inception.network import COLUMNS, LAST_LAYER_SIZE, LAYERS, ROW_SIZE, empty_network
from torch_inception.weights.record import WeightsRecord

FAKE_RECORD = WeightsRecord(
    source="imagenet", version="fake", fingerprint="f" * 64, pooling="torchvision"
)


class FakeEngine:
    """An engine that gives (mean red, mean green, mean blue, 0, ..., 0), 0 to 1, in each layer."""

    arithmetic = "fp32"
    batch_size = 4
    workers = 2

    def __init__(self, record: WeightsRecord = FAKE_RECORD) -> None:
        self.record = record

    @property
    def identity(self) -> str:
        """Everything that changes a feature."""
        return f"{self.record.identity} {self.arithmetic}"

    def session(self) -> Session:
        """Return the function that maps images to rows."""
        return self.rows

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        rows = numpy.zeros((len(images), ROW_SIZE), numpy.float32)
        for place, image in enumerate(images):
            assert image.shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
            assert image.dtype == numpy.uint8
            for layer in COLUMNS.values():
                rows[place, layer][:3] = image.mean(axis=(0, 1)) / 255
        return rows


class MappingEngine(FakeEngine):
    """Gives maps too: red, green and blue where they are in the image."""

    def feature_maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images (B, 3, 299, 299) uint8 to the maps of `network.LAYERS`."""
        colours = pixels.float() / 255
        return tuple(
            torch.cat(
                [
                    torch.nn.functional.adaptive_avg_pool2d(
                        colours, 17 if name == "Mixed_6e" else 8
                    ),
                    torch.zeros(len(pixels), channels - 3, *[17 if name == "Mixed_6e" else 8] * 2),
                ],
                dim=1,
            )
            for name, channels in LAYERS.items()
        )


class CountingEngine(FakeEngine):
    """Counts the images that it computes, and takes no more at a time than it promises."""

    def __init__(self) -> None:
        super().__init__()
        self.images = 0

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        assert 1 <= len(images) <= self.batch_size
        self.images += len(images)
        return super().rows(images)


def random_state() -> dict[str, Tensor]:
    """Return the state dict of torchvision's whole network, random, in half precision."""
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False)
    return {name: tensor.half() for name, tensor in network.half().state_dict().items()}


def save_random_weights(path: Path) -> None:
    """Write a state dict of the real network whose rows have all kinds of numbers in them.

    Kernels are normal with the deviation that keeps the size of what flows (He et al. 2015,
    "Delving Deep into Rectifiers", arXiv:1502.01852, equation 10).
    """
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        deviation = (2 / unit.weight[0].numel()) ** 0.5
        kernel = torch.randn(unit.weight.shape, generator=generator) * deviation
        state[f"{name}.conv.weight"] = kernel.half()
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            state[f"{name}.bn.{part}"] = torch.full((unit.out_channels,), float(value))
    torch.save(state, path)


def save_plain_weights(path: Path) -> None:
    """Write a state dict of the real network whose rows are those of `FakeEngine`.

    That holds to 3e-4 for images of one colour. Each convolution that leads to the first channels
    of its block passes the first three channels on, the others give 0. The ImageNet classifier
    answers class 0 for red, 1 for green and 2 for blue.
    """
    passing = ("Conv2d", "branch1x1", "branch3x3.", "branch3x3_2.")
    state: dict[str, Tensor] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        weight = torch.zeros(unit.weight.shape)
        last = name.rpartition(".")[2] + "."
        if last.startswith(passing) or (name.startswith("Mixed_7a") and last == "branch3x3_1."):
            height, width = weight.shape[2:]
            weight[:3, :3, height // 2, width // 2] = torch.eye(3)
        state[f"{name}.conv.weight"] = weight
        state[f"{name}.bn.weight"] = torch.ones(unit.out_channels)
        state[f"{name}.bn.bias"] = torch.zeros(unit.out_channels)
        state[f"{name}.bn.running_mean"] = torch.zeros(unit.out_channels)
        # The epsilon that is added to it makes it 1.
        state[f"{name}.bn.running_var"] = torch.full((unit.out_channels,), 1 - 1e-3)
    # The network's input lies from -1 to 1, its first output from 0 to 1.
    state["Conv2d_1a_3x3.bn.weight"] /= 2
    state["Conv2d_1a_3x3.bn.bias"][:3] = 0.5
    state["fc.weight"] = torch.zeros(1000, LAST_LAYER_SIZE)
    state["fc.weight"][:3, :3] = 10 * torch.eye(3)
    state["fc.bias"] = torch.zeros(1000)
    torch.save({name: tensor.half() for name, tensor in state.items()}, path)
