"""An ONNX file, taken apart: what it says of itself, and the graph without the weights.

ONNX Runtime copies the weights of a file twice before it uses them. Weights in a file of their own
it maps into memory, and starts three times as fast. So it is given the graph, in which large
weights lie elsewhere ("external"): in the file itself, where they have been all the time.

The form is protobuf's (protobuf.dev, "Encoding"); the numbers of the fields are those of
onnx/onnx.proto.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_INITIALIZER = 5
TENSOR_RAW_DATA, TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 9, 13, 14
ENTRY_KEY, ENTRY_VALUE = 1, 2

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
"""Kinds of fields."""

SMALL = 2**16
"""Bytes of weights up to which they stay in the graph."""

_Bytes = bytes | mmap.mmap


class OnnxFile(NamedTuple):
    """What is in an ONNX file beside its large weights.

    Attributes:
        about: what it says of itself.
        graph: an ONNX file without large weights, which names them by their place in the first.
    """

    about: dict[str, str]
    graph: bytes


class _Field(NamedTuple):
    """A field: its number, where it begins, and where its value begins and ends."""

    number: int
    begin: int
    start: int
    end: int


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no ONNX file, or not whole.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        about: dict[str, str] = {}
        parts: list[bytes] = []
        for field in _fields(content, 0, len(content)):
            if field.number == MODEL_METADATA:  # ONNX Runtime need not know of it
                key, value = _entry(content, field)
                about[key] = value
            if field.number == MODEL_GRAPH:
                parts.append(_message(MODEL_GRAPH, _graph(content, field, path.name)))
            elif field.number != MODEL_METADATA:
                parts.append(_kept(content, field))
        return OnnxFile(about, b"".join(parts))


def _graph(content: _Bytes, graph: _Field, file: str) -> bytes:
    parts = []
    for field in _fields(content, graph.start, graph.end):
        if field.number == GRAPH_INITIALIZER:
            parts.append(_message(GRAPH_INITIALIZER, _tensor(content, field, file)))
        else:
            parts.append(_kept(content, field))
    return b"".join(parts)


def _tensor(content: _Bytes, tensor: _Field, file: str) -> bytes:
    """Return a tensor; if it is large, with the place of its values instead of them."""
    parts = []
    for field in _fields(content, tensor.start, tensor.end):
        size = field.end - field.start
        if field.number != TENSOR_RAW_DATA or size <= SMALL:
            parts.append(_kept(content, field))
            continue
        place = {"location": file, "offset": str(field.start), "length": str(size)}
        for key, value in place.items():
            entry = _message(ENTRY_KEY, key.encode()) + _message(ENTRY_VALUE, value.encode())
            parts.append(_message(TENSOR_EXTERNAL_DATA, entry))
        parts.append(bytes([TENSOR_DATA_LOCATION << 3 | _VARINT, 1]))
    return b"".join(parts)


def _kept(content: _Bytes, field: _Field) -> bytes:
    """Return a field as it is.

    Raises:
        ValueError: it names another file, which ONNX Runtime would open: wherever a tensor can
            stand, an entry of its `external_data` is called so. `export` calls nothing else so.
    """
    kept = content[field.begin : field.end]
    if b"location" in kept:
        raise ValueError("its weights are in another file")
    return kept


def _entry(content: _Bytes, entry: _Field) -> tuple[str, str]:
    found = {ENTRY_KEY: "", ENTRY_VALUE: ""}
    for field in _fields(content, entry.start, entry.end):
        found[field.number] = content[field.start : field.end].decode()
    return found[ENTRY_KEY], found[ENTRY_VALUE]


def _fields(content: _Bytes, place: int, end: int) -> Iterator[_Field]:
    """Yield the fields of a message.

    Raises:
        ValueError: what is there is no message, or goes beyond its end.
    """
    while place < end:
        begin = place
        key, start = _varint(content, place)
        kind = key & 7
        if kind == _BYTES:
            size, start = _varint(content, start)
            place = start + size
        elif kind == _VARINT:
            _, place = _varint(content, start)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            place = start + (8 if kind == _EIGHT_BYTES else 4)
        else:
            raise ValueError("it is not in protobuf's form")
        if place > end:
            raise ValueError("it is not whole")
        yield _Field(key >> 3, begin, start, place)


def _varint(content: _Bytes, place: int) -> tuple[int, int]:
    """Return a number, 7 bits a byte from the lowest, and where it ends."""
    number = 0
    for shift in range(0, 64, 7):
        if place >= len(content):
            raise ValueError("it is not whole")
        byte = content[place]
        number |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return number, place
    raise ValueError("it is not in protobuf's form")


def _message(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes."""
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(value)) + value


def _as_varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
