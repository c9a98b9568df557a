"""The source `npm:nsfwjs`: real Inception-v3 weights from the npm registry.

The package nsfwjs (MIT licence) ships a Keras Inception-v3 that was pretrained on ImageNet, then
partly fine-tuned for another task, then quantised to 8 bits. It is a stand-in for machines that
reach a package registry and nothing else.
"""

import base64
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.system.atomic import temporary_folder
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.keras.layers import to_torchvision_names
from torch_inception.weights.formats.tarball import read_files
from torch_inception.weights.formats.tensorflow_js.minified import read_model, read_shard
from torch_inception.weights.formats.tensorflow_js.tensors import read_layers
from torch_inception.weights.store import keep, kept

log = logging.getLogger(__name__)

SOURCE = "npm:nsfwjs"
VERSION = "4.4.0"
TARBALL_SHA512 = (
    "krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA=="
)
"""Base64 SHA-512 of nsfwjs-4.4.0.tgz, the `dist.integrity` that the registry publishes."""

STAND_IN = (
    "WARNING: these are the weights of npm's nsfwjs, a STAND-IN for the ImageNet weights: "
    "pretrained on ImageNet, then fine-tuned for another task and quantised to 8 bits. "
    "Results are usable, but not those of the ImageNet weights."
)

_FILES = [
    f"package/dist/models/inception_v3/{name}.min.js"
    for name in ("model", *(f"group1-shard{number}of6" for number in range(1, 7)))
]

_PACK_SECONDS = 600
_NPM_PATIENCE = "300000"
"""Milliseconds that npm lets a server be silent by default; it tries three times."""

PATIENCE_SECONDS = 30
"""How long we let a server be silent, twice. As long as something comes, npm waits on."""

ADVICE = (
    "Behind a proxy, set HTTPS_PROXY; for a mirror, npm_config_registry; for a slow one, "
    "npm_config_fetch_timeout (milliseconds). Or name a file in --weights."
)


def load() -> Weights:
    """Return the converted weights, from the user's cache or by `npm pack`.

    Raises:
        WeightsError: npm is missing or fails, or the package is not the one that is pinned.
    """
    name = f"nsfwjs-{VERSION}"
    weights = kept(name)
    if weights is None:
        log.info("weights: asking npm for nsfwjs@%s (25 MB)", VERSION)
        with temporary_folder(Path(tempfile.gettempdir(), name), mode=0o700) as folder:
            weights = convert(_pack(folder))
        keep(name, weights)
    return weights


def convert(tarball: Path) -> Weights:
    """Turn the package's tarball into weights. Nothing in it is run or unpacked to disk.

    Raises:
        WeightsError: it is not the pinned tarball.
    """
    content = tarball.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != TARBALL_SHA512:
        raise WeightsError(
            f"{tarball.name} has the sha512 {digest}, not {TARBALL_SHA512}: it is damaged or "
            "not the published package. Try again, or ask who runs your package mirror."
        )
    model, *shards = (file.decode("utf-8", "replace") for file in read_files(content, _FILES))
    layers, scale = read_layers(read_model(model), b"".join(read_shard(shard) for shard in shards))
    return make_weights(
        to_torchvision_names(layers),
        source=SOURCE,
        version=VERSION,
        pooling="tensorflow",
        scale=scale,
        lineage=SOURCE,
    )


def _pack(folder: Path) -> Path:
    """Download the tarball with the user's own npm, so that its proxy and mirror are used."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(
            "npm is not installed (no `npm` on the PATH). Install Node.js, which brings it."
        )
    # Waiting ten seconds and more between npm's own retries helps nobody who is offline.
    patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000"]
    command = [npm, "pack", f"nsfwjs@{VERSION}", "--ignore-scripts", *patience]
    try:
        done = subprocess.run(
            [*command, "--pack-destination", str(folder)], env={**os.environ, **_patience(npm)},
            capture_output=True, text=True, errors="replace", timeout=_PACK_SECONDS, cwd=folder,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"npm pack was not done in {_PACK_SECONDS} s. {ADVICE}") from error
    tarball = folder / f"nsfwjs-{VERSION}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise WeightsError(f"`npm pack nsfwjs@{VERSION}` failed: {_reason(done.stderr)}. {ADVICE}")
    return tarball


def _patience(npm: str) -> dict[str, str]:
    """Return settings that have npm give up earlier than after 15 minutes, unless the user has."""
    asked = subprocess.run(
        [npm, "config", "get", "fetch-timeout"],
        capture_output=True, text=True, errors="replace", timeout=_PACK_SECONDS,
    )  # fmt: skip
    if asked.stdout.strip() != _NPM_PATIENCE:
        return {}
    return {
        "npm_config_fetch_timeout": str(1000 * PATIENCE_SECONDS), "npm_config_fetch_retries": "1"
    }  # fmt: skip


def _reason(stderr: str) -> str:
    """Return the telling lines of npm's error output."""
    lines = [line.removeprefix("npm error ") for line in stderr.splitlines() if "npm error" in line]
    told = [line.strip() for line in lines if "log of this run" not in line and line.strip()]
    return "; ".join(brief(line) for line in told[:3]) or stderr.strip()[-200:] or "no message"
