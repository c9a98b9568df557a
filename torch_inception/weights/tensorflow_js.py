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
from typing import Any

import numpy
from numpy.typing import NDArray

from torch_inception.errors import WeightsError

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<key>[A-Za-z_$][\w$]*)(?=:)|(?P<true>!0)|(?P<false>!1)"
    r"|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
)
_DTYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}


def read_manifest(module: str) -> list[dict[str, Any]]:
    """Return the tensors' descriptions, in the order in which they lie in the shards.

    Args:
        module: text of the module that holds the model's JSON.

    Raises:
        WeightsError: there is no manifest in it.
    """
    start = module.find("weightsManifest:")
    literal = _balanced(module, module.find("[", start)) if start >= 0 else ""
    try:
        groups = json.loads(_TOKEN.sub(_to_json, literal))
        return [tensor for group in groups for tensor in group["weights"]]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"the model's weights manifest cannot be read ({error}).") from error


def read_shard(module: str) -> bytes:
    """Return the bytes of a weight shard: the module's longest string, which is base64.

    Raises:
        WeightsError: there is no such string.
    """
    longest = max(re.findall(r'"([A-Za-z0-9+/]+={0,2})"', module), key=len, default="")
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
    for tensor in manifest:
        quantization = tensor.get("quantization")
        stored = numpy.dtype(_DTYPES[(quantization or tensor)["dtype"]])
        count = math.prod(tensor["shape"])
        end = position + count * stored.itemsize
        if end > len(data):
            raise WeightsError(f"the weight shards end within {tensor['name']!r}.")
        values = numpy.frombuffer(data, stored, count, position).astype(numpy.float32)
        if quantization and "scale" in quantization:
            values = values * numpy.float32(quantization["scale"])
            values += numpy.float32(quantization["min"])
        arrays[tensor["name"]] = values.reshape(tensor["shape"])
        position = end
    if position != len(data):
        raise WeightsError(f"the weight shards have {len(data) - position} bytes too many.")
    return arrays


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
