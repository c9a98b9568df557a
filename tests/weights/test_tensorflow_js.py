"""The reader of TensorFlow.js models: tensors worked out by hand, and whole models."""

import base64
import json
import os
import re
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.weights.keras_models import check_state, inception, write_tensorflow_js
from torch_inception.errors import ConfigError, WeightsError
from torch_inception.weights.formats.tensorflow_js.minified import read_model, read_shard
from torch_inception.weights.formats.tensorflow_js.tensors import read_manifest, read_tensors
from torch_inception.weights.load import is_source_of_record, load_weights

Json = dict[str, Any]

MODULE = (
    'n.exports={modelTopology:{layers:[{name:"a:b",trainable:!0}]},weightsManifest:[{paths:["s1"],'
    'weights:[{name:"k/kernel",shape:[2,2],dtype:"float32",quantization:{min:-1.5,scale:.5,'
    'dtype:"uint8"}},{name:"k/bias",shape:[2],dtype:"float32",tiny:1e-7,flag:!1}]}]}},{}]'
)


def test_a_model_is_read_from_a_javascript_literal() -> None:
    model = read_model(MODULE)
    assert model["modelTopology"] == {"layers": [{"name": "a:b", "trainable": True}]}
    kernel, bias = read_manifest(model).tensors
    assert kernel["quantization"] == {"min": -1.5, "scale": 0.5, "dtype": "uint8"}
    assert bias == {"name": "k/bias", "shape": [2], "dtype": "float32", "tiny": 1e-7, "flag": False}


def test_quantised_values_are_scaled_and_shifted() -> None:
    data = bytes([0, 1, 2, 255]) + struct.pack("<2f", 0.25, -8.0)
    tensors = read_tensors(read_manifest(read_model(MODULE)).tensors, data)
    assert tensors["k/kernel"][...].tolist() == [[-1.5, -1.0], [-0.5, 126.0]]
    assert tensors["k/bias"][...].tolist() == [0.25, -8.0]
    for tensor, shape in ((tensors["k/kernel"], (2, 2)), (tensors["k/bias"], (2,))):
        assert tensor.dtype == tensor[...].dtype == numpy.float32
        assert tensor.shape == tensor[...].shape == shape


def test_values_are_scaled_as_javascript_scales_them() -> None:
    # In 32 bits 3 * 0.1 - 0.3 is -1.2e-8 or 0.
    quantization = {"dtype": "uint8", "scale": 0.1, "min": -0.3}
    tensor = {"name": "k", "shape": [1], "dtype": "float32", "quantization": quantization}
    [value] = read_tensors([tensor], b"\3")["k"][...]
    assert value == numpy.float32(3 * 0.1 - 0.3) == numpy.float32(5.551115123125783e-17)


def test_a_shard_is_the_longest_base64_string() -> None:
    content = bytes(range(200))
    module = f'var a="short";module.exports={{x:"{base64.b64encode(content).decode()}"}}'
    assert read_shard(module) == content


@pytest.mark.parametrize(
    ("data", "reason"), [(b"12", "end within"), (b"1" * 13, "1 bytes too many")]
)
def test_bytes_that_do_not_fit_the_manifest_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        read_tensors(read_manifest(read_model(MODULE)).tensors, data)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "uint16"])
def test_a_folder_is_read_in_the_order_of_its_layers(dtype: str, tmp_path: Path) -> None:
    # Sorted by name, conv2d_100 comes before conv2d_95: neither names nor the manifest tell.
    folder = tmp_path / "model.v1"
    write_tensorflow_js(folder, inception(first=95), dtype=dtype)
    weights = load_weights(str(folder))
    check_state(weights.tensors)
    assert weights.record.pooling == "tensorflow"
    assert weights.record.mean == weights.record.std == (0.5, 0.5, 0.5)
    assert weights.record.source == str(folder / "model.json")
    assert is_source_of_record(weights.record.source)
    assert weights.classifier is None


@pytest.mark.parametrize(("top", "kept"), [(1000, True), (1001, False), (5, False)])
def test_a_top_is_kept_if_it_is_that_of_imagenet(top: int, kept: bool, tmp_path: Path) -> None:
    write_tensorflow_js(tmp_path / "m", inception(gamma=True, top=top), dtype="uint8")
    weights = load_weights(str(tmp_path / "m" / "model.json"))
    check_state(weights.tensors, gamma=True)
    assert (weights.classifier is not None) == kept
    if weights.classifier is not None:
        weight, bias = weights.classifier
        assert weight.shape == (1000, 2048)
        assert (weight == 3).all()
        assert (bias == 4).all()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "package"
    write_tensorflow_js(folder, inception(first=3), dtype="uint8")
    return folder


