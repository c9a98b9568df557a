"""A damaged package: its tar archive and its TensorFlow.js manifest."""

import gzip
import io
import tarfile
from typing import Any

import pytest

from torch_inception.errors import WeightsError
from torch_inception.weights.formats.tensorflow_js.model import read_package
from torch_inception.weights.formats.tensorflow_js.tensors import (
    read_layers,
    read_manifest,
    read_tensors,
)

GOOD: dict[str, Any] = {
    "name": "k", "shape": [2, 2], "dtype": "float32",
    "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0},
}  # fmt: skip
QUANTIZED = GOOD["quantization"]

TENSORS: list[Any] = [
    {**GOOD, "quantization": {**QUANTIZED, "dtype": "int4"}},
    {**GOOD, "quantization": {**QUANTIZED, "dtype": ["uint8"]}},
    {**GOOD, "quantization": {"dtype": "uint8", "scale": 0.5}},
    {**GOOD, "quantization": {"dtype": "uint8", "min": 0.5}},
    *({**GOOD, "quantization": {**QUANTIZED, key: value}}
      for key in ("scale", "min")
      for value in (float("nan"), float("inf"), 10**400, "1", None, [1.0])),
    {**GOOD, "quantization": "uint8"},
    {**GOOD, "quantization": [1]},
    {**GOOD, "quantization": None, "dtype": "string"},
    {**GOOD, "quantization": None, "dtype": None},
    *({**GOOD, "shape": shape} for shape in (
        [-2, -2], [2.0, 2], ["2", 2], [True, 4], None, 4, "22", [[2, 2]], [0, 2**62],
        [2**62, 2**62], [4] + [1] * 40, {"2": 2}, [float("nan")], [10**30],
    )),
    *({**GOOD, "name": name} for name in (None, 7, ["k"])),
    *({key: value for key, value in GOOD.items() if key != gone} for gone in ("name", "shape")),
    {}, None, [], "k", 7,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(TENSORS)))
def test_a_tensor_that_cannot_be_is_refused(number: int) -> None:
    assert read_tensors([GOOD], bytes(4))["k"][...].tolist() == [[-1.0, -1.0], [-1.0, -1.0]]
    with pytest.raises(WeightsError, match="manifest|end within") as caught:
        read_tensors([TENSORS[number]], bytes(4))
    text = str(caught.value)
    assert len(text) < 500
    assert text.isprintable()


def test_two_tensors_of_one_name_are_refused() -> None:
    with pytest.raises(WeightsError, match="two tensors 'k'"):
        read_tensors([GOOD, GOOD], bytes(8))


@pytest.mark.parametrize("count", [0, 3, 5, 10**6])
def test_bytes_too_few_or_too_many_are_refused(count: int) -> None:
    with pytest.raises(WeightsError, match="end within 'k'|bytes too many"):
        read_tensors([GOOD], bytes(count))


@pytest.mark.parametrize("manifest", [None, 7, [7], [{"paths": []}], [{"paths": [], "weights": 7}]])
def test_a_manifest_that_is_not_one_is_refused(manifest: object) -> None:
    with pytest.raises(WeightsError, match="the weights manifest is not understood"):
        read_manifest({"weightsManifest": manifest})


def test_a_name_in_a_message_is_short_and_printable() -> None:
    for name in ("x" * 10_000, "a\x1b[2J", "a\nb"):
        with pytest.raises(WeightsError, match="end within") as caught:
            read_tensors([{**GOOD, "name": name}], b"")
        assert len(str(caught.value)) < 500
        assert str(caught.value).isprintable()


def packed(*members: tuple[str, bytes, bytes]) -> bytes:
    """Make a tarball of (name, type, content)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, content in members:
            about = tarfile.TarInfo(name)
            about.type, about.size, about.linkname = kind, len(content), "a"
            archive.addfile(about, io.BytesIO(content))
    return made.getvalue()


def test_only_regular_files_are_read() -> None:
    # Links, a device, a folder, a pipe.
    others = [(f"other {number}", b"%d" % number, b"") for number in range(1, 7)]
    content = packed(("b", b"0", b"two"), *others, ("a", b"0", b"one"))
    assert read_package(content) == {"a": b"one", "b": b"two"}


WHOLE = packed(("a", b"0", b"one" * 1000))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", WHOLE[:-30], WHOLE[:40], gzip.compress(b"not an archive" * 100)],
    ids=["empty", "page", "cut short", "cut very short", "not a tar"],
)
def test_what_is_not_a_package_is_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="not a whole tar archive"):
        read_package(content)


@pytest.mark.parametrize("topology", [[1], "x", 5, None, True, [], {}, {"model_config": None}])
def test_a_topology_that_is_not_one_is_refused(topology: object) -> None:
    model = {"modelTopology": topology, "weightsManifest": []}
    with pytest.raises(WeightsError, match="configuration of the Keras model is not understood"):
        read_layers(model, b"")
