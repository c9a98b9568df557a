"""What takes long to make is made once: files in the user's cache, used only if they are whole.

An entry is a folder with files and their description: the number of their format, the SHA-256 of
each, what else is said of them, and the SHA-256 of all that.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch_inception.system.escape import brief
from torch_inception.system.replacement import replaced_together
from torch_inception.system.write import write_json

log = logging.getLogger(__name__)

DESCRIPTION = "description.json"

Kept = TypeVar("Kept")


def read_entry(folder: Path, *, format: int, read: Callable[[dict[str, Any]], Kept]) -> Kept | None:
    """Return what an entry holds; None where there is none, or one of another format.

    An entry that is damaged is told of and is None, too.

    Args:
        folder: the entry's.
        format: number of the files' layout, and of the way in which they are made.
        read: is given what is said of the files, which are whole, and returns what they hold.
    """
    description = folder / DESCRIPTION
    try:
        if not description.exists():
            return None
        said = json.loads(description.read_bytes())
        if said.pop("sha256") != _digest(said):
            raise ValueError(f"{DESCRIPTION} is not what was written")
        if said["format"] != format:
            log.info("cache: %s was written by another version and is made anew", folder)
            return None
        for name, digest in said["files"].items():
            if _file_digest(folder / name) != digest:
                raise ValueError(f"{name} is not what was written")
        return read(said["about"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        problem = brief(error) or type(error).__name__
    log.warning("cache: %s is damaged (%s) and is not used", folder, problem)
    return None


def write_entry(
    folder: Path,
    names: Sequence[str],
    *,
    format: int,
    about: Mapping[str, Any],
    write: Callable[[Path], None],
) -> None:
    """Write an entry, all of it or nothing. Where that fails, say so and go on.

    Args:
        folder: the entry's.
        names: of its files.
        format: as for `read_entry`.
        about: what to say of the files; plain values.
        write: is given an empty folder, and writes the files into it; may raise `OSError`.
    """
    try:
        with replaced_together(folder, [*names, DESCRIPTION]) as staging:
            write(staging)
            digests = {name: _file_digest(staging / name) for name in names}
            said = {"format": format, "files": digests, "about": dict(about)}
            write_json(staging / DESCRIPTION, {**said, "sha256": _digest(said)})
    except OSError as error:
        log.warning("cache: %s cannot be kept (%s)", folder, error)


def is_entry(folder: Path) -> bool:
    """Tell whether a folder is such an entry, of any format and maybe damaged."""
    try:
        said = json.loads((folder / DESCRIPTION).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.keys() == {"format", "files", "about", "sha256"}


def _digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
