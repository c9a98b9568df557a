"""Keras' Inception-v3 in a `.weights.h5`, a legacy `.h5` or a `.keras` file."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.text import brief
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.keras.config import LayerConfig, input_scale, layers_of
from torch_inception.weights.keras.hdf5 import (
    address,
    dataset,
    entries,
    entry,
    is_group,
    opened,
    texts,
)
from torch_inception.weights.keras.layers import KerasLayer, Stored, to_torchvision_names
from torch_inception.weights.local_file import require_file
from torch_inception.weights.record import Scale
from torch_inception.weights.tarball import leads_outside

_VARIABLES: dict[str, dict[int, tuple[str, ...]]] = {
    "conv2d": {1: ("kernel",), 2: ("kernel", "bias")},
    "batch_normalization": {
        3: ("beta", "moving_mean", "moving_variance"),
        4: ("gamma", "beta", "moving_mean", "moving_variance"),
    },
    "dense": {1: ("kernel",), 2: ("kernel", "bias")},
}
"""What a layer's variables 0, 1, ... are in Keras 3's files, by their number."""

CONFIG_LIMIT = 2**23
"""Bytes of the longest config.json; that of Inception-v3 has some 300 thousand."""

UNPACKED_LIMIT = 2**29
"""Bytes of the largest file within a `.keras`; Inception-v3 with Adam's state has 290 million."""


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
    return make_weights(
        state,
        source=str(path.absolute()),
        version=path.name,
        pooling="tensorflow",
        scale=scale,
        lineage="Keras",
    )


def _read_hdf5(path: Path) -> tuple[dict[str, Any], Scale]:
    with opened(path) as root:
        config = texts(root, "model_config")
        # A file of weights alone says nothing of the layers before the network.
        layers = _read_config("".join(config)) if config else []
        return to_torchvision_names(_layers(root)), input_scale(layers)


def _read_archive(path: Path) -> tuple[dict[str, Any], Scale]:
    """Read a `.keras` file: a zip archive of a configuration and a `.weights.h5`."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if leads_outside(name):
                    raise WeightsError(f"its entry {brief(name)!r} leads outside it.")
            config = _unpack(archive, "config.json", CONFIG_LIMIT)
            weights = _unpack(archive, "model.weights.h5", UNPACKED_LIMIT)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise WeightsError(f"it is not a whole .keras file ({brief(error)}).") from error
    scale = input_scale(_read_config(config))
    with opened(weights) as root:
        return to_torchvision_names(_layers(root)), scale


def _unpack(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    if name not in archive.namelist():
        raise WeightsError(f"it has no {name}: it is not a .keras file.")
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise WeightsError(f"its {name} unpacks to over {limit // 2**20} MiB.")
    return content


def _read_config(text: str | bytes) -> list[LayerConfig]:
    try:
        return layers_of(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"its configuration is not JSON ({brief(error)}).") from error


def _layers(root: Any) -> Iterator[KerasLayer]:  # noqa: ANN401 - h5py has no types
    """Yield the layers that have tensors, in the model's order."""
    group = entry(root, "model_weights") if "model_weights" in entries(root) else root
    names = texts(group, "layer_names")
    if names is None:
        yield from _numbered_layers(group, set())
        return
    for name in names:
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
