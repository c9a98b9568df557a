"""The files in a folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

_LEFT_BY_SYSTEMS = {
    "@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "desktop.ini",
}  # fmt: skip
"""Files and folders of network storage, macOS, Windows and Linux, in lower case."""


def is_hidden(name: str) -> bool:
    """Tell whether a name is that of a file or folder which is passed over, such as `.DS_Store`."""
    return name.startswith(".") or is_left_by_system(name)


def is_left_by_system(name: str) -> bool:
    """Tell whether systems make files or folders of this name, such as `Thumbs.db`."""
    return name.lower() in _LEFT_BY_SYSTEMS


def find_images(folder: Path, *, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield every file below a folder that is not hidden, in the order of names.

    A folder that may not be opened is yielded itself, and so is one inside it in which nothing is
    found: reading it tells why. A link back to a folder that it lies in is passed over.

    Args:
        folder: where to look.
        above: the real folders that the search came through.
    """
    real = os.path.realpath(folder)
    above |= {real, *(str(parent) for parent in Path(real).parents)}
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if is_hidden(entry.name):
            continue
        path = folder / entry.name
        if not _is_folder(entry):
            yield path
        elif os.path.realpath(path) not in above:
            inside = find_images(path, above=above)
            yield next(inside, path)
            yield from inside


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False
