"""Files of Keras from a stranger: none crashes the reader or has it take memory without end."""

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.robustness.hostile import GIB, in_process
from torch_inception.errors import WeightsError
from torch_inception.weights.formats.keras import archive
from torch_inception.weights.formats.keras import file as keras
from torch_inception.weights.formats.keras.attributes import TEXT_LIMIT
from torch_inception.weights.formats.keras.file import UNPACKED_LIMIT

try:
    import h5py
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("h5py is not installed", allow_module_level=True)

pytestmark = pytest.mark.timeout(60)

READ = """
import sys
from pathlib import Path
import h5py
from torch_inception.errors import WeightsError
from torch_inception.weights.formats.keras import file as keras
before = peak()
try:
    keras.load(Path(sys.argv[1]))
except WeightsError as error:
    print(error)
print(peak() - before)
"""


def refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(WeightsError) as caught:
        keras.load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500
    return str(caught.value)


def refused_in_process(path: Path) -> str:
    """Return why a file is refused that might crash the process or fill its memory."""
    complaint, growth = in_process(READ, str(path))
    assert int(growth) < 0.2 * GIB
    return complaint


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
    assert "'weight_names' of /conv2d_0 is not a list of names" in refused_in_process(path)


def test_many_references_to_one_long_text_are_not_followed(path: Path) -> None:
    length, count = 1_000_000, 3901
    with h5py.File(path, "w") as root:
        root.attrs.create(
            "layer_names", ["A" * length] + ["b"] * (count - 1), dtype=h5py.string_dtype()
        )
    content = path.read_bytes()
    # A reference is the length (4 bytes), the heap's address (8) and the number in it (4).
    place = content.find(struct.pack("<I", length))
    while content[place + 16 : place + 20] != struct.pack("<I", 1):
        place = content.find(struct.pack("<I", length), place + 1)
    reference = content[place : place + 16]
    path.write_bytes(content[:place] + count * reference + content[place + count * 16 :])
    assert "'layer_names' of / is too long" in refused_in_process(path)


def long_text(root: Any) -> None:  # noqa: ANN401 - h5py has no types
    root.attrs["model_config"] = "[" + " " * TEXT_LIMIT + "]"


def long_name(root: Any) -> None:  # noqa: ANN401
    root.attrs["layer_names"] = ["a" * (TEXT_LIMIT + 1)]


def long_parts(root: Any) -> None:  # noqa: ANN401
    root.attrs["layer_names0"] = root.attrs["layer_names1"] = ["a" * (TEXT_LIMIT // 2 + 1)]


def many_names(root: Any) -> None:  # noqa: ANN401
    for number in range(6):
        root.attrs[f"layer_names{number}"] = [str(number).encode()] * 2000


def no_text(root: Any) -> None:  # noqa: ANN401
    root.attrs["layer_names"] = h5py.Empty(h5py.string_dtype())


def one_text(root: Any) -> None:  # noqa: ANN401
    root.attrs["layer_names"] = "a"


def a_layer_twice(root: Any) -> None:  # noqa: ANN401
    root.attrs["layer_names"] = ["conv2d_0", "conv2d_1", "conv2d_0"]


def many_tensors(root: Any) -> None:  # noqa: ANN401
    group = root.create_group("many")
    group["kernel"] = numpy.zeros(1, "f4")
    for number in range(2000):
        group[f"{number}/kernel"] = group["kernel"]
    group.attrs["weight_names"] = [f"{number}/kernel" for number in range(2000)]
    for number in range(1000):
        root[f"many_{number}"] = group
    root.attrs["layer_names"] = [f"many_{number}" for number in range(1000)]


ATTRIBUTES: dict[str, tuple[Callable[[Any], None], str]] = {
    "a long text": (long_text, "'model_config' of / is too long"),
    "a long name": (long_name, "'layer_names' of / is too long"),
    "long in parts": (long_parts, "'layer_names' of / is too long"),
    "many names": (many_names, "'layer_names' of / is too long"),
    "no text": (no_text, "'layer_names' of / is not a list of names"),
    "one text": (one_text, "'layer_names' of / is not a list of names"),
    "a layer twice": (a_layer_twice, "it lists a layer twice"),
    "many tensors": (many_tensors, "it lists over 10000 tensors"),
}


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_a_list_of_layers_that_cannot_be_is_refused(kind: str, path: Path) -> None:
    write, told = ATTRIBUTES[kind]
    with h5py.File(legacy(path), "r+", libver="latest") as root:
        if kind != "a long text":
            del root.attrs["layer_names"]
        write(root)
    assert told in refused(path)


def test_a_damaged_list_of_attributes_is_told(path: Path) -> None:
    content = bytearray(legacy(path).read_bytes())
    # The root group's first message, of 16 bytes, says where the others are.
    assert content[112:116] == struct.pack("<2H", 0x10, 16)
    content[112] = 0
    path.write_bytes(content)
    assert ": / is damaged" in refused(path)


def numbered(path: Path, **how: Any) -> None:  # noqa: ANN401
    """Write a file of Keras 3 with one kernel."""
    with h5py.File(path, "w") as root:
        root.create_dataset("layers/conv2d/vars/0", dtype="f4", **how)


def test_a_chunk_larger_than_its_data_set_is_refused(path: Path) -> None:
    sides = {"shape": (3, 3, 3, 32), "maxshape": (None,) * 4}
    numbered(path, chunks=(900, 900, 30, 33), shuffle=True, **sides)
    assert "/layers/conv2d/vars/0 has chunks larger than itself" in refused_in_process(path)
    numbered(path, chunks=(3, 3, 4, 33), shuffle=True, **sides)
    assert "it has 0 layers of the kind of 'Conv2d_1a_3x3.bn'" in refused(path)


def test_what_is_compressed_is_not_unpacked(path: Path) -> None:
    numbered(path, shape=(32,), chunks=(32,), compression="gzip")
    with h5py.File(path, "r+") as root:
        root["layers/conv2d/vars/0"].id.write_direct_chunk((0,), zlib.compress(bytes(2**28), 1))
    assert "/layers/conv2d/vars/0 is compressed" in refused_in_process(path)


def test_a_large_file_is_not_read(path: Path) -> None:
    for ending, start, limit in ((".h5", b"", UNPACKED_LIMIT), (".keras", b"PK", 2**29)):
        file = path.with_suffix(ending)
        file.write_bytes(start)
        os.truncate(file, limit + 1)
        assert f"has {limit + 1} bytes; {limit} are read at most" in refused(file)


def test_an_archive_of_many_entries_is_not_opened(path: Path) -> None:
    count = 400_000
    each = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"a"
    size = count * len(each)
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 2)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, 2 + size, 1)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    path.write_bytes(b"PK" + each * count + end)
    assert f"it has over {archive.ENTRY_LIMIT} entries" in refused_in_process(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_another_compression_than_that_of_zip_is_refused(method: int, path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        file.writestr("config.json", json.dumps({"class_name": "a", "config": {"name": "b"}}) * 9)
    content = bytearray(made.getvalue())
    content[50:90] = bytes(40)
    path.write_bytes(content)
    assert "its config.json is compressed in a way that Keras does not use" in refused(path)


def test_an_entry_whose_name_is_no_text_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a\xe9", "x")
    path.write_bytes(path.read_bytes().replace("a\xe9".encode(), b"a\xc3("))
    assert "not a whole .keras file ('utf-8' codec" in refused(path)
