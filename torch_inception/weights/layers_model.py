"""A TensorFlow.js layers model in a folder or a package: `model.json` and its shards."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from torch_inception.errors import WeightsError
from torch_inception.text import brief
from torch_inception.weights.keras_layers import KerasLayer, to_torchvision_names
from torch_inception.weights.record import Weights, make_weights
from torch_inception.weights.tarball import UNPACKED_LIMIT, leads_outside, list_names, read_files
from torch_inception.weights.tensorflow_js import read_layers, read_manifest

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
    # Unlike Path's, these take any text, folders that may not be looked into, and links in circles.
    path = path / MODEL if os.path.isdir(path) else path  # noqa: PTH112
    if not os.path.isfile(path):  # noqa: PTH113
        raise WeightsError(f"there is no file {path}. Check the path in --weights.")
    try:
        layers = _in_folder(path) if path.suffix == ".json" else _in_package(path)
        state = to_torchvision_names(layers)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
    return make_weights(state, source=str(path.absolute()), version=path.name, pooling="tensorflow")


def _in_folder(path: Path) -> list[KerasLayer]:
    def read(names: Sequence[str]) -> list[bytes]:
        files = [_within(path.parent, name) for name in names]
        if sum(file.stat().st_size for file in files) > UNPACKED_LIMIT:
            raise WeightsError(f"the shards have over {UNPACKED_LIMIT // 2**20} MiB.")
        return [file.read_bytes() for file in files]

    return _layers(_read_bounded(path, MODEL_LIMIT), read)


def _within(folder: Path, name: str) -> Path:
    """Find a regular file in a folder; a link must not lead outside either."""
    file = Path(os.path.realpath(folder / name))
    if not file.is_relative_to(os.path.realpath(folder)):
        raise WeightsError(f"the shard {brief(name)!r} leads outside the folder.")
    if not os.path.isfile(file):  # noqa: PTH113
        raise WeightsError(f"there is no shard {brief(name)!r}.")
    return file


def _in_package(path: Path) -> list[KerasLayer]:
    tarball = _read_bounded(path, UNPACKED_LIMIT)
    models = [name for name in list_names(tarball) if PurePosixPath(name).name == MODEL]
    if len(models) != 1:
        raise WeightsError(f"the package has {len(models)} files {MODEL}; one is wanted.")
    folder = PurePosixPath(models[0]).parent

    def read(names: Sequence[str]) -> list[bytes]:
        return read_files(tarball, [str(folder / name) for name in names])

    [model] = read_files(tarball, models)
    return _layers(model, read)


def _layers(content: bytes, read: Callable[[Sequence[str]], list[bytes]]) -> list[KerasLayer]:
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


def _read_bounded(path: Path, limit: int) -> bytes:
    if path.stat().st_size > limit:
        raise WeightsError(f"{path.name} has over {limit // 2**20} MiB.")
    return path.read_bytes()
