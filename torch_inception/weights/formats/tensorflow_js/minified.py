"""Read a TensorFlow.js model out of the minified JavaScript modules of the npm package nsfwjs.

The package wraps the model's JSON as a JavaScript object literal and each weight shard as a base64
string. They are read as text: no JavaScript is run. Its content is known (`sources/npm.py` checks
the hash), so nothing is checked here.
"""

import base64
import json
import re
from typing import Any

_TOKEN = re.compile(r'"[^"]*"|(?<=[{,])(?P<key>\w+)(?=:)|!0|!1|(?<!\w)\.(?=\d)')
_AS_JSON = {"!0": "true", "!1": "false", ".": "0."}


def read_model(module: str) -> dict[str, Any]:
    """Return the model's JSON, which has its topology and its weights manifest.

    Args:
        module: text of the module that holds it.
    """
    literal = module[module.index("{modelTopology:") :]
    model: dict[str, Any] = json.JSONDecoder().raw_decode(_TOKEN.sub(_to_json, literal))[0]
    return model


def read_shard(module: str) -> bytes:
    """Return the bytes of a weight shard: the module's longest string, which is base64."""
    return base64.b64decode(max(re.findall(r'"([A-Za-z0-9+/]+={0,2})"', module), key=len))


def _to_json(match: re.Match[str]) -> str:
    """Spell one token of a minified JavaScript literal as JSON does."""
    if match["key"]:
        return f'"{match["key"]}"'
    return _AS_JSON.get(match[0], match[0])
