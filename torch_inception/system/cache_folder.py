"""Where files are kept that can be made again: our cache, and the caches of other programs."""

import os
import sys
import tempfile
from pathlib import Path

from torch_inception.errors import CacheError

CACHE_VARIABLE = "TORCH_INCEPTION_CACHE"
"""Environment variable that names the cache folder."""


def cache_folder() -> Path:
    """Return the folder for features and converted weights; it may not exist yet.

    `TORCH_INCEPTION_CACHE` if it is set, else the platform's folder for caches.

    Raises:
        CacheError: there is no home folder in which to look for it.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        # Unlike Path.expanduser, this leaves a "~" as it is where there is no such home.
        folder = os.path.expanduser(chosen)  # noqa: PTH111
        if folder.startswith("~"):
            raise CacheError(
                f"{CACHE_VARIABLE} is {chosen!r}, and there is no such home folder. Set it to an "
                "absolute path."
            )
        return Path(folder).absolute()
    return _platform_cache() / "torch_inception"


def is_writable(folder: str | Path) -> bool:
    """Tell whether a cache folder can be written; it is made if it does not exist.

    What a program makes of no home is not made: "~/.cache/x", or "/.cache/x" of everybody.
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

    Users of containers often have "/", which is everybody's.
    """
    # Unlike Path.home, this leaves "~" where nothing is known.
    folder = Path(os.path.expanduser("~"))  # noqa: PTH111
    return None if not folder.is_absolute() or folder == Path(folder.anchor) else folder


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _require_home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return _require_home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or _require_home() / ".cache")


def _require_home() -> Path:
    folder = home()
    if folder is None:
        raise CacheError(
            "there is no home folder to keep the cache in (HOME is not set, or is /). Set "
            f"{CACHE_VARIABLE} to a folder that can be written."
        )
    return folder
