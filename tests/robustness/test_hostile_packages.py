"""A stranger's package: its tar archive and its TensorFlow.js manifest."""

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from torch_inception.errors import WeightsError
from torch_inception.weights.formats import tarball
from torch_inception.weights.formats.keras.layers import to_torchvision_names
from torch_inception.weights.formats.tarball import list_names, read_files
from torch_inception.weights.formats.tensorflow_js.minified import read_model, read_shard
from torch_inception.weights.formats.tensorflow_js.tensors import (
    StoredTensor,
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
      for value in (float("nan"), float("inf"), 1e300, 10**400, "1", None, [1.0])),
    {**GOOD, "quantization": "uint8"},
    {**GOOD, "quantization": [1]},
    {**GOOD, "quantization": None, "dtype": "string"},
    {**GOOD, "quantization": None, "dtype": None},
    *({**GOOD, "shape": shape} for shape in (
        [-2, -2], [2.0, 2], ["2", 2], [True, 4], None, 4, "22", [[2, 2]], [0, 2**62],
        [2**62, 2**62], [4] + [1] * 40, {"2": 2}, [float("nan")], [10**30],
    )),
    *({**GOOD, "name": name} for name in (None, 7, "", ["k"], "x" * 10_000, "a\x1b[2J", "a\nb")),
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


MANIFESTS = {
    "nested deeply": "weightsManifest:" + "[" * 100_000 + "]" * 100_000,
    "a million tensors": "weightsManifest:[{weights:[" + '{name:"k"},' * 10**6 + "{}]}]",
    "texts without end": 'weightsManifest:["' + '\\"' * 400_000 + "]",
    "one name without end": "weightsManifest:[" + "a" * 900_000 + "]",
    "no weights": "weightsManifest:[{paths:[]}]",
    "weights that are none": "weightsManifest:[{weights:7}]",
    "a number": "weightsManifest:[7]",
    "a number without end": "weightsManifest:[" + "9" * 900_000 + "]",
    "code": "weightsManifest:[{weights:[process.exit(1)]}]",
    "not closed": "weightsManifest:[[[",
}


@pytest.mark.parametrize("kind", MANIFESTS)
@pytest.mark.timeout(30)
def test_a_manifest_that_cannot_be_read_is_refused_soon(kind: str) -> None:
    with pytest.raises(WeightsError, match="manifest") as caught:
        read_manifest(read_model("modelTopology:{}," + MANIFESTS[kind]))
    assert len(str(caught.value)) < 500


def test_a_manifest_that_is_json_is_read() -> None:
    literal = json.dumps([{"paths": ["s"], "weights": [GOOD]}])
    manifest = read_manifest(read_model(f"modelTopology:{{}},weightsManifest:{literal}"))
    assert manifest == (["s"], [GOOD])


@pytest.mark.parametrize("module", ["", '"AAAAA"', '"not base64!"', "x" * 10**6, '"' * 10**6])
@pytest.mark.timeout(30)
def test_a_shard_that_is_none_is_refused(module: str) -> None:
    with pytest.raises(WeightsError, match="shard cannot be read"):
        read_shard(module)


def packed(*members: tuple[str, bytes, bytes]) -> bytes:
    """Make a tarball of (name, type, content)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, content in members:
            about = tarfile.TarInfo(name)
            about.type, about.size, about.linkname = kind, len(content), "a"
            archive.addfile(about, io.BytesIO(content))
    return made.getvalue()


def test_files_come_in_the_order_of_their_names_and_nothing_else() -> None:
    content = packed(("../../b", b"0", b"bad"), ("b", b"0", b"two"), ("a", b"0", b"one"))
    assert read_files(content, ["a", "b"]) == [b"one", b"two"]


@pytest.mark.parametrize("name", ["../b", "/b", "a/../../b", "c:b", "a\\b"])
def test_an_entry_that_leads_outside_is_refused(name: str) -> None:
    assert list_names(packed(("a/b", b"0", b"one"), ("c", b"2", b""))) == ["a/b"]
    with pytest.raises(WeightsError, match="leads outside"):
        list_names(packed(("a", b"0", b"one"), (name, b"0", b"bad")))


@pytest.mark.parametrize(
    "kind", ["0 elsewhere", "1 link", "2 link", "3 device", "5 folder", "6 pipe"]
)
def test_only_a_regular_file_is_read(kind: str) -> None:
    name = "b" if "elsewhere" in kind else "a"
    with pytest.raises(WeightsError, match="the package has no file a"):
        read_files(packed((name, kind[:1].encode(), b"")), ["a"])


def endless_names() -> bytes:
    """A tar archive of headers that each announce a name for the next."""
    about = tarfile.TarInfo("././@LongLink")
    about.type, about.size = tarfile.GNUTYPE_LONGNAME, 1
    return gzip.compress((about.tobuf(tarfile.GNU_FORMAT) + b"x" + bytes(511)) * 20_000)


WHOLE = packed(("a", b"0", b"one" * 1000))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", WHOLE[:-30], WHOLE[:40], gzip.compress(b"no archive" * 100), endless_names()],
    ids=["empty", "page", "cut short", "cut very short", "no tar", "names without end"],
)
def test_what_is_no_package_is_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="not a tar archive|has no file a"):
        read_files(content, ["a"])


def test_large_packages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tarball.UNPACKED_LIMIT == 2**28
    with pytest.raises(WeightsError, match="unpacks to over 256 MiB"):
        read_files(gzip.compress(bytes(2**28 + 1), 1), ["a"])
    monkeypatch.setattr(tarball, "FILE_LIMIT", 2999)
    with pytest.raises(WeightsError, match="the package's a is too large"):
        read_files(WHOLE, ["a"])
    many = packed(*((str(number), b"0", b"") for number in range(10_001)))
    with pytest.raises(WeightsError, match="over 10000 files"):
        read_files(many, ["a"])


def header(name: str, size: int, kind: bytes) -> bytes:
    about = tarfile.TarInfo(name)
    about.type, about.size = kind, size
    return about.tobuf(tarfile.GNU_FORMAT)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(WeightsError, match="two files a"):
        read_files(packed(("a", b"0", b"one"), ("b", b"0", b""), ("a", b"0", b"two")), ["a"])


def with_record(record: bytes) -> bytes:
    """A tar archive of a file `a` with a header in POSIX' extended format."""
    length = len(record) + 4
    text = b"%d %s\n" % (length, record)
    assert len(text) == length
    return header("x", length, b"x") + text.ljust(512, b"\0") + header("a", 0, b"0")


