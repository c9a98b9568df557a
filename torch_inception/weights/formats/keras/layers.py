"""Keras' Inception-v3 under torchvision's names, by the order of its layers.

Keras lists the layers of a model by their distance from the output, the farthest first, and
layers at one distance as the inputs of what follows them are listed (`map_graph` in Keras'
`functional.py`). That follows from the structure alone. Automatic names decide nothing: the
number in `conv2d_95` counts what a process had built before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import EllipsisType
from typing import Any, NamedTuple, Protocol

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from torch_inception.errors import WeightsError
from torch_inception.network import (
    LAST_LAYER_SIZE,
    Convolution,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
    empty_network,
)
from torch_inception.system.escape import brief
from torch_inception.weights.checked import IMAGENET_CLASSES, Weights, make_weights, to_tensor
from torch_inception.weights.record import Scale

_BLOCKS: dict[type[nn.Module], str] = {
    InceptionA: "3x3dbl_1 5x5_1 3x3dbl_2 1x1 5x5_2 3x3dbl_3 _pool",
    InceptionB: "3x3dbl_1 3x3dbl_2 3x3 3x3dbl_3",
    InceptionC: "7x7dbl_1 7x7dbl_2 7x7_1 7x7dbl_3 7x7_2 7x7dbl_4 1x1 7x7_3 7x7dbl_5 _pool",
    InceptionD: "7x7x3_1 7x7x3_2 3x3_1 7x7x3_3 3x3_2 7x7x3_4",
    InceptionE: "3x3dbl_1 3x3_1 3x3dbl_2 3x3_2a 3x3_2b 3x3dbl_3a 3x3dbl_3b 1x1 _pool",
}
"""torchvision's names of a block's convolutions, less `branch`, in the order of Keras' layers."""

_NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")


