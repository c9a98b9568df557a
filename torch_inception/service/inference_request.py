"""Requests of the Open Inference Protocol, checked: JSON in, images out."""

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from torch_inception.images.preprocess import Pixels

PIXELS, FILES, PROBABILITIES = "images", "files", "probabilities"
"""Names of the inputs, of which a request has one, and of the output."""

DATATYPES = {PIXELS: "UINT8", FILES: "BYTES"}

MOST_PARTS = 1_000_000
"""Lists, objects and texts in a request: each takes some hundred bytes."""

_KEYS = {"id", "parameters", "inputs", "outputs"}
_INPUT_KEYS = {"name", "shape", "datatype", "parameters", "data"}


class InferenceRequest(NamedTuple):
    """What is asked.

    Attributes:
        id: that the client gave, to be told back; None where it gave none.
        images: contents of files, or pixels (H, W, 3) uint8.
    """

    id: str | None
    images: Sequence[bytes | Pixels]


def read_inference_request(body: bytes, most: int) -> InferenceRequest:
    """Read a request.

    Args:
        body: JSON.
        most: images.

    Raises:
        HTTPException: 400, it is not as it should be; 413, it is too large.
    """
    request = _table(_parsed(body), "the request", _KEYS)
    name = request.get("id")
    if name is not None and not isinstance(name, str):
        _refuse("id must be text.")
    for output in _list(request.get("outputs", [{"name": PROBABILITIES}]), "outputs"):
        asked = _table(output, "an output", {"name", "parameters"}).get("name")
        if asked != PROBABILITIES:
            _refuse(f"there is no output {asked!r}. There is {PROBABILITIES}.")
    inputs = _list(request.get("inputs"), "inputs")
    if len(inputs) != 1:
        _refuse(f"inputs must have one tensor, {PIXELS} or {FILES}.")
    return InferenceRequest(name, _images(_table(inputs[0], "the input", _INPUT_KEYS), most))


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    if body.count(b"[") + body.count(b"{") + body.count(b'"') // 2 > MOST_PARTS:
        raise HTTPException(413, f"the JSON has more than {MOST_PARTS:,} lists, objects and texts.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error


def _images(tensor: Mapping[str, Any], most: int) -> Sequence[bytes | Pixels]:
    name, datatype = tensor.get("name"), tensor.get("datatype")
    if not isinstance(name, str) or name not in DATATYPES:
        _refuse(f"there is no input {name!r}. There are {PIXELS} and {FILES}.")
    if datatype != DATATYPES[name]:
        _refuse(f"the datatype of {name} must be {DATATYPES[name]}, not {datatype!r}.")
    shape = _list(tensor.get("shape"), "shape")
    if not all(type(size) is int and size > 0 for size in shape):
        _refuse(f"shape = {shape!r} must be whole numbers above 0.")
    if len(shape) != (4 if name == PIXELS else 1) or (name == PIXELS and shape[3] != 3):
        _refuse(
            f"the shape of {name} must be {'[N, height, width, 3]' if name == PIXELS else '[N]'}."
        )
    if shape[0] > most:
        raise HTTPException(413, f"a request has at most {most} images. Send fewer.")
    data = _list(tensor.get("data"), "data")
    return _pixels(data, shape) if name == PIXELS else _files(data, shape[0])


def _pixels(data: list[Any], shape: list[int]) -> list[Pixels]:
    try:
        values: NDArray[Any] = numpy.array(data)
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, f"data is not a regular array: {error}") from error
    if values.dtype.kind not in "iu":
        _refuse("data must be whole numbers from 0 to 255.")
    if values.size != math.prod(shape):
        _refuse(f"data has {values.size:,} numbers, and the shape {math.prod(shape):,}.")
    if values.ndim > 1 and list(values.shape) != shape:
        _refuse(f"data has the shape {list(values.shape)}, and not {shape}.")
    if values.min() < 0 or values.max() > 255:
        _refuse("data must be whole numbers from 0 to 255.")
    return list(values.astype(numpy.uint8).reshape(shape))


def _files(data: list[Any], count: int) -> list[bytes]:
    if len(data) != count:
        _refuse(f"data has {len(data)} files, and the shape {count}.")
    return [_decoded(place, text) for place, text in enumerate(data)]


def _decoded(place: int, text: object) -> bytes:
    if not isinstance(text, str):
        _refuse(f"data[{place}] must be the content of a file, as text in base64.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HTTPException(400, f"data[{place}] is not base64: {error}") from error


def _table(value: Any, what: str, keys: set[str]) -> Mapping[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        _refuse(f"{what} must be an object of JSON.")
    for key in value:
        if key not in keys:
            _refuse(f"{what} has {key!r}, which is unknown here. Known: {', '.join(sorted(keys))}.")
    return value


def _list(value: Any, what: str) -> list[Any]:  # noqa: ANN401
    if not isinstance(value, list):
        _refuse(f"{what} must be a list.")
    return value


def _refuse(reason: str) -> NoReturn:
    raise HTTPException(400, reason)
