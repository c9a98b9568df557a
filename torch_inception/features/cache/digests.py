"""What files contain, as SHA-256: the name under which the cache knows an image."""

from collections.abc import Sequence
from pathlib import Path

from torch_inception.errors import ImageError
from torch_inception.features.cache.file_index import FileIndex, FileState, file_state
from torch_inception.features.progress import progress_bar
from torch_inception.features.stream import ordered_map
from torch_inception.images.read import file_digest
from torch_inception.system.cores import usable_cores

CHANGED = "changed while it was being read"

COMMIT_FILES = 1000
"""Files between two commits to the index; what is read again at most after a kill."""

_BATCH = 8


def remembered_digests(paths: Sequence[Path], index: FileIndex) -> dict[Path, bytes]:
    """Return path -> SHA-256 (32 bytes) of files that look as they did when they were hashed.

    Size and modification time decide; no file is read.

    Raises:
        CacheError: the index cannot be used.
    """
    known = index.lookup(paths)
    return {path: digest for path, (state, digest) in known.items() if file_state(path) == state}


def hash_files(
    paths: Sequence[Path], index: FileIndex, *, progress: bool
) -> tuple[dict[Path, bytes], dict[Path, str]]:
    """Read files and have the index remember them.

    Returns:
        path -> SHA-256 (32 bytes) of its content, and path -> reason of a file that cannot be read.

    Raises:
        CacheError: the index cannot be used.
    """
    results = ordered_map(
        lambda: _hash_all,
        paths,
        workers=usable_cores(),
        batch_size=_BATCH,
    )
    digests: dict[Path, bytes] = {}
    unreadable: dict[Path, str] = {}
    seen: list[tuple[Path, FileState, bytes]] = []
    shown = progress_bar(results, "reading", total=len(paths), show=progress)
    try:
        for path, result in zip(paths, shown, strict=True):
            if isinstance(result, str):
                unreadable[path] = result
                continue
            digests[path] = result[1]
            seen.append((path, *result))
            if len(seen) >= COMMIT_FILES:
                index.remember(seen)
                seen = []
    finally:
        index.remember(seen)
    return digests, unreadable


def _hash_all(paths: Sequence[Path]) -> list[tuple[FileState, bytes] | str]:
    return [_hash(path) for path in paths]


def _hash(path: Path) -> tuple[FileState, bytes] | str:
    """Return the file's state and digest, or the reason why it has none."""
    before = file_state(path)
    try:
        digest = file_digest(path)
    except ImageError as error:
        return str(error)
    return (before, digest) if before and file_state(path) == before else CHANGED
