"""Keras' Inception-v3 in a `.weights.h5`, a legacy `.h5` or a `.keras` file."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.keras.archive import read_archive
from torch_inception.weights.formats.keras.attributes import names, text
from torch_inception.weights.formats.keras.config import LayerConfig, input_scale, layers_of
from torch_inception.weights.formats.keras.hdf5 import (
    ENTRY_LIMIT,
    OpenFile,
    address,
    dataset,
    entries,
    entry,
    is_group,
    opened,
)
from torch_inception.weights.formats.keras.layers import (
    KerasLayer,
    Stored,
    make_keras_weights,
    to_torchvision_names,
)
from torch_inception.weights.formats.local_file import read_whole, require_file
from torch_inception.weights.record import Scale

_VARIABLES: dict[str, dict[int, tuple[str, ...]]] = {
    "conv2d": {1: ("kernel",), 2: ("kernel", "bias")},
    "batch_normalization": {
        3: ("beta", "moving_mean", "moving_variance"),
        4: ("gamma", "beta", "moving_mean", "moving_variance"),
    },
    "dense": {1: ("kernel",), 2: ("kernel", "bias")},
}
"""What a layer's variables 0, 1, ... are in Keras 3's files, by their number."""

UNPACKED_LIMIT = 320 * 2**20
"""Bytes of the largest HDF5 file; Inception-v3 with Adam's state has 290 million."""


def load(path: Path) -> Weights:
    """Return the weights in a file of Keras' `InceptionV3`, or of a model made of it.

    What a model has after its 2048 features is left out, unless it is one fully connected layer
    for ImageNet's 1000 classes.

    Raises:
        WeightsError: there is no such file, it holds another network, or is damaged.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            is_archive = file.read(2) == b"PK"
        state, scale = _read_archive(path) if is_archive else _read_hdf5(path)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
    return make_keras_weights(state, scale, path, lineage="Keras")


def _read_hdf5(path: Path) -> tuple[dict[str, Any], Scale]:
    with opened(read_whole(path, UNPACKED_LIMIT)) as file:
        config = text(file, "model_config")
        # A file of weights alone says nothing of the layers before the network.
        layers = _read_config(config) if config is not None else []
        return to_torchvision_names(_layers(file)), input_scale(layers)


def _read_archive(path: Path) -> tuple[dict[str, Any], Scale]:
    config, weights = read_archive(path, UNPACKED_LIMIT)
    scale = input_scale(_read_config(config))
    with opened(weights) as file:
        return to_torchvision_names(_layers(file)), scale


def _read_config(content: str | bytes) -> list[LayerConfig]:
    try:
        return layers_of(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"its configuration is not JSON ({brief(error)}).") from error


def _layers(file: OpenFile) -> Iterator[KerasLayer]:
    """Yield the layers that have tensors, in the model's order."""
    root = file.root
    group = entry(root, "model_weights") if "model_weights" in entries(root) else root
    listed = names(group, "layer_names", file.longest)
    if listed is None:
        yield from _numbered_layers(group, set())
        return
    if len(set(listed)) < len(listed):
        raise WeightsError("it lists a layer twice.")
    count = 0
    for name in listed:
        for layer in _named_layers(entry(group, name), name, file.longest):
            count += len(layer.tensors)
            if count > ENTRY_LIMIT:
                raise WeightsError(f"it lists over {ENTRY_LIMIT} tensors.")
            yield layer


def _named_layers(
    group: Any,  # noqa: ANN401 - h5py has no types
    name: str,
    longest: int,
) -> Iterator[KerasLayer]:
    """Yield a legacy file's layer, or the layers of a model in its place.

    A model's tensors are listed layer by layer, those that are not trained after all others.
    """
    layers: dict[str, dict[str, Stored]] = {}
    for path in names(group, "weight_names", longest) or ():
        prefix, _, last = path.rpartition("/")
        part = last.partition(":")[0]
        if part in layers.setdefault(prefix, {}):
            raise WeightsError(f"there are two tensors {brief(f'{prefix}/{part}')!r}.")
        layers[prefix][part] = dataset(group, path)
    for prefix, tensors in layers.items():
        yield KerasLayer(prefix or name, tensors)


def _numbered_layers(
    group: Any,  # noqa: ANN401 - as above
    seen: set[int],
) -> Iterator[KerasLayer]:
    """Yield the layers of a Keras 3 file, which numbers a model's layers of a kind in its order."""
    if address(group) in seen:
        raise WeightsError(f"the group {brief(group.name)!r} is there twice.")
    seen.add(address(group))
    own: list[str] = []
    # A network within the model comes before the head that somebody gave it.
    for name in entries(group):
        if _kind(name) in _VARIABLES:
            own.append(name)
        elif is_group(found := entry(group, name)):
            yield from _numbered_layers(found, seen)
    for name in own:
        variables = entry(entry(group, name), "vars")
        yield _numbered_layer(variables, name, _VARIABLES[_kind(name)])


def _kind(name: str) -> str:
    return re.sub("_[0-9]+$", "", name)


def _numbered_layer(
    group: Any,  # noqa: ANN401 - as above
    name: str,
    known: Mapping[int, Sequence[str]],
) -> KerasLayer:
    numbers = entries(group)
    if len(numbers) not in known or numbers != [str(place) for place in range(len(numbers))]:
        wanted = " or ".join(map(str, known))
        raise WeightsError(
            f"the layer {name!r} has the tensors {brief(numbers)}; {wanted} are wanted, "
            "numbered from 0."
        )
    parts = known[len(numbers)]
    return KerasLayer(
        name, {part: dataset(group, place) for part, place in zip(parts, numbers, strict=True)}
    )
