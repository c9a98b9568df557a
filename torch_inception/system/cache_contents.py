"""What is in the user's cache. What else lies in its folder is not looked at.

files-N.sqlite   which file has which content
features/        rows of features, a folder per network and preprocessing
thumbnails/      small copies of images
weights/         converted weights
networks/        networks made ready to run
downloads/       weights as they were downloaded, where no other cache can be written, and what runs
                 models in a browser
"""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from torch_inception.errors import CacheError
from torch_inception.system.atomic import is_unfinished, remove
from torch_inception.system.cache_entry import DESCRIPTION, is_entry
from torch_inception.system.locks import lock_if_free

FILE_INDEX = "file index"
THUMBNAILS = "thumbnails"
ROWS_FILE = "rows.bin"
BROWSER_RUNTIME = "onnxruntime-web"

_DAY_SECONDS = 86400.0


def _has_rows(folder: Path) -> bool:
    """Tell by its name, and those of its files, whether a folder is one of `features/`."""
    names = {each.name for each in folder.iterdir()}
    known = {"index.sqlite", "index.sqlite-journal", ROWS_FILE}
    return bool(re.fullmatch("[0-9a-f]{32}", folder.name)) and names <= known


def _is_database(path: Path, name: str) -> bool:
    return bool(re.fullmatch(rf"{name}-\d+\.sqlite(-journal)?", path.name))


def _is_kept(path: Path) -> bool:
    return is_unfinished(path) or is_entry(path)


_IS_OURS: dict[str, Callable[[Path], bool]] = {
    "features": _has_rows,
    THUMBNAILS: lambda path: _is_database(path, "thumbnails"),
    "weights": _is_kept,
    "networks": _is_kept,
    "downloads": lambda path: path.name in ("torch", "huggingface", BROWSER_RUNTIME),
    FILE_INDEX: lambda path: _is_database(path, "files"),
}
"""Kind of entry -> whether a path is such an entry, and not somebody else's."""

KINDS = tuple(_IS_OURS)
"""What is kept; all but the last are names of folders."""


@dataclass(frozen=True)
class CacheEntry:
    """A file or folder in the cache.

    Attributes:
        kind: one of `KINDS`.
        path: where it is.
        sizes: of it, or of all files in it, in bytes.
        unused_days: since it was last read or written, as far as the file system notes that.
    """

    kind: str
    path: Path
    sizes: Mapping[Path, int]
    unused_days: float

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(self.sizes.values())


def cache_entries(folder: Path) -> Iterator[CacheEntry]:
    """Yield what is in a cache folder; nothing is read but what says whose it is."""
    for kind, is_ours in _IS_OURS.items():
        for path in sorted(folder.glob("*" if kind == FILE_INDEX else f"{kind}/*")):
            with suppress(OSError):  # another process may remove it meanwhile
                if is_ours(path):
                    yield _entry(kind, path)


def clear_cache(
    folder: Path, *, older_than: float = -math.inf
) -> tuple[list[CacheEntry], list[CacheEntry]]:
    """Remove what is in a cache folder.

    Args:
        folder: the cache folder; it may not exist.
        older_than: days; what was used since then stays. All is removed by default.

    Returns:
        what was removed, and what could not be: another process writes it, or it is not allowed.

    Raises:
        CacheError: another process is computing features with this cache.
        OSError: the folder cannot be opened.
    """
    if not folder.exists():
        return [], []
    with lock_if_free(folder) as is_free:
        if not is_free:
            raise CacheError(
                f"another process is using the cache {folder}. Wait until it has ended, and run "
                "the command again."
            )
        entries = [each for each in cache_entries(folder) if each.unused_days >= older_than]
        for entry in entries:
            _remove_if_free(entry.path)
    left = [entry for entry in entries if entry.path.exists()]
    return [entry for entry in entries if entry not in left], left


def _remove_if_free(path: Path) -> None:
    with suppress(OSError), lock_if_free(path) as is_free:
        if is_free:
            remove(path)


def _entry(kind: str, path: Path) -> CacheEntry:
    inside = path.rglob("*") if path.is_dir() else [path]
    found = {each: each.stat() for each in inside if each.is_file() and not each.is_symlink()}
    # To tell whose it is, the description was read; who uses an entry reads its other files too.
    others = [each for file, each in found.items() if file.name != DESCRIPTION]
    last = max((max(each.st_atime, each.st_mtime) for each in others), default=0.0)
    return CacheEntry(
        kind,
        path,
        sizes={file: each.st_size for file, each in found.items()},
        unused_days=(time.time() - last) / _DAY_SECONDS,
    )
