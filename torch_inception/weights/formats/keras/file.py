"""Keras' Inception-v3 in a `.weights.h5`, a legacy `.h5` or a `.keras` file."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.keras.config import LayerConfig, input_scale, layers_of
from torch_inception.weights.formats.keras.hdf5 import (
    dataset,
    entries,
    entry,
    is_group,
    opened,
    text,
    texts,
)
from torch_inception.weights.formats.keras.layers import (
    KerasLayer,
    Stored,
    make_keras_weights,
    to_torchvision_names,
)
from torch_inception.weights.formats.local_file import read_whole
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

_IN_ARCHIVE = ("config.json", "model.weights.h5")
"""What a `.keras` file, which is a zip archive, has for us."""


def load(path: Path) -> Weights:
    """Return the weights in a file of Keras' `InceptionV3`, or of a model made of it.

    What a model has after its 2048 features is left out, unless it is one fully connected layer
    for ImageNet's 1000 classes.

    Raises:
        WeightsError: there is no such file, it holds another network, or is damaged.
    """
    content = read_whole(path)
    try:
        is_archive = content.startswith(b"PK")
        state, scale = _read_archive(content) if is_archive else _read_hdf5(content)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return make_keras_weights(state, scale, path, lineage="Keras")


def _read_hdf5(content: bytes) -> tuple[dict[str, Any], Scale]:
    with opened(content) as root:
        config = text(root, "model_config")
        # A file of weights alone says nothing of the layers before the network.
        layers = _read_config(config) if config is not None else []
        return to_torchvision_names(_layers(root)), input_scale(layers)


def _read_archive(content: bytes) -> tuple[dict[str, Any], Scale]:
    """Read a `.keras` file: a zip archive of a configuration and a `.weights.h5`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {name: archive.read(name) for name in _IN_ARCHIVE if name in archive.namelist()}
    except Exception as error:  # whatever a damaged archive makes zipfile raise
        raise WeightsError(f"it is not a whole .keras file ({brief(error)}).") from error
    for name in _IN_ARCHIVE:
        if name not in found:
            raise WeightsError(f"it has no {name}: it is not a .keras file.")
    config, weights = (found[name] for name in _IN_ARCHIVE)
    scale = input_scale(_read_config(config))
    with opened(weights) as root:
        return to_torchvision_names(_layers(root)), scale


def _read_config(content: str | bytes) -> list[LayerConfig]:
    try:
        return layers_of(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"its configuration is not JSON ({brief(error)}).") from error


def _layers(root: Any) -> Iterator[KerasLayer]:  # noqa: ANN401 - h5py has no types
    """Yield the layers that have tensors, in the model's order."""
    group = entry(root, "model_weights") if "model_weights" in entries(root) else root
    listed = texts(group, "layer_names")
    if listed is None:
        yield from _numbered_layers(group)
        return
    for name in listed:
        yield from _named_layers(entry(group, name), name)


def _named_layers(group: Any, name: str) -> Iterator[KerasLayer]:  # noqa: ANN401 - as above
    """Yield a legacy file's layer, or the layers of a model in its place.

    A model's tensors are listed layer by layer, those that are not trained after all others.
    """
    layers: dict[str, dict[str, Stored]] = {}
    for path in texts(group, "weight_names") or ():
        prefix, _, last = path.rpartition("/")
        part = last.partition(":")[0]
        if part in layers.setdefault(prefix, {}):
            raise WeightsError(f"there are two tensors {brief(f'{prefix}/{part}')!r}.")
        layers[prefix][part] = dataset(group, path)
    for prefix, tensors in layers.items():
        yield KerasLayer(prefix or name, tensors)


def _numbered_layers(group: Any) -> Iterator[KerasLayer]:  # noqa: ANN401 - as above
    """Yield the layers of a Keras 3 file, which numbers a model's layers of a kind in its order."""
    own: list[str] = []
    # A network within the model comes before the head that somebody gave it.
    for name in entries(group):
        if _kind(name) in _VARIABLES:
            own.append(name)
        elif is_group(found := entry(group, name)):
            yield from _numbered_layers(found)
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
