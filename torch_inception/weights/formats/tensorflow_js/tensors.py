"""The tensors of a TensorFlow.js layers model, layer by layer.

The layout is that of the TensorFlow.js converter (tfjs-converter's README, "Format conversion"):
a topology, which is Keras' configuration, and a manifest of tensors, which lie one after another
in shards. A quantised one stands for `value = quantised * scale + min`.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.formats.keras.config import input_scale, layers_of
from torch_inception.weights.formats.keras.layers import KerasLayer, Stored
from torch_inception.weights.record import Scale

_DTYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}
_WEIGHED = ("Conv2D", "BatchNormalization", "Dense")

_MOST_DIMENSIONS = 6
"""Of a tensor in TensorFlow.js (`Rank` in tfjs-core/src/types.ts)."""


class Manifest(NamedTuple):
    """What the shards hold.

    Attributes:
        paths: of the shards, in their order.
        tensors: their descriptions, in the order in which they lie in the shards.
    """

    paths: list[str]
    tensors: list[dict[str, Any]]


def read_manifest(model: Any) -> Manifest:  # noqa: ANN401 - whatever a file holds
    """Return what a model's JSON says of its shards.

    Raises:
        WeightsError: there is no manifest in it.
    """
    try:
        if model.get("format", "layers-model") != "layers-model":
            raise WeightsError(
                f"this is a {brief(model['format'])} of TensorFlow.js, not a layers-model. "
                "Convert the Keras model with tensorflowjs_converter --output_format "
                "tfjs_layers_model."
            )
        groups = model["weightsManifest"]
        paths = [path for group in groups for path in group["paths"]]
        return Manifest(paths, [tensor for group in groups for tensor in group["weights"]])
    except (KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"the weights manifest is not understood ({brief(error)}).") from error


def read_layers(
    model: Any,  # noqa: ANN401 - as above
    data: bytes,
) -> tuple[list[KerasLayer], Scale]:
    """Return the layers that have tensors, in the topology's order, and what pixels they want.

    Args:
        model: the model's JSON.
        data: all shards, one after another.

    Raises:
        WeightsError: topology, manifest and bytes do not fit together.
    """
    tensors: dict[str, dict[str, Stored]] = {}
    for path, tensor in read_tensors(read_manifest(model).tensors, data).items():
        # Tensors of a model within a model can have its name in front.
        *_, layer, part = ("", *path.split("/"))
        if part in tensors.setdefault(layer, {}):
            raise WeightsError(f"the weights manifest has two tensors {brief(path)!r}.")
        tensors[layer][part] = tensor
    topology = model.get("modelTopology")
    is_wrapped = isinstance(topology, dict) and "model_config" in topology
    layers = layers_of(topology["model_config"] if is_wrapped else topology)
    for kind, name, _ in layers:
        if kind in _WEIGHED and name not in tensors:
            raise WeightsError(f"the weights manifest has no tensor of the layer {brief(name)!r}.")
    for name in sorted(set(tensors) - {layer.name for layer in layers}):
        raise WeightsError(f"the weights manifest has a layer {brief(name)!r}, the model has none.")
    found = [KerasLayer(name, tensors[name]) for _, name, _ in layers if name in tensors]
    return found, input_scale(layers)


def read_tensors(
    descriptions: Sequence[dict[str, Any]], data: bytes
) -> dict[str, NDArray[numpy.float32]]:
    """Cut the shards' bytes into tensors.

    Args:
        descriptions: of the tensors, in the order in which they lie in the shards.
        data: all shards, one after another.

    Raises:
        WeightsError: the bytes and the manifest do not fit together.
    """
    tensors: dict[str, NDArray[numpy.float32]] = {}
    position = 0
    for name, stored, shape, scale, least in map(_layout, descriptions):
        count = math.prod(shape)
        end = position + count * stored.itemsize
        if end > len(data):
            raise WeightsError(f"the weight shards end within {brief(name)!r}.")
        if name in tensors:
            raise WeightsError(f"the weights manifest has two tensors {brief(name)!r}.")
        values = numpy.frombuffer(data, stored, count, position).reshape(shape)
        with numpy.errstate(all="ignore"):
            if scale is not None:
                # JavaScript's numbers have 64 bits; in 32, features are 5e-5 from TensorFlow.js'.
                values = values.astype(numpy.float64) * scale + least
            tensors[name] = values.astype(numpy.float32)
        position = end
    if position != len(data):
        raise WeightsError(f"the weight shards have {len(data) - position} bytes too many.")
    return tensors


class _Layout(NamedTuple):
    """How a tensor lies in the shards; without a scale its numbers are taken as they are."""

    name: str
    stored: numpy.dtype[Any]
    shape: tuple[int, ...]
    scale: float | None
    least: float


def _layout(tensor: Any) -> _Layout:  # noqa: ANN401 - whatever a file holds
    try:
        name, shape = tensor["name"], tensor["shape"]
        quantization = tensor.get("quantization") or {}
        stored = numpy.dtype(_DTYPES[quantization.get("dtype", tensor["dtype"])])
        scale, least = (quantization.get(key) for key in ("scale", "min"))
    except (KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"the weights manifest is not understood ({brief(error)}).") from error
    is_shape = isinstance(shape, list) and all(type(side) is int and side > 0 for side in shape)
    if not isinstance(name, str) or not is_shape or len(shape) > _MOST_DIMENSIONS:
        raise WeightsError(
            f"the weights manifest gives {brief(name)} a name or a shape that cannot be."
        )
    if (scale, least) == (None, None):
        return _Layout(name, stored, tuple(shape), None, 0.0)
    return _Layout(name, stored, tuple(shape), _finite(scale, name), _finite(least, name))


def _finite(value: object, name: str) -> float:
    if not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise WeightsError(
            f"the weights manifest gives {brief(name)!r} a scale or a min that is not finite."
        )
    return float(value)
