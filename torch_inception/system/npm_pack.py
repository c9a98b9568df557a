"""Files of packages of the npm registry, by the user's own npm: its proxy and mirror are used.

A package is checked against the hash that is pinned here. No script of it is run.
"""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.system.atomic import temporary_folder
from torch_inception.system.cache_folder import home, is_writable
from torch_inception.system.escape import brief

PATIENCE_SECONDS = 30.0
"""How long a registry may be silent, twice. As long as something comes, npm waits on."""

_NPM_PATIENCE = 300_000
"""Milliseconds for which npm lets a registry be silent, three times, if nobody sets another."""

_PACK_SECONDS = 600

_SETTINGS = ["--loglevel=error", "--color=false", "--dry-run=false", "--update-notifier=false"]
"""What the user may have set otherwise. The last has npm not look for a newer npm."""

_ADVICE = (
    "Behind a proxy, set HTTPS_PROXY; for a mirror, npm_config_registry; for a slow one, "
    "npm_config_fetch_timeout (milliseconds)."
)


class NpmError(Exception):
    """A package cannot be had. Callers say in their own error what else can be done."""


class NpmPackage(NamedTuple):
    """A package of the registry.

    Attributes:
        name: of it.
        version: of it.
        sha512: of its tarball, in base64: the `dist.integrity` that the registry publishes.
    """

    name: str
    version: str
    sha512: str


def fetch_files(
    package: NpmPackage, names: Sequence[str], *, patience: float = PATIENCE_SECONDS
) -> list[bytes]:
    """Return the content of files of a package, by `npm pack`.

    Args:
        package: which one.
        names: of the files in it, such as `package/dist/x.js`.
        patience: seconds for which the registry may be silent, where the user's npm has no
            setting for it.

    Raises:
        NpmError: npm is missing or fails, or the package is not the one that is pinned.
    """
    target = Path(tempfile.gettempdir(), f"{package.name}-{package.version}")
    with temporary_folder(target, mode=0o700) as folder:
        tarball = _pack(package, folder, patience)
        content = tarball.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != package.sha512:
        raise NpmError(
            f"{tarball.name} has the sha512 {digest}, not {package.sha512}: it is damaged or "
            "not the published package. Try again, or ask whoever runs your package mirror."
        )
    return _extract(content, names)


def _extract(content: bytes, names: Sequence[str]) -> list[bytes]:
    """Return files of a tarball that is known. Nothing is unpacked to disk."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = [archive.extractfile(name) for name in names]
        return [member.read() for member in members if member is not None]


def _pack(package: NpmPackage, folder: Path, patience: float) -> Path:
    """Download the tarball."""
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError(
            "npm is not installed (no `npm` on the PATH). Install Node.js, which brings it."
        )
    settings = _read_settings(npm, folder)
    flags = [] if is_writable(settings.get("cache", "")) else [f"--cache={folder / 'cache'}"]
    if settings.get("fetch-timeout") == _NPM_PATIENCE:
        flags += [f"--fetch-timeout={1000 * patience:.0f}", "--fetch-retries=1"]
    # Waiting ten seconds and more between npm's own retries helps nobody who is offline.
    flags += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000", "--ignore-scripts"]
    wanted = f"{package.name}@{package.version}"
    command = [npm, "pack", wanted, f"--pack-destination={folder}", *flags]
    done = _run([*command, *_SETTINGS], folder)
    tarball = folder / f"{package.name}-{package.version}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise NpmError(f"`npm pack {wanted}` failed: {_reason(done.stderr).rstrip('.')}. {_ADVICE}")
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
        raise NpmError(f"npm was not done in {_PACK_SECONDS} s. {_ADVICE}") from error


def _reason(stderr: str) -> str:
    """Return what npm's error output says, on one line."""
    lines = [re.sub("^npm (error|ERR!)", "", line).strip() for line in stderr.splitlines()]
    reasons = [line for line in lines if line and "log of this run" not in line]
    return "; ".join(brief(line) for line in reasons[:3]) or "no message"