SPARSE = {
    "GNU's": header("a", 0, b"S"),
    "POSIX', 0.0": with_record(b"GNU.sparse.size=99"),
    "POSIX', 0.1": with_record(b"GNU.sparse.map=0,99"),
    "POSIX', 1.0": with_record(b"GNU.sparse.major=1"),
}


@pytest.mark.parametrize("kind", SPARSE)
def test_a_sparse_file_is_refused(kind: str) -> None:
    assert read_files(gzip.compress(with_record(b"comment=fine")), ["a"]) == [b""]
    with pytest.raises(WeightsError, match="has sparse files"):
        read_files(gzip.compress(SPARSE[kind]), ["a"])


EXTENDED = {
    f"{number} times {size} bytes of {kind.decode()}": (header("x", size, kind), size, number)
    for kind in (b"x", b"g", b"L", b"K", b"X")
    for size, number in ((2**20 + 1, 1), (2**20 - 1, 2), (6, 300))
}


@pytest.mark.parametrize("kind", EXTENDED)
@pytest.mark.timeout(10)
def test_headers_without_end_are_refused(kind: str) -> None:
    head, size, number = EXTENDED[kind]
    content = (b"6 a=b\n" * (size // 6)).ljust(-(-size // 512) * 512, b"\0")
    # Not all in a row, of which few are too many for `tarfile`.
    repeated = (head + content) * number + header("b", 0, b"0")
    with pytest.raises(WeightsError, match="over 1 MiB of extended headers"):
        read_files(gzip.compress(repeated * (8 if number > 2 else 1), 1), ["a"])


def test_a_file_of_less_than_no_bytes_is_refused() -> None:
    negative = header("a", 8**12 - 1, b"0")[:124] + b"\xff" * 11 + b"\0"
    raw = bytearray(negative + header("a", 0, b"0")[136:])
    raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + 8 * 32 + sum(raw[156:]))
    with pytest.raises(WeightsError, match="less than no bytes"):
        read_files(gzip.compress(bytes(raw)), ["a"])


def test_a_tensor_is_dequantised_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    side = 2**27
    tensors = read_tensors([{**GOOD, "shape": [side]}], bytes(side))
    assert tensors["k"].shape == (side,)
    assert tensors["k"].quantised.dtype == "uint8"
    # It is refused for its shape, unread.
    monkeypatch.delattr(StoredTensor, "__getitem__")
    model = {
        "modelTopology": {"class_name": "Conv2D", "config": {"name": "c"}},
        "weightsManifest": [
            {"paths": [], "weights": [{**GOOD, "name": "c/kernel", "shape": [side]}]}
        ],
    }
    with pytest.raises(WeightsError, match="'c/kernel' has the shape"):
        to_torchvision_names(read_layers(model, bytes(side))[0])


@pytest.mark.parametrize("topology", [[1], "x", 5, None, True, [], {}, {"model_config": None}])
def test_a_topology_that_is_none_is_refused(topology: object) -> None:
    model = {"modelTopology": topology, "weightsManifest": []}
    with pytest.raises(WeightsError, match="configuration of the Keras model is not understood"):
        read_layers(model, b"")
