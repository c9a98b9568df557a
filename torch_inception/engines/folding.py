"""The network as inference wants it: batch normalisation and input scaling folded into it.

A folded network is kept in the user's cache under the identity of its weights, so that a later
command needs neither the source of the weights nor the arithmetic.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.network import BATCH_NORM_EPSILON, empty_network
from torch_inception.system.cache_entry import read_entry, write_entry
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.tensor_file import load_tensors, save_whole
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

FORMAT = 2
"""Number of the layout and arithmetic of what is kept; another number is folded again."""

FILE = "network.pt"


@dataclass(frozen=True)
class FoldedWeights:
    """A network's parameters, ready to run.

    Attributes:
        record: the weights that were folded.
        state: the names of `network.InceptionV3` -> float32 tensors, kernels channels-last.
    """

    record: WeightsRecord
    state: Mapping[str, Tensor]


def fold(weights: Weights) -> FoldedWeights:
    """Fold normalisation and input scaling into the convolutions, in float64.

    y = gamma * (conv(x) - mean) / sqrt(variance + epsilon) + beta is a convolution whose kernel
    is scaled and whose bias takes the rest. Pixels p, 0 to 255, enter as
    (p / 255 - mean) / std; the first convolution has no padding, so it can take that in too.
    """
    network, tensors = empty_network(pooling="torchvision"), weights.tensors
    state: dict[str, Tensor] = {}
    for position, (name, _) in enumerate(network.convolutions()):
        gamma, beta, mean, variance = (
            tensors[f"{name}.bn.{part}"].double()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / torch.sqrt(variance + BATCH_NORM_EPSILON)
        kernel = tensors[f"{name}.conv.weight"].double() * scale.view(-1, 1, 1, 1)
        bias = beta - mean * scale
        if position == 0:
            kernel, bias = _with_scaling(kernel, bias, weights.record)
        state[f"{name}.weight"] = kernel.float().contiguous(memory_format=torch.channels_last)
        state[f"{name}.bias"] = bias.float()
    return FoldedWeights(weights.record, state)


def _with_scaling(kernel: Tensor, bias: Tensor, record: WeightsRecord) -> tuple[Tensor, Tensor]:
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)
        for values in (record.mean, record.std)
    )
    return kernel / (255 * std), bias - (kernel * (mean / std)).sum(dim=(1, 2, 3))


def load_cached_folded(record: WeightsRecord) -> FoldedWeights | None:
    """Return the folded network of these weights from the cache; None if it is not there whole."""
    folder = _folder(record)
    # Each tensor has memory of its own: views of one buffer would each be pickled with all of it.
    return read_entry(
        folder,
        format=FORMAT,
        read=lambda _: FoldedWeights(record, load_tensors(folder / FILE)),
    )


def load_folded(weights: Weights) -> FoldedWeights:
    """Return the kept network of these weights, or fold them and keep that.

    Where the cache cannot be written, say so and go on.
    """
    found = load_cached_folded(weights.record)
    if found is not None:
        return found
    made = fold(weights)
    write_entry(
        _folder(weights.record),
        [FILE],
        format=FORMAT,
        about={"weights": weights.record.identity},
        write=lambda folder: save_whole(dict(made.state), folder / FILE),
    )
    return made


def _folder(record: WeightsRecord) -> Path:
    name = hashlib.sha256(record.identity.encode()).hexdigest()[:32]
    return cache_folder() / "networks" / name
