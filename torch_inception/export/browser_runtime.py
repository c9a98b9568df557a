"""ONNX Runtime for browsers, compiled to WebAssembly: of the npm package onnxruntime-web (MIT)."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_inception.errors import ConfigError
from torch_inception.system.cache_contents import BROWSER_RUNTIME
from torch_inception.system.cache_entry import read_entry, write_entry
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.npm_pack import NpmError, NpmPackage, fetch_files

log = logging.getLogger(__name__)

PACKAGE = NpmPackage(
    BROWSER_RUNTIME,
    "1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)

_PATHS = {
    "onnxruntime.js": "package/dist/ort.wasm.bundle.min.mjs",
    "onnxruntime.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}

RUNTIME_FILES = tuple(_PATHS)
"""What its files are called here, with endings that web servers know."""

_FORMAT = 1
"""Of what is kept in the cache."""


def load_browser_runtime() -> Mapping[str, bytes]:
    """Return the content of `RUNTIME_FILES`, from the user's cache or by `npm pack`.

    Raises:
        ConfigError: it cannot be had.
        CacheError: there is no folder to keep it in.
    """
    folder = cache_folder() / "downloads" / BROWSER_RUNTIME

    def read(about: dict[str, Any]) -> Mapping[str, bytes] | None:
        if about["version"] != PACKAGE.version:
            return None
        return {name: (folder / name).read_bytes() for name in RUNTIME_FILES}

    kept = read_entry(folder, format=_FORMAT, read=read)
    if kept is not None:
        return kept
    log.info("page: asking npm for %s@%s (33 MB)", PACKAGE.name, PACKAGE.version)
    try:
        files = dict(zip(_PATHS, fetch_files(PACKAGE, list(_PATHS.values())), strict=True))
    except NpmError as error:
        raise ConfigError(
            f"the format web needs {PACKAGE.name} of npm, which runs the model in the browser. "
            f"{error}"
        ) from error

    def write(staging: Path) -> None:
        for name, content in files.items():
            (staging / name).write_bytes(content)

    about = {"version": PACKAGE.version}
    write_entry(folder, RUNTIME_FILES, format=_FORMAT, about=about, write=write)
    return files
