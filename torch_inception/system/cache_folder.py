"""Where the user's cache is."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from torch_inception.config import expand_home
from torch_inception.errors import CacheError
from torch_inception.system.locks import shared_lock

CACHE_VARIABLE = "TORCH_INCEPTION_CACHE"
"""Environment variable that names the cache folder."""


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


@contextmanager
def cache_in_use(folder: Path) -> Iterator[None]:
    """Keep a cache folder from being cleared during a block; it is made if it is missing.

    Where it cannot be made or looked into, the block runs without.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(shared_lock(folder))
        yield


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
