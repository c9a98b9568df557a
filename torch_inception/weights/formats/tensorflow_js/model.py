"""A TensorFlow.js layers model in a folder or a package: `model.json` and its shards."""

import io
import json
import os
import tarfile
from collections.abc import Callable
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
from torch_inception.weights.formats.tensorflow_js.tensors import read_layers, read_manifest
from torch_inception.weights.record import Scale

MODEL = "model.json"


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
                f"the folder {path} has no {MODEL}: it is not a TensorFlow.js layers model. "
                "Of other folders, name the file of weights."
            )
        path = path / MODEL
    content = read_whole(path)
    try:
        is_unpacked = path.suffix == ".json"
        layers, scale = _in_folder(path.parent, content) if is_unpacked else _in_package(content)
        state = to_torchvision_names(layers)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return make_keras_weights(state, scale, path, lineage="TensorFlow.js")


def read_package(content: bytes) -> dict[str, bytes]:
    """Return the regular files in a gzipped tar archive, by name. Nothing is written to disk.

    Raises:
        WeightsError: it is not such an archive, or damaged.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                if member.isreg() and (file := archive.extractfile(member)):
                    files[member.name] = file.read()
    except Exception as error:  # whatever a damaged archive makes tarfile and gzip raise
        raise WeightsError(f"the package is not a whole tar archive ({brief(error)}).") from error
    return files


def _in_folder(folder: Path, model: bytes) -> tuple[list[KerasLayer], Scale]:
    return _layers(model, lambda shard: read_whole(_within(folder, shard)))


def _within(folder: Path, name: str) -> Path:
    """Return the file of a name in a folder; neither the name nor a link may lead outside."""
    try:
        file = Path(os.path.realpath(folder / name))
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"the shard {brief(name)!r} has no name that a file can have."
        ) from error
    if not file.is_relative_to(os.path.realpath(folder)):
        raise WeightsError(f"the shard {brief(name)!r} leads outside the folder.")
    return file


def _in_package(content: bytes) -> tuple[list[KerasLayer], Scale]:
    files = read_package(content)
    models = [name for name in files if PurePosixPath(name).name == MODEL]
    if len(models) != 1:
        raise WeightsError(f"the package has {len(models)} files {MODEL}; one is wanted.")

    def read(shard: str) -> bytes:
        # Paths are relative to the model.
        name = f"{models[0].removesuffix(MODEL)}{shard}"
        if name not in files:
            raise WeightsError(f"the package has no file {brief(name)}.")
        return files[name]

    return _layers(files[models[0]], read)


def _layers(content: bytes, read: Callable[[str], bytes]) -> tuple[list[KerasLayer], Scale]:
    """Read the model's JSON, then its shards by their paths."""
    try:
        model = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{MODEL} is not JSON ({brief(error)}).") from error
    return read_layers(model, b"".join(map(read, read_manifest(model).paths)))
