"""Weights from TensorFlow.js beside TensorFlow.js itself, in Node.js."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from numpy.typing import NDArray

from tests.parity.conftest import Answers, Compare, answers_of, require_caught
from tests.parity.drawings import Pixels, draw_images
from torch_inception.network import LAST_LAYER_SIZE
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.tensorflow_js.tensors import read_manifest, read_tensors
from torch_inception.weights.load import load_weights
from torch_inception.weights.sources import npm

pytestmark = [pytest.mark.parity, pytest.mark.timeout(900)]

RUNTIME = "TensorFlow.js (Node.js, WebAssembly)"
SCRIPT = Path(__file__).parent / "tensorflow_js_peer.js"
MODULES = Path(__file__).parent / "node_modules"
STORED = {"float32": "<f4", "float16": "<f2", "uint16": "<u2"}

Arrays = dict[str, NDArray[numpy.float32]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of models, each a folder with what TensorFlow.js answers to the images.

    `uint8` is the package's own; the others are made of it, quantised otherwise.
    """
    if shutil.which("node") is None or not MODULES.exists():
        pytest.skip("TensorFlow.js is not installed: npm install --prefix tests/parity")
    folder = tmp_path_factory.mktemp("tensorflow_js")
    call("unwrap", MODULES / "nsfwjs/dist/models/inception_v3", folder / "uint8")
    for dtype in STORED:
        quantise(folder, dtype)
    (folder / "images.u8").write_bytes(draw_images().tobytes())
    call("run", folder / "images.u8", *(folder / dtype for dtype in ("uint8", *STORED)))
    return folder


def call(*arguments: str | Path) -> None:
    command = ["node", str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def read(folder: Path) -> tuple[Any, Arrays]:
    """Read a model's JSON and its tensors."""
    model = json.loads((folder / "model.json").read_text())
    manifest = read_manifest(model)
    data = b"".join((folder / path).read_bytes() for path in manifest.paths)
    tensors = read_tensors(manifest.tensors, data)
    return model, {name: tensor[...] for name, tensor in tensors.items()}


def quantise(folder: Path, dtype: str) -> None:
    """Write the package's model again with other numbers, in one shard."""
    model, arrays = read(folder / "uint8")
    pieces: list[bytes] = []
    for tensor in model["weightsManifest"][0]["weights"]:
        # What 8 bits cannot hold, so that it would be seen if it were lost.
        array = arrays[tensor["name"]] * numpy.float32(1.001)
        del tensor["quantization"]
        if dtype != "float32":
            tensor["quantization"] = {"dtype": dtype, "original_dtype": "float32"}
        if dtype == "uint16":
            least, most = float(array.min()), float(array.max())
            scale = max(most - least, 1e-6) / 65535
            tensor["quantization"] |= {"scale": scale, "min": least}
            array = ((array - least) / scale).round().clip(0, 65535)
        pieces.append(array.astype(STORED[dtype]).tobytes())
    model["weightsManifest"][0]["paths"] = ["all.bin"]
    (folder / dtype).mkdir()
    (folder / dtype / "model.json").write_text(json.dumps(model))
    (folder / dtype / "all.bin").write_bytes(b"".join(pieces))


def check(lineage: str, weights: Weights, folder: Path, images: Pixels, compare: Compare) -> None:
    """Compare features, and the probabilities that the package's own top makes of them.

    Its last layer ends in softmax, so TensorFlow.js tells no logits.
    """
    features = answers_of(weights, images).features
    _, arrays = read(folder)
    values = features[:, -LAST_LAYER_SIZE:]
    for layer in ("dense_1", "dense_2", "dense_3"):
        logits = values @ arrays[f"{layer}/kernel"] + arrays[f"{layer}/bias"]
        values = logits.clip(0)
    ours = Answers(features, probabilities=torch.from_numpy(logits).softmax(dim=1).numpy())
    compare(lineage, RUNTIME, ours=ours, theirs=their_answers(folder))


def their_answers(folder: Path) -> Answers:
    features, probabilities = (
        numpy.fromfile(folder / f"{name}.f32", "<f4").reshape(8, -1)
        for name in ("features", "probabilities")
    )
    return Answers(features, probabilities=probabilities)


def test_the_wrong_pooling_is_caught(models: Path, images: Pixels) -> None:
    wrong = load_weights(str(models / "uint8"), pooling="torchvision")
    theirs = Answers(their_answers(models / "uint8").features)
    require_caught(answers_of(wrong, images), theirs)


def test_npms_package_answers_as_in_tensorflow_js(
    models: Path,
    images: Pixels,
    compare: Compare,
    real_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    weights = load_weights(npm.SOURCE)
    check("`npm:nsfwjs`", weights, models / "uint8", images, compare)
    # The package's modules are only another wrapping of the same folder.
    again = load_weights(str(models / "uint8"))
    assert again.record.fingerprint == weights.record.fingerprint


@pytest.mark.parametrize("dtype", STORED)
def test_a_folder_answers_as_in_tensorflow_js(
    dtype: str, models: Path, images: Pixels, compare: Compare
) -> None:
    weights = load_weights(str(models / dtype))
    assert weights.classifier is None
    check(f"TensorFlow.js, {dtype}", weights, models / dtype, images, compare)
