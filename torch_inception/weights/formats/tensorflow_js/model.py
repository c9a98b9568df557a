"""A TensorFlow.js layers model in a folder or a package: `model.json` and its shards."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.keras.layers import (
    KerasLayer,
    make_keras_weights,
    to_torchvision_names,
)
from torch_inception.weights.formats.local_file import read_whole
from torch_inception.weights.formats.tarball import (
    UNPACKED_LIMIT,
    leads_outside,
    list_names,
    read_files,
)
from torch_inception.weights.formats.tensorflow_js.tensors import read_layers, read_manifest
from torch_inception.weights.record import Scale

MODEL = "model.json"

MODEL_LIMIT = 8 * 2**20
"""Bytes of the longest model.json; that of Inception-v3 has some 300 thousand."""


def load(path: Path) -> Weights:
    """Return the weights of a layers model that was made of Keras' Inception-v3.

    Args:
        path: a folder with a `model.json`, that file itself, or a gzipped tar archive that has
            one. What the model has after its 2048 features is left out, unless it is one fully
            connected layer for ImageNet's 1000 classes.

    Raises:
        WeightsError: there is no such model, it is another network, or damaged.
    """
    # The record names the file: a folder's name alone does not tell what is in it.
    if os.path.isdir(path):  # noqa: PTH112 - takes any text
        if not os.path.lexists(path / MODEL):
            raise WeightsError(
                f"the folder {path} has no {MODEL}: it is no TensorFlow.js layers model. Of other "
                "folders, name the file of weights."
            )
        path = path / MODEL
    is_unpacked = path.suffix == ".json"
    content = read_whole(path, MODEL_LIMIT if is_unpacked else UNPACKED_LIMIT)
    try:
        layers, scale = _in_folder(path.parent, content) if is_unpacked else _in_package(content)
        state = to_torchvision_names(layers)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return make_keras_weights(state, scale, path, lineage="TensorFlow.js")


def _in_folder(folder: Path, model: bytes) -> tuple[list[KerasLayer], Scale]:
    def read(names: Sequence[str]) -> list[bytes]:
        contents: list[bytes] = []
        left = UNPACKED_LIMIT
        for name in names:
            contents.append(read_whole(_within(folder, name), left))
            left -= len(contents[-1])
        return contents

    return _layers(model, read)


def _within(folder: Path, name: str) -> Path:
    """Return the file of a name in a folder; a link must not lead outside either."""
    file = Path(os.path.realpath(folder / name))
    if not file.is_relative_to(os.path.realpath(folder)):
        raise WeightsError(f"the shard {brief(name)!r} leads outside the folder.")
    return file


def _in_package(tarball: bytes) -> tuple[list[KerasLayer], Scale]:
    models = [name for name in list_names(tarball) if PurePosixPath(name).name == MODEL]
    if len(models) != 1:
        raise WeightsError(f"the package has {len(models)} files {MODEL}; one is wanted.")
    folder = PurePosixPath(models[0]).parent

    def read(names: Sequence[str]) -> list[bytes]:
        return read_files(tarball, [str(folder / name) for name in names])

    [model] = read_files(tarball, models)
    return _layers(model, read)


def _layers(
    content: bytes, read: Callable[[Sequence[str]], list[bytes]]
) -> tuple[list[KerasLayer], Scale]:
    """Read the model's JSON, then its shards by their paths relative to it."""
    try:
        model = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{MODEL} is not JSON ({brief(error)}).") from error
    paths = read_manifest(model).paths
    for path in paths:
        is_name = isinstance(path, str) and path and path.isprintable()
        if not is_name or leads_outside(path):
            raise WeightsError(f"the shard {brief(path)!r} is no path within the folder.")
    if len(set(paths)) < len(paths):
        raise WeightsError("the weights manifest names a shard twice.")
    return read_layers(model, b"".join(read(paths)))
