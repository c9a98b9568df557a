"""Read the tensors of a TensorFlow.js layers model out of minified JavaScript modules.

The npm package `nsfwjs` wraps the model's JSON as a JavaScript object literal and each weight
shard as a base64 string. They are read as text: no JavaScript is run. The layout of the manifest
is that of the TensorFlow.js converter (tfjs-converter's README, "Format conversion"): tensors lie
one after another, and a quantised one stands for `value = quantised * scale + min`.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.errors import WeightsError
from torch_inception.text import brief

# Each token is found in one go, also where a file is made to be slow to read.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?<![\w$])(?P<key>[A-Za-z_$][\w$]*+)(?=:)|(?P<true>!0)|(?P<false>!1)"
    r"|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)
_DTYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}

MANIFEST_LIMIT = 2**20
"""Characters of the longest manifest; that of Inception-v3 has 56 thousand."""

NAME_LIMIT = 200
DIMENSION_LIMIT = 8
FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)


def read_manifest(module: str) -> list[dict[str, Any]]:
    """Return the tensors' descriptions, in the order in which they lie in the shards.

    Args:
        module: text of the module that holds the model's JSON.

    Raises:
        WeightsError: there is no manifest in it.
    """
    start = module.find("weightsManifest:")
    literal = _balanced(module, module.find("[", start)) if start >= 0 else ""
    if len(literal) > MANIFEST_LIMIT:
        raise WeightsError("the model's weights manifest is too long.")
    try:
        groups = json.loads(_TOKEN.sub(_to_json, literal))
        return [tensor for group in groups for tensor in group["weights"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(
            f"the model's weights manifest cannot be read ({brief(error)})."
        ) from error


def read_shard(module: str) -> bytes:
    """Return the bytes of a weight shard: the module's longest string, which is base64.

    Raises:
        WeightsError: there is no such string.
    """
    longest = max(re.findall(r'"([A-Za-z0-9+/]++={0,2})"', module), key=len, default="")
    if not longest:
        raise WeightsError("a weight shard cannot be read (it holds no base64).")
    try:
        return base64.b64decode(longest, validate=True)
    except binascii.Error as error:
        raise WeightsError(f"a weight shard cannot be read ({error}).") from error


def read_tensors(
    manifest: Sequence[dict[str, Any]], data: bytes
) -> dict[str, NDArray[numpy.float32]]:
    """Cut the shards' bytes into arrays, and dequantise.

    Args:
        manifest: what `read_manifest` gave.
        data: all shards, one after another.

    Raises:
        WeightsError: the bytes and the manifest do not fit together.
    """
    arrays: dict[str, NDArray[numpy.float32]] = {}
    position = 0
    for name, stored, shape, scale, least in map(_layout, manifest):
        count = math.prod(shape)
        end = position + count * stored.itemsize
        if end > len(data):
            raise WeightsError(f"the weight shards end within {name!r}.")
        if name in arrays:
            raise WeightsError(f"the weights manifest has two tensors {name!r}.")
        values = numpy.frombuffer(data, stored, count, position).astype(numpy.float32)
        if scale is not None:
            values = values * numpy.float32(scale)
            values += numpy.float32(least)
        arrays[name] = values.reshape(shape)
        position = end
    if position != len(data):
        raise WeightsError(f"the weight shards have {len(data) - position} bytes too many.")
    return arrays


class _Layout(NamedTuple):
    """How a tensor lies in the shards; without a scale its numbers are taken as they are."""

    name: str
    stored: numpy.dtype[Any]
    shape: tuple[int, ...]
    scale: float | None
    least: float


def _layout(tensor: Any) -> _Layout:  # noqa: ANN401 - whatever a file holds
    try:
        name, shape = tensor["name"], tensor["shape"]
        quantization = tensor.get("quantization") or {}
        stored = numpy.dtype(_DTYPES[quantization.get("dtype", tensor["dtype"])])
        scale, least = (quantization.get(key) for key in ("scale", "min"))
    except (KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"the weights manifest is not understood ({brief(error)}).") from error
    is_name = isinstance(name, str) and 0 < len(name) <= NAME_LIMIT and name.isprintable()
    is_shape = isinstance(shape, list) and all(type(side) is int and side > 0 for side in shape)
    if not is_name or not is_shape or len(shape) > DIMENSION_LIMIT:
        raise WeightsError(f"the weights manifest gives {brief(name)} no shape that there can be.")
    if (scale, least) == (None, None):
        return _Layout(name, stored, tuple(shape), None, 0.0)
    return _Layout(name, stored, tuple(shape), _finite(scale, name), _finite(least, name))


def _finite(value: object, name: str) -> float:
    if not isinstance(value, int | float) or not abs(value) <= FLOAT32_MAX:
        raise WeightsError(f"the weights manifest gives {name!r} no scale and min that are finite.")
    return float(value)


def _balanced(text: str, start: int) -> str:
    """Return the bracketed literal that begins at `start`; strings in it hold no brackets."""
    depth = 0
    for match in re.compile(r"[\[\]]").finditer(text, start):
        depth += 1 if match[0] == "[" else -1
        if depth == 0:
            return text[start : match.end()]
    return ""


def _to_json(match: re.Match[str]) -> str:
    """Spell one token of a minified JavaScript literal as JSON does: `.5` is `0.5`, `!0` true."""
    text = match[0]
    if match["key"]:
        return f'"{text}"'
    if match["number"]:
        return repr(float(text)) if "." in text or "e" in text.lower() else text
    return {"!0": "true", "!1": "false"}.get(text, text)
