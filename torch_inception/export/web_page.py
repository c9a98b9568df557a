"""The files of a page that names images in the visitor's browser, besides its model."""

import hashlib
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from torch_inception.answers.accuracy import accuracy_when_trained
from torch_inception.classifier.model_file import Model
from torch_inception.config import ExportConfig
from torch_inception.errors import ConfigError
from torch_inception.export.browser_runtime import PACKAGE, RUNTIME_FILES
from torch_inception.export.metadata import facts
from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.system.write import write_json

MODEL_FILE = "model.onnx"
METADATA_FILE = "metadata.json"

PAGE = Path(__file__).parents[1] / "page"
"""Folder of the page, which the HTTP service has, too."""

INDEX = "index.html"

_STATIC_FILES = (
    "style.css", "page.js", "queue.js", "camera.js", "card.js", "overlay.js", "text.js",
    "runtime.js", "runtime_worker.js", "pixels.js",
)  # fmt: skip

_STATIC = "static"
"""Folder of what the page needs; the service has it under the same name."""

_RUNTIME_PATHS = {name: f"{_STATIC}/{name}" for name in RUNTIME_FILES}

WEB_FILES = (
    MODEL_FILE, METADATA_FILE, *_RUNTIME_PATHS.values(),
    *(f"{_STATIC}/{name}" for name in _STATIC_FILES), INDEX,
)  # fmt: skip
"""All files of the folder; the page that is opened comes last."""

_SOURCE = (b'src="static/service.js"', b'src="static/runtime.js"')
"""Where the page has its answers from: the service, and here the browser."""


def check_model(model: Model) -> None:
    """Do nothing if browsers can give a model what it takes.

    Raises:
        ConfigError: it takes values of more than 8 bits.
    """
    if model.preprocessing.value_range is not None:
        raise ConfigError(
            "the model takes images of more than 8 bits, by a fixed range of values, and browsers "
            "read 8 bits. Train with --intensity image, or use --format onnx."
        )


def write_page(
    folder: Path, model: Model, runtime: Mapping[str, bytes], config: ExportConfig, *, name: str
) -> None:
    """Write all of `WEB_FILES` into a folder that has the model's file.

    Args:
        folder: where they go.
        model: the classifier's.
        runtime: of `load_browser_runtime`.
        config: with the precision of the file.
        name: what the page calls the model.

    Raises:
        OSError: they cannot be written.
    """
    index = (PAGE / INDEX).read_bytes()
    assert index.count(_SOURCE[0]) == 1
    (folder / INDEX).write_bytes(index.replace(*_SOURCE))
    (folder / _STATIC).mkdir()
    for each in _STATIC_FILES:
        shutil.copyfile(PAGE / each, folder / _STATIC / each)
    for each, content in runtime.items():
        (folder / _RUNTIME_PATHS[each]).write_bytes(content)
    write_json(folder / METADATA_FILE, _metadata(folder, model, config, name=name))


def _metadata(folder: Path, model: Model, config: ExportConfig, *, name: str) -> dict[str, object]:
    """Return what Teachable Machine's `metadata.json` has, and under `userMetadata` the rest."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    accuracy = accuracy_when_trained(model.training)
    about = {
        **facts(model),
        "accuracy": accuracy.share,
        "accuracy_of": accuracy.of,
        "accuracy_n": accuracy.images,
        "shorter_side": model.preprocessing.shorter_side,
        "precision": config.precision,
        "runtime": f"{PACKAGE.name} {PACKAGE.version} (MIT)",
        "files": {each: _file(folder / each) for each in (MODEL_FILE, *_RUNTIME_PATHS.values())},
    }
    return {
        "modelName": name,
        "labels": list(model.labels),
        "imageSize": IMAGE_SIZE,
        "timeStamp": now,
        "userMetadata": about,
    }


def _file(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
