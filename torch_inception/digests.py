"""What files contain, as SHA-256: the name under which the cache knows a picture."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch_inception.cache import FileIndex, FileState, file_state
from torch_inception.progress import progress_bar
from torch_inception.streaming import ordered_map, usable_cores


def content_digests(
    paths: Sequence[Path], index: FileIndex, *, progress: bool
) -> tuple[dict[Path, bytes], dict[Path, str]]:
    """Hash files, except those that are unchanged since the index saw them.

    Returns:
        path -> SHA-256 (32 bytes) of its content, and path -> reason of a file that cannot be read.

    Raises:
        CacheError: the index cannot be used.
    """
    known = index.lookup(paths)
    digests: dict[Path, bytes] = {}
    unreadable: dict[Path, str] = {}
    changed: list[Path] = []
    for path in paths:
        if path in known and known[path][0] == file_state(path):
            digests[path] = known[path][1]
        else:
            changed.append(path)
    hashed = ordered_map(
        lambda batch: [_hash(path) for path in batch], changed, workers=usable_cores(), batch_size=8
    )
    hashed = progress_bar(hashed, "reading", total=len(changed), show=progress)
    new: list[tuple[Path, FileState, bytes]] = []
    for path, result in zip(changed, hashed, strict=True):
        if isinstance(result, str):
            unreadable[path] = result
        else:
            digests[path] = result[1]
            new.append((path, *result))
    index.remember(new)
    return digests, unreadable


def _hash(path: Path) -> tuple[FileState, bytes] | str:
    """Return the file's state and digest, or the reason why it has none."""
    try:
        before = file_state(path)
        if before is None:
            return "not a regular file" if path.exists() else "no such file"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        return (before, digest) if file_state(path) == before else "changed while it was being read"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
