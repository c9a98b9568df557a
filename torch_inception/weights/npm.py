"""The source `npm:nsfwjs`: real Inception-v3 weights from the npm registry.

The package nsfwjs (MIT licence) ships a Keras Inception-v3 that was pretrained on ImageNet, then
partly fine-tuned for another task, then quantised to 8 bits. It is a stand-in for machines that
reach a package registry and nothing else.
"""

import base64
import hashlib
import logging
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.weights.keras_layers import to_torchvision_names
from torch_inception.weights.record import Weights, make_weights
from torch_inception.weights.store import keep, kept
from torch_inception.weights.tensorflow_js import read_manifest, read_shard, read_tensors

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

_FOLDER = "package/dist/models/inception_v3"
_MEMBER_LIMIT = 16 * 2**20
_PACK_SECONDS = 600


def load() -> Weights:
    """Return the converted weights, from the user's cache or by `npm pack`.

    Raises:
        WeightsError: npm is missing or fails, or the package is not the one that is pinned.
    """
    name = f"nsfwjs-{VERSION}"
    weights = kept(name)
    if weights is None:
        log.info("weights: asking npm for nsfwjs@%s (25 MB)", VERSION)
        with tempfile.TemporaryDirectory() as folder:
            weights = convert(_pack(Path(folder)))
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
    with tarfile.open(tarball) as archive:
        manifest = read_manifest(_member(archive, "model.min.js"))
        shards = [_member(archive, f"group1-shard{n}of6.min.js") for n in range(1, 7)]
    arrays = read_tensors(manifest, b"".join(read_shard(shard) for shard in shards))
    return make_weights(
        to_torchvision_names(arrays), source=SOURCE, version=VERSION, pooling="tensorflow"
    )


def _member(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(f"{_FOLDER}/{name}")
    if file is None:
        raise WeightsError(f"the package nsfwjs has no file {_FOLDER}/{name}.")
    return file.read(_MEMBER_LIMIT).decode("utf-8")


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
            [*command, "--pack-destination", str(folder)],
            capture_output=True, text=True, errors="replace", timeout=_PACK_SECONDS, cwd=folder,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"npm pack gave no answer in {_PACK_SECONDS} s.") from error
    tarball = folder / f"nsfwjs-{VERSION}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise WeightsError(f"`npm pack nsfwjs@{VERSION}` failed: {_reason(done.stderr)}")
    return tarball


def _reason(stderr: str) -> str:
    """Return the telling lines of npm's error output."""
    lines = [line.removeprefix("npm error ") for line in stderr.splitlines() if "npm error" in line]
    told = [line.strip() for line in lines if "log of this run" not in line and line.strip()]
    return "; ".join(told[:3]) or stderr.strip()[-200:] or "no message"
