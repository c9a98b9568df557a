"""The network as inference wants it: batch normalisation and input scaling folded into it.

A folded network is kept in the user's cache under the identity of its weights, so that a later
command maps it into memory and needs neither the source of the weights nor the arithmetic.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.network import BATCH_NORM_EPSILON, empty_network
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.tensor_file import load_safely, save_whole
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)

FORMAT = 1
"""Number of the layout and arithmetic of a kept file; another number is folded again."""


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


def kept(record: WeightsRecord) -> FoldedWeights | None:
    """Return the folded network of these weights from the cache; None if it is not there whole."""
    path = _path(record)
    if not path.exists():
        return None
    try:
        content = load_safely(path, mapped=True)
        if content["format"] != FORMAT:
            log.info("weights: %s was written by another version and is made anew", path)
            return None
        if _digest(content["parameters"]) == content["sha256"]:
            return FoldedWeights(record, _state(content["parameters"]))
        problem = "its numbers are not the ones that were written"
    except ValueError as error:
        problem = str(error)
    except (LookupError, TypeError, AttributeError, RuntimeError):
        problem = "its content is not what was written"
    log.warning("weights: %s is damaged (%s) and is not used", path, problem)
    return None


def folded(weights: Weights) -> FoldedWeights:
    """Return the kept network of these weights, or fold them and keep that.

    Where the cache cannot be written, say so and go on.
    """
    found = kept(weights.record)
    if found is not None:
        return found
    made = fold(weights)
    parameters = torch.cat([_in_memory_order(tensor).flatten() for tensor in made.state.values()])
    content = {"format": FORMAT, "sha256": _digest(parameters), "parameters": parameters}
    try:
        save_whole(content, _path(weights.record))
    except OSError as error:
        log.warning("weights: cannot be kept in %s (%s)", _path(weights.record).parent, error)
    return made


def _state(parameters: Tensor) -> dict[str, Tensor]:
    """Cut the parameters, all in one (P,) float32, into the tensors of `FoldedWeights.state`."""
    state: dict[str, Tensor] = {}
    start = 0
    for name, parameter in empty_network(pooling="torchvision").named_parameters():
        part = parameters[start : start + parameter.numel()]
        state[name] = part.view(_in_memory_order(parameter).shape)
        if parameter.ndim == 4:
            state[name] = state[name].permute(0, 3, 1, 2)
        start += parameter.numel()
    if start != len(parameters):
        raise ValueError(f"{len(parameters)} parameters, not {start}")
    return state


def _in_memory_order(parameter: Tensor) -> Tensor:
    """See a kernel (out, in, height, width) as channels-last memory has it: in comes last."""
    return parameter.permute(0, 2, 3, 1) if parameter.ndim == 4 else parameter


def _digest(parameters: Tensor) -> str:
    return hashlib.sha256(parameters.numpy().data).hexdigest()


def _path(record: WeightsRecord) -> Path:
    name = hashlib.sha256(record.identity.encode()).hexdigest()[:32]
    return cache_folder() / "networks" / f"{name}.pt"
