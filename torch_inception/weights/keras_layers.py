"""Keras' Inception-v3 tensors under torchvision's names.

Keras numbers its layers `conv2d_1` to `conv2d_94` and `batch_normalization_1` to
`batch_normalization_94` in the order in which `keras.applications.InceptionV3` creates them. That
is the order in which torchvision's modules are written down, so position alone decides, and every
shape is checked. Keras' batch normalisation has no scale (`gamma`), only a shift (`beta`).
"""

from collections.abc import Mapping

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.errors import WeightsError
from torch_inception.network import empty_network


def to_torchvision_names(arrays: Mapping[str, NDArray[numpy.float32]]) -> dict[str, Tensor]:
    """Rename and transpose Keras' arrays.

    Args:
        arrays: `conv2d_N/kernel` (height, width, in, out) and `batch_normalization_N/beta`,
            `moving_mean`, `moving_variance` (out,) for N = 1 to 94; others are left alone.

    Returns:
        A state dict in torchvision's names, without `fc`.

    Raises:
        WeightsError: an array is missing.
    """
    state: dict[str, Tensor] = {}
    units = empty_network(pooling="tensorflow").convolutions()
    for number, (name, unit) in enumerate(units, start=1):
        kernel = _array(arrays, f"conv2d_{number}/kernel")
        state[f"{name}.conv.weight"] = _tensor(kernel.transpose(3, 2, 0, 1))
        normalisation = f"batch_normalization_{number}"
        state[f"{name}.bn.weight"] = torch.ones(unit.out_channels)
        state[f"{name}.bn.bias"] = _tensor(_array(arrays, f"{normalisation}/beta"))
        state[f"{name}.bn.running_mean"] = _tensor(_array(arrays, f"{normalisation}/moving_mean"))
        state[f"{name}.bn.running_var"] = _tensor(
            _array(arrays, f"{normalisation}/moving_variance")
        )
    return state


def _array(arrays: Mapping[str, NDArray[numpy.float32]], name: str) -> NDArray[numpy.float32]:
    if name not in arrays:
        raise WeightsError(f"the Keras model has no {name!r}: it is not an Inception-v3.")
    return arrays[name]


def _tensor(array: NDArray[numpy.float32]) -> Tensor:
    return torch.from_numpy(numpy.ascontiguousarray(array))
