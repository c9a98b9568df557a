"""The source `npm:nsfwjs`: real Inception-v3 weights from the npm registry.

The package nsfwjs (MIT licence) is a filter for pornographic images. Its network is a Keras
Inception-v3 that was pretrained on ImageNet, then partly fine-tuned for that filter, then quantised
to 8 bits. It is for machines that reach a package registry and nothing else.
"""

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.atomic import temporary_folder
from torch_inception.system.cache_folder import home, is_writable
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.keras.layers import to_torchvision_names
from torch_inception.weights.formats.tensorflow_js.minified import read_model, read_shard
from torch_inception.weights.formats.tensorflow_js.model import read_package
from torch_inception.weights.formats.tensorflow_js.tensors import read_layers
from torch_inception.weights.store import cache_weights, load_cached_weights

log = logging.getLogger(__name__)

SOURCE = "npm:nsfwjs"
VERSION = "4.4.0"
TARBALL_SHA512 = (
    "krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA=="
)
"""Base64 SHA-512 of nsfwjs-4.4.0.tgz, the `dist.integrity` that the registry publishes."""

WHAT_IT_IS = (
    "WARNING: npm:nsfwjs is the network of a filter for pornographic images,\n"
    "pretrained on ImageNet before that. Use --weights imagenet where you can."
)

_FILES = [
    f"package/dist/models/inception_v3/{name}.min.js"
    for name in ("model", *(f"group1-shard{number}of6" for number in range(1, 7)))
]

PATIENCE_SECONDS = 30.0
"""How long a registry may be silent, twice. As long as something comes, npm waits on."""

_NPM_PATIENCE = 300_000
"""Milliseconds for which npm lets a registry be silent, three times, if nobody sets another."""

_PACK_SECONDS = 600

_SETTINGS = ["--loglevel=error", "--color=false", "--dry-run=false", "--update-notifier=false"]
"""What the user may have set otherwise. The last has npm not look for a newer npm."""

ADVICE = (
    "Behind a proxy, set HTTPS_PROXY; for a mirror, npm_config_registry; for a slow one, "
    "npm_config_fetch_timeout (milliseconds). Or name a file in --weights."
)


def load(*, patience: float = PATIENCE_SECONDS) -> Weights:
    """Return the converted weights, from the user's cache or by `npm pack`.

    Args:
        patience: seconds for which the registry may be silent, where the user's npm has no
            setting for it.

    Raises:
        WeightsError: npm is missing or fails, or the package is not the one that is pinned.
        CacheError: there is no folder to keep them in.
    """
    name = f"nsfwjs-{VERSION}"
    weights = load_cached_weights(name)
    if weights is None:
        log.info("weights: asking npm for nsfwjs@%s (25 MB)", VERSION)
        with temporary_folder(Path(tempfile.gettempdir(), name), mode=0o700) as folder:
            weights = convert(_pack(folder, patience))
        cache_weights(name, weights)
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
            "not the published package. Try again, or ask whoever runs your package mirror."
        )
    files = read_package(content)
    model, *shards = (files[name].decode() for name in _FILES)
    layers, scale = read_layers(read_model(model), b"".join(map(read_shard, shards)))
    return make_weights(
        to_torchvision_names(layers),
        source=SOURCE,
        version=VERSION,
        pooling="tensorflow",
        scale=scale,
        lineage=SOURCE,
    )


def _pack(folder: Path, patience: float) -> Path:
    """Download the tarball with the user's own npm, so that its proxy and mirror are used."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(
            "npm is not installed (no `npm` on the PATH). Install Node.js, which brings it."
        )
    settings = _read_settings(npm, folder)
    flags = [] if is_writable(settings.get("cache", "")) else [f"--cache={folder / 'cache'}"]
    if settings.get("fetch-timeout") == _NPM_PATIENCE:
        flags += [f"--fetch-timeout={1000 * patience:.0f}", "--fetch-retries=1"]
    # Waiting ten seconds and more between npm's own retries helps nobody who is offline.
    flags += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000", "--ignore-scripts"]
    command = [npm, "pack", f"nsfwjs@{VERSION}", f"--pack-destination={folder}", *flags]
    done = _run([*command, *_SETTINGS], folder)
    tarball = folder / f"nsfwjs-{VERSION}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise WeightsError(f"`npm pack nsfwjs@{VERSION}` failed: {_reason(done.stderr)}. {ADVICE}")
    return tarball


def _read_settings(npm: str, folder: Path) -> dict[str, Any]:
    """Return npm's settings: the user's, and the defaults; none where npm does not answer."""
    done = _run([npm, "config", "ls", *_SETTINGS, "--json"], folder)
    try:
        settings: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}
    return settings


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    # npm does not run at all without a home, and writes to any.
    environment = os.environ if home() else {**os.environ, "HOME": str(folder)}
    try:
        return subprocess.run(
            command, env=environment, cwd=folder, timeout=_PACK_SECONDS,
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"npm was not done in {_PACK_SECONDS} s. {ADVICE}") from error


def _reason(stderr: str) -> str:
    """Return what npm's error output says, on one line."""
    lines = [re.sub("^npm (error|ERR!)", "", line).strip() for line in stderr.splitlines()]
    reasons = [line for line in lines if line and "log of this run" not in line]
    return "; ".join(brief(line) for line in reasons[:3]) or "no message"
