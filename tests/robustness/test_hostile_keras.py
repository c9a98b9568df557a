"""Damaged files of Keras: none crashes the reader, each gives a reason on one line."""

import io
import json
import struct
import zipfile
from pathlib import Path

import h5py
import numpy
import pytest

from tests.robustness.hostile import in_process
from torch_inception.errors import WeightsError
from torch_inception.weights.formats.keras import file as keras

READ = """
import sys
from pathlib import Path
from torch_inception.errors import WeightsError
from torch_inception.weights.formats.keras import file as keras
try:
    keras.load(Path(sys.argv[1]))
except WeightsError as error:
    print(error)
"""


def refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(WeightsError) as caught:
        keras.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert len(text.splitlines()) == 1
    assert len(text) < 500
    return text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.h5"


def legacy(path: Path, layers: int = 3) -> Path:
    """Write layers as Keras does: lists of texts of variable length."""
    with h5py.File(path, "w") as root:
        names = [f"conv2d_{number}" for number in range(layers)]
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            root[f"{name}/{name}/kernel:0"] = numpy.zeros((3, 3, 3, 8), "f4")
            root[name].attrs["weight_names"] = [f"{name}/kernel:0".encode()]
    return path


def test_a_changed_type_of_text_does_not_crash(path: Path) -> None:
    assert "'conv2d_0/kernel' has the shape (3, 3, 3, 8)" in refused(legacy(path))
    content = bytearray(path.read_bytes())
    place = content.find(b"weight_names\0\0\0\0\x19\x01")
    assert place > 0
    # A text of variable length becomes a list of bytes of variable length.
    content[place + 17] = 255
    path.write_bytes(content)
    [line] = in_process(READ, str(path))
    assert "'weight_names' of /conv2d_0 is not a list of names" in line


@pytest.mark.parametrize("value", [h5py.Empty(h5py.string_dtype()), "a"], ids=["empty", "one"])
def test_a_list_of_layers_that_is_not_a_list_is_refused(value: object, path: Path) -> None:
    with h5py.File(legacy(path), "r+") as root:
        del root.attrs["layer_names"]
        root.attrs["layer_names"] = value
    assert "'layer_names' of / is not a list of names" in refused(path)


def test_a_damaged_list_of_attributes_is_reported(path: Path) -> None:
    content = bytearray(legacy(path).read_bytes())
    # The root group's first message, of 16 bytes, says where the others are.
    assert content[112:116] == struct.pack("<2H", 0x10, 16)
    content[112] = 0
    path.write_bytes(content)
    assert ": / is damaged" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_archive_is_refused(method: int, path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        file.writestr("config.json", json.dumps({"class_name": "a", "config": {"name": "b"}}) * 9)
    content = bytearray(made.getvalue())
    content[50:90] = bytes(40)
    path.write_bytes(content)
    assert "it is not a whole .keras file" in refused(path)


def test_an_entry_whose_name_is_not_text_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a\xe9", "x")
    path.write_bytes(path.read_bytes().replace("a\xe9".encode(), b"a\xc3("))
    assert "not a whole .keras file ('utf-8' codec" in refused(path)
