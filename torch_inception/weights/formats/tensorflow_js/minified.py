"""Read a TensorFlow.js model out of the minified JavaScript modules of an npm package.

The package `nsfwjs` wraps the model's JSON as a JavaScript object literal and each weight shard
as a base64 string. They are read as text: no JavaScript is run.
"""

import base64
import binascii
import json
import re
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief

# Each token is found in one go, also where a file is made to be slow to read.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?<![\w$])(?P<key>[A-Za-z_$][\w$]*+)(?=:)|(?P<true>!0)|(?P<false>!1)"
    r"|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)
_PARTS = {"modelTopology": "topology", "weightsManifest": "weights manifest"}

LITERAL_LIMIT = 2**20
"""Characters of the longest literal; the topology of nsfwjs' Inception-v3 has 186 thousand."""


def read_model(module: str) -> dict[str, Any]:
    """Return the model's JSON: its topology and its weights manifest.

    Args:
        module: text of the module that holds it.

    Raises:
        WeightsError: one of them is not in it, or cannot be read.
    """
    return {part: _literal(module, part) for part in _PARTS}


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


def _literal(module: str, key: str) -> Any:  # noqa: ANN401 - whatever a file holds
    start = module.find(f"{key}:")
    literal = _balanced(module, start + len(key) + 1) if start >= 0 else ""
    if len(literal) > LITERAL_LIMIT:
        raise WeightsError(f"the model's {_PARTS[key]} is too long.")
    try:
        return json.loads(_TOKEN.sub(_to_json, literal))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the model's {_PARTS[key]} cannot be read ({brief(error)}).") from error


def _balanced(text: str, start: int) -> str:
    """Return the bracketed literal that begins at `start`; strings in it hold no brackets."""
    depth = 0
    for match in re.compile(r"[\[\]{}]").finditer(text, start):
        depth += 1 if match[0] in "[{" else -1
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