@pytest.mark.parametrize("ending", [".tgz", ".tar.gz"])
def test_a_package_is_read(ending: str, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / f"model{ending}"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(whole, "package/dist")
    check_state(load_weights(str(path)).tensors)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(whole / "model.json", "model.json")
        archive.add(whole / "model.json", "other/model.json")
    with pytest.raises(WeightsError, match="has 2 files model.json"):
        load_weights(str(path))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(whole / "model.json", "model.json")
        archive.add(whole / "group1-shard1of2.bin", "../group1-shard1of2.bin")
    with pytest.raises(WeightsError, match="the package has no file group1-shard1of2.bin"):
        load_weights(str(path))
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Callable[[Callable[[Json], object]], Path]:
    """Give a function that writes the model again with a change to its JSON."""

    def write(change: Callable[[Json], object]) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        for shard in whole.glob("*.bin"):
            os.link(shard, folder / shard.name)
        model = json.loads((whole / "model.json").read_text())
        change(model)
        (folder / "model.json").write_text(json.dumps(model))
        return folder

    return write


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(str(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b"])
def test_a_shard_outside_the_folder_is_refused(
    path: str, changed: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = changed(lambda model: model["weightsManifest"][0]["paths"].append(path))
    assert f"{path!r} leads outside the folder" in refused(folder)


@pytest.mark.parametrize("path", ["c:\\x", "", None, 7, "\ud800", "\0"])
def test_a_shard_that_cannot_be_a_file_is_refused(
    path: object, changed: Callable[..., Path]
) -> None:
    folder = changed(lambda model: model["weightsManifest"][0]["paths"].append(path))
    assert re.search("name that a file can have|no file|not a regular file", refused(folder))


def test_a_shard_that_is_a_link_to_outside_is_refused(
    changed: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = changed(lambda model: model["weightsManifest"][0]["paths"].append("linked"))
    (folder / "linked").symlink_to(tmp_path / "secret")
    assert "'linked' leads outside the folder" in refused(folder)
    (folder / "linked").unlink()
    (folder / "linked").symlink_to("linked")
    assert "linked. Check the path" in refused(folder)


def layers_in(model: Json) -> list[Json]:
    found: list[Json] = model["modelTopology"]["model_config"]["config"]["layers"]
    return found


def swap(model: Json) -> None:
    layers = layers_in(model)
    layers[1], layers[3] = layers[3], layers[1]


def first(model: Json, name: str) -> Json:
    weights: list[Json] = model["weightsManifest"][0]["weights"]
    return next(each for each in weights if each["name"] == name)


CHANGES: dict[str, tuple[Callable[[Json], object], str]] = {
    "layers in another order": (swap, "'conv2d_4/kernel' has the shape (3, 3, 32, 32)"),
    "a layer too few": (lambda model: layers_in(model).pop(), "model has none"),
    "a layer too many": (
        lambda model: layers_in(model).append({"class_name": "Conv2D", "config": {"name": "x"}}),
        "no tensor of the layer 'x'",
    ),
    "a layer twice": (
        lambda model: layers_in(model).append(layers_in(model)[1]),
        "'conv2d_3/kernel', and Inception-v3 does not",
    ),
    "a tensor renamed": (
        lambda model: first(model, "conv2d_3/kernel").update(name="conv2d_3/bias"),
        "'conv2d_3/bias', and Inception-v3 does not",
    ),
    "a surplus tensor": (
        lambda model: first(model, "batch_normalization_3/beta").update(name="conv2d_3/bias"),
        "'conv2d_3/bias', and Inception-v3 does not",
    ),
    "a tensor gone": (
        lambda model: first(model, "batch_normalization_3/beta").update(
            name="batch_normalization_3/gamma"
        ),
        "no 'batch_normalization_3/beta'",
    ),
    "not finite": (
        lambda model: first(model, "conv2d_3/kernel").update(
            quantization={"dtype": "uint8", "scale": 3e38, "min": 3e38}
        ),
        "'conv2d_3/kernel' holds values that are not finite",
    ),
    "a huge shape": (
        lambda model: first(model, "conv2d_3/kernel").update(shape=[2**40, 2**40]),
        "end within",
    ),
    "another epsilon": (
        lambda model: layers_in(model)[2]["config"].update(epsilon=1e-5), "adds 1e-05"
    ),
    "a shard twice": (
        lambda model: model["weightsManifest"][0]["paths"].append("group1-shard1of2.bin"),
        "bytes too many",
    ),
    "no such shard": (
        lambda model: model["weightsManifest"][0]["paths"].append("none.bin"), "there is no file"
    ),
    "a graph model": (lambda model: model.update(format="graph-model"), "not a layers-model"),
    "no topology": (lambda model: model.pop("modelTopology"), "configuration of the Keras model"),
    "no manifest": (lambda model: model.pop("weightsManifest"), "manifest"),
    "a layer without a name": (lambda model: layers_in(model)[1]["config"].clear(), "'name'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_model_that_is_another_is_refused(kind: str, changed: Callable[..., Path]) -> None:
    change, reason = CHANGES[kind]
    assert reason in refused(changed(change))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 10**6])
def test_a_file_that_is_not_a_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(content)
    assert "JSON" in refused(tmp_path) or "manifest" in refused(tmp_path)


def test_a_model_cut_short_is_refused(changed: Callable[..., Path]) -> None:
    folder = changed(lambda model: None)
    content = (folder / "group1-shard2of2.bin").read_bytes()
    (folder / "group1-shard2of2.bin").unlink()
    (folder / "group1-shard2of2.bin").write_bytes(content[:-1])
    assert "end within" in refused(folder)


def test_the_layers_before_it_say_what_it_wants(changed: Callable[..., Path]) -> None:
    before = {"class_name": "Rescaling", "config": {"name": "r", "scale": 1 / 255, "offset": 0}}
    record = load_weights(changed(lambda model: layers_in(model).insert(0, before))).record
    assert (record.mean, record.std) == ((0.0,) * 3, (1.0,) * 3)


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    assert "has no model.json: it is not a TensorFlow.js layers model" in refused(tmp_path)
    with pytest.raises(ConfigError, match="TensorFlow.js folder"):
        load_weights(str(tmp_path / "nothing"))
