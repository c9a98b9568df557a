"""Files as Keras and TensorFlow.js write them, with tensors that tell where they belong."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from numpy.typing import NDArray

from torch_inception.network import empty_network

KERAS_ORDER = [
    0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11, 15, 13, 16, 12, 14, 17, 18, 22, 20, 23, 19, 21, 24, 25,
    27, 28, 26, 29, 34, 35, 31, 36, 32, 37, 30, 33, 38, 39, 44, 45, 41, 46, 42, 47, 40, 43, 48, 49,
    54, 55, 51, 56, 52, 57, 50, 53, 58, 59, 64, 65, 61, 66, 62, 67, 60, 63, 68, 69, 72, 73, 70, 74,
    71, 75, 80, 77, 81, 78, 79, 82, 83, 76, 84, 89, 86, 90, 87, 88, 91, 92, 85, 93,
]  # fmt: skip
"""Convolutions in the order of Keras' layers, by the order in which they are created: the numbers
in `[layer.name for layer in keras.applications.InceptionV3(weights=None).layers]`, Keras 3.15."""

STEP = 0.5
"""All values are multiples of it, so that 8 bits and 16 hold them exactly."""


class Layer(NamedTuple):
    kind: str
    name: str
    tensors: dict[str, NDArray[numpy.float32]]


def inception(*, first: int = 0, gamma: bool = False, top: int | None = None) -> list[Layer]:
    """Make the layers of an Inception-v3, in Keras' order.

    The tensors of the convolution that is created as number n (from 0) are filled with n, and
    those of its batch normalisation with n + 0.5 and so on (see `check_state`).

    Args:
        first: number of the first automatic name: what the process had built before.
        gamma: whether batch normalisation has a scale.
        top: classes of a fully connected layer at the end.
    """
    units = [unit for _, unit in empty_network(pooling="tensorflow").convolutions()]
    layers: list[Layer] = []
    for n in KERAS_ORDER:
        unit, suffix = units[n], f"_{n + first}" if n + first else ""
        shape = (*unit.kernel_size, unit.in_channels, unit.out_channels)
        layers.append(Layer("Conv2D", f"conv2d{suffix}", {"kernel": filled(shape, n)}))
        parts: dict[str, float] = {"gamma": n + 2} if gamma else {}
        parts |= {"beta": n, "moving_mean": n + 0.5, "moving_variance": n + 1}
        tensors = {part: filled((unit.out_channels,), value) for part, value in parts.items()}
        layers.append(Layer("BatchNormalization", f"batch_normalization{suffix}", tensors))
    if top:
        kernel, bias = filled((2048, top), 3), filled((top,), 4)
        layers.append(Layer("Dense", "predictions", {"kernel": kernel, "bias": bias}))
    return layers


def filled(shape: tuple[int, ...], value: float) -> NDArray[numpy.float32]:
    """Make a tensor of one value that takes no memory, whatever its shape."""
    return numpy.broadcast_to(numpy.float32(value), shape)


def check_state(state: Mapping[str, torch.Tensor], *, gamma: bool = False) -> None:
    """Check that every tensor of `inception` arrived under the right name."""
    for n, (name, _) in enumerate(empty_network(pooling="tensorflow").convolutions()):
        wanted = {
            "conv.weight": n, "bn.weight": n + 2 if gamma else 1, "bn.bias": n,
            "bn.running_mean": n + 0.5, "bn.running_var": n + 1,
        }  # fmt: skip
        for part, value in wanted.items():
            assert (state[f"{name}.{part}"] == value).all(), f"{name}.{part}"


def configuration(
    layers: list[Layer], *, epsilon: float = 1e-3, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the configuration of a model, as Keras writes it.

    Args:
        layers: of the network.
        epsilon: of its batch normalisations.
        before: kind -> settings of layers before it.
    """
    configs = [{"class_name": "InputLayer", "config": {"name": "input_1"}}]
    for kind, options in (before or {}).items():
        configs.append({"class_name": kind, "config": {"name": kind.lower(), **options}})
    for kind, name, _ in layers:
        settings = {"name": name, "epsilon": epsilon} if kind.startswith("B") else {"name": name}
        configs.append({"class_name": kind, "config": settings})
    return {"class_name": "Functional", "config": {"name": "inception_v3", "layers": configs}}


def write_tensorflow_js(folder: Path, layers: list[Layer], *, dtype: str) -> dict[str, Any]:
    """Write a layers model, its manifest sorted by name; return the model's JSON."""
    stored = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}[dtype]
    quantization = {"dtype": dtype, "original_dtype": "float32"}
    scale, least = 1.0, 0.0
    if dtype.startswith("uint"):
        scale, least = STEP, -1.0
        quantization |= {"scale": scale, "min": least}  # type: ignore[dict-item]
    named = {
        f"{layer.name}/{part}": array for layer in layers for part, array in layer.tensors.items()
    }
    described: list[dict[str, Any]] = []
    pieces: list[bytes] = []
    for name, array in sorted(named.items()):
        described.append({"name": name, "shape": list(array.shape), "dtype": "float32"})
        if dtype != "float32":
            described[-1]["quantization"] = quantization
        pieces.append(((array - least) / scale).astype(stored).tobytes())
    data = b"".join(pieces)
    paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
    model = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.2.4", "model_config": configuration(layers)},
        "weightsManifest": [{"paths": paths, "weights": described}],
    }
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(model))
    (folder / paths[0]).write_bytes(data[:1_000_001])
    (folder / paths[1]).write_bytes(data[1_000_001:])
    return model


def numbered(layers: list[Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield (the name of a layer's group in a Keras 3 file, layer): counted a kind, from 0."""
    kinds = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}
    counts = dict.fromkeys(kinds, 0)
    for layer in layers:
        number = counts[layer.kind]
        counts[layer.kind] += 1
        yield f"{kinds[layer.kind]}_{number}" if number else kinds[layer.kind], layer