class Stored(Protocol):
    """A tensor that is read when its shape is found to be right: numpy's, or one in a file."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """None where a file holds nothing."""

    @property
    def dtype(self) -> numpy.dtype[Any]:
        """Kind of the numbers."""

    def __getitem__(self, key: EllipsisType, /) -> NDArray[Any]:
        """Read all of it."""


class KerasLayer(NamedTuple):
    """A layer of a model.

    Attributes:
        name: for messages only.
        tensors: Keras' names within the layer (`kernel`, `beta`, ...) -> tensors.
    """

    name: str
    tensors: Mapping[str, Stored]


def make_keras_weights(
    state: Mapping[str, Tensor], scale: Scale, path: Path, *, lineage: str
) -> Weights:
    """Make weights of what `to_torchvision_names` found in a file.

    Raises:
        WeightsError: as `make_weights`.
    """
    return make_weights(
        state,
        source=str(path.absolute()),
        version=path.name,
        pooling="tensorflow",
        scale=scale,
        lineage=lineage,
    )


def to_torchvision_names(layers: Iterable[KerasLayer]) -> dict[str, Tensor]:
    """Rename and transpose what Keras' layers hold.

    A head that somebody trained is left out, but for ImageNet's classes: fully connected layers,
    and batch normalisations between them.

    Args:
        layers: in the model's order. Batch normalisations have `beta`, `moving_mean`,
            `moving_variance` and, in some lineages, `gamma` (out,); a layer with a `kernel`
            (in, out) is fully connected; all others are convolutions, with a `kernel` (height,
            width, in, out).

    Returns:
        A state dict in torchvision's names; with `fc` if the model ends in ImageNet's classes.

    Raises:
        WeightsError: a tensor is missing, surplus, misshapen or not finite.
    """
    convolutions, normalisations, dense = _by_kind(layers)
    units = list(_units())
    state: dict[str, Tensor] = {}
    for place, (name, unit) in enumerate(units):
        state |= _convolution(_at(place, convolutions, f"{name}.conv"), name, unit)
        state |= _normalisation(_at(place, normalisations, f"{name}.bn"), name, unit.out_channels)
    in_head = normalisations[len(units) :]
    for surplus in convolutions[len(units) :] + ([] if dense else in_head):
        _refuse_surplus(surplus, ())
    return state if in_head else state | _classifier(dense)


def _by_kind(
    layers: Iterable[KerasLayer],
) -> tuple[list[KerasLayer], list[KerasLayer], list[KerasLayer]]:
    """Return convolutions, batch normalisations and fully connected layers."""
    convolutions: list[KerasLayer] = []
    normalisations: list[KerasLayer] = []
    dense: list[KerasLayer] = []
    for layer in layers:
        if set(layer.tensors) & set(_NORMALISATION):
            normalisations.append(layer)
        else:
            (dense if _dimensions(layer) == 2 else convolutions).append(layer)
    return convolutions, normalisations, dense


def _at(place: int, layers: Sequence[KerasLayer], name: str) -> KerasLayer:
    if place >= len(layers):
        raise WeightsError(
            f"the Keras model is not a whole Inception-v3: it has {place} layers of the kind of "
            f"{name!r}, and that one is missing."
        )
    return layers[place]


def _units() -> Iterator[tuple[str, Convolution]]:
    """Yield (torchvision's name, unit) in the order of Keras' layers."""
    for name, child in empty_network(pooling="tensorflow").named_children():
        if isinstance(child, Convolution):
            yield name, child
        for branch in _BLOCKS.get(type(child), "").split():
            yield f"{name}.branch{branch}", child.get_submodule(f"branch{branch}")  # type: ignore[misc]


def _dimensions(layer: KerasLayer) -> int:
    shape = layer.tensors["kernel"].shape if "kernel" in layer.tensors else None
    return len(shape or ())


def _convolution(layer: KerasLayer, name: str, unit: Convolution) -> dict[str, Tensor]:
    _refuse_surplus(layer, ("kernel",))
    height, width = unit.kernel_size
    kernel = _read(layer, "kernel", (height, width, unit.in_channels, unit.out_channels))
    return {f"{name}.conv.weight": to_tensor(kernel.transpose(3, 2, 0, 1))}


def _normalisation(layer: KerasLayer, name: str, channels: int) -> dict[str, Tensor]:
    _refuse_surplus(layer, _NORMALISATION)
    beta, mean, variance = (
        to_tensor(_read(layer, each, (channels,))) for each in _NORMALISATION[1:]
    )
    # keras.applications leaves the scale out.
    scale = torch.ones(channels, dtype=torch.float32, device="cpu")
    if "gamma" in layer.tensors:
        scale = to_tensor(_read(layer, "gamma", (channels,)))
    return {
        f"{name}.bn.weight": scale,
        f"{name}.bn.bias": beta,
        f"{name}.bn.running_mean": mean,
        f"{name}.bn.running_var": variance,
    }


def _classifier(dense: list[KerasLayer]) -> dict[str, Tensor]:
    """Return the model's top where it is ImageNet's; a top for other classes is left out."""
    shapes = {"kernel": (LAST_LAYER_SIZE, IMAGENET_CLASSES), "bias": (IMAGENET_CLASSES,)}
    if len(dense) != 1 or {key: each.shape for key, each in dense[0].tensors.items()} != shapes:
        return {}
    kernel, bias = (_read(dense[0], key, shape) for key, shape in shapes.items())
    return {"fc.weight": to_tensor(kernel.T), "fc.bias": to_tensor(bias)}


def _refuse_surplus(layer: KerasLayer, known: Iterable[str]) -> None:
    for surplus in sorted(set(layer.tensors) - set(known)):
        raise WeightsError(
            f"the Keras model has {brief(f'{layer.name}/{surplus}')!r}, and Inception-v3 does not."
        )


def _read(layer: KerasLayer, part: str, shape: tuple[int, ...]) -> NDArray[numpy.float32]:
    name = brief(f"{layer.name}/{part}")
    if part not in layer.tensors:
        raise WeightsError(f"the Keras model has no {name!r}: it is not a whole Inception-v3.")
    stored = layer.tensors[part]
    if stored.shape != shape:
        raise WeightsError(
            f"the Keras tensor {name!r} has the shape {brief(stored.shape)}; "
            f"Inception-v3 wants {shape} there."
        )
    if stored.dtype.kind != "f":
        raise WeightsError(
            f"the Keras tensor {name!r} is of {brief(stored.dtype)}; floating point is wanted."
        )
    with numpy.errstate(all="ignore"):
        array = stored[...].astype(numpy.float32)
    if not numpy.isfinite(array).all():
        raise WeightsError(f"the Keras tensor {name!r} holds values that are not finite.")
    return array
