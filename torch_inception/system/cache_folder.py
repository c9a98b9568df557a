"""The user's cache: where it is, and what is in it.

files-N.sqlite   which file has which content
features/        rows of features, a folder per network and preprocessing
weights/         converted weights
networks/        networks made ready to run
downloads/       weights as they were downloaded, where no other cache is writable
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch_inception.config import expand_home
from torch_inception.errors import CacheError
from torch_inception.system.atomic import remove

CACHE_VARIABLE = "TORCH_INCEPTION_CACHE"
"""Environment variable that names the cache folder."""

FILE_INDEX = "file index"
KINDS = ("features", "weights", "networks", "downloads", FILE_INDEX)
"""What is kept; all but the last are names of folders."""

_DAY_SECONDS = 86400.0


def cache_folder() -> Path:
    """Return the folder for features and converted weights; it may not exist yet.

    `TORCH_INCEPTION_CACHE` if it is set, else the platform's folder for caches.

    Raises:
        CacheError: the variable is not set, and the user has no home folder.
        ConfigError: the variable begins with `~`, and the user has no home folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(expand_home(CACHE_VARIABLE, named)).absolute()
    return _platform_cache() / "torch_inception"


def is_writable(folder: str | Path) -> bool:
    """Tell whether the cache folder of another program can be written; it is made if it is missing.

    What a program makes of no home is not made: "~/.cache/x", or "/.cache/x", which is everybody's.
    """
    folder = Path(folder)
    if home() is None and (not folder.is_absolute() or folder.parts[1].startswith(".")):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def home() -> Path | None:
    """Return the user's home folder, if there is one.

    Users without a home, as containers have them, are given the root of the file system.
    """
    # Unlike Path.home, this leaves "~" where nothing is known.
    folder = Path(os.path.expanduser("~"))  # noqa: PTH111
    return None if not folder.is_absolute() or folder == Path(folder.anchor) else folder


def _platform_cache() -> Path:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform not in ("win32", "darwin") and os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    below = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    folder = home()
    if folder is None:
        raise CacheError(
            "there is no home folder to keep features and weights in. Name a folder for them in "
            f"the environment variable {CACHE_VARIABLE}."
        )
    return folder / below


@dataclass(frozen=True)
class CacheEntry:
    """A file or folder in the cache.

    Attributes:
        kind: one of `KINDS`.
        path: where it is.
        size: of it and all in it, in bytes.
        unused_days: since it was last read or written, as far as the file system notes that.
    """

    kind: str
    path: Path
    size: int
    unused_days: float

    def remove(self) -> None:
        """Remove it; a process that is using it says so, and no row of its becomes a wrong one."""
        remove(self.path)


def cache_entries() -> Iterator[CacheEntry]:
    """Yield what is in the cache; files in its folder that are not its own are left out."""
    folder = cache_folder()
    for kind in KINDS:
        pattern = "files-*.sqlite*" if kind == FILE_INDEX else f"{kind}/*"
        for path in sorted(folder.glob(pattern)):
            yield _entry(kind, path)


def _entry(kind: str, path: Path) -> CacheEntry:
    inside = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    found = [each.stat() for each in inside]
    last = max((max(each.st_atime, each.st_mtime) for each in found), default=0.0)
    size = sum(each.st_size for each in found)
    return CacheEntry(kind, path, size, unused_days=(time.time() - last) / _DAY_SECONDS)
