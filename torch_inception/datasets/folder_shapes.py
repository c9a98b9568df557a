"""Folders that are no folder of class folders: what they are instead, and the command that fits."""

import logging
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from torch_inception.errors import DatasetError
from torch_inception.images.find import is_hidden
from torch_inception.images.plugins import plugins
from torch_inception.system.escape import counted, listed

log = logging.getLogger(__name__)

FILES_LOOKED_AT = 100
"""Files of a folder that are opened at most to see whether it holds images."""

DEEPEST = 5
"""Folders, one in the other, that are opened at most to find the class folders."""

_NAMES_SHOWN = 5

_ARCHIVES = (
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive"),
    (rb".{257}ustar", "a tar archive"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "a compressed file or archive"),
    (rb"7z\xbc\xaf", "a 7z archive"),
    (rb"Rar!", "a RAR archive"),
)
"""How an archive begins, as a regular expression, and its name."""

_TABLES = (".csv", ".tsv", ".jsonl")


def class_names(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without the hidden ones."""
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not is_hidden(entry.name)
    )


def names_below(folder: Path) -> list[str]:
    """Return the names of the folders in a folder; none, where it may not be opened."""
    with suppress(OSError):
        return class_names(folder)
    return []


def class_folders(folder: Path, labels: Sequence[str]) -> dict[str, str]:
    """Return, for each class that has a folder here, the name of that folder.

    It is the label; or, where no other is meant, a name that differs from it in Unicode form only.
    """
    return same_names(class_names(folder), labels)


def same_names(names: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Return, for each label that is among some names, that name; see `class_folders`."""
    found = {label: label for label in set(labels).intersection(names)}
    label_of = {composed(label): label for label in labels}
    forms = Counter(map(composed, {*labels, *names}))
    for name in names:
        label = label_of.get(composed(name))
        if name not in found and label is not None and forms[composed(name)] == 2:
            found.setdefault(label, name)
    return found


def composed(name: str) -> str:
    """Return a name in the Unicode form in which letters and their accents are one (NFC)."""
    return unicodedata.normalize("NFC", name)


def holds_images(folder: Path) -> bool:
    """Tell whether files that lie directly in a folder begin as images do."""
    return any(_is_image(path) for path in islice(_files(folder), FILES_LOOKED_AT))


def warn_of_loose_images(folder: Path) -> None:
    """Warn of images that lie beside the class folders: nothing says what they show."""
    loose = [path.name for path in _files(folder) if _is_image(path)]
    if loose:
        log.warning(
            "WARNING: %s in %s, beside the class folders, is in no class and not used: %s.",
            counted(len(loose), "image"), folder, quoted(loose),
        )  # fmt: skip


def check_folder(folder: Path, *, setting: str) -> None:
    """Do nothing if there is a folder of this name.

    Args:
        folder: as it was given.
        setting: that it was given as: "data" or "test_data".

    Raises:
        DatasetError: there is none; the message says what there is.
    """
    flag = f"--{setting.replace('_', '-')}"
    name = str(folder)
    if "\0" not in name and folder.is_dir():
        return
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", name):  # one letter would be a drive of Windows
        address = name.replace(":/", "://", 1)  # a path has lost a slash
        if address.startswith(("s3://", "gs://")):
            raise DatasetError(
                f"{address} is in an object store, and training reads images from disks: copy or "
                f"mount it, and give the folder: {flag}. For the features alone: torch-inception "
                "features."
            )
        raise DatasetError(
            f"{address} is a web address: download it first, unpack it, and give the "
            f"folder: {flag}."
        )
    if "\0" in name or not folder.is_file():
        raise DatasetError(
            f"there is no folder {name}. Give one that has a folder of images per class: {flag}."
        )
    archive = archive_name(folder)
    if archive:
        raise DatasetError(f"{name} is {archive}: unpack it first, and give the folder: {flag}.")
    if folder.suffix.lower() in _TABLES and setting == "data":
        raise DatasetError(f"{name} is a file, not a folder. For a table: --labels {typed(name)}")
    raise DatasetError(
        f"{name} is a file, not a folder. Give one that has a folder of images per class: {flag}."
    )


def refuse_fewer_than_two_classes(folder: Path, labels: Sequence[str]) -> None:
    """Refuse a folder with fewer than two class folders.

    Args:
        folder: that is there.
        labels: the names of the folders in it.

    Raises:
        DatasetError: it has fewer; the message says what to give instead.
    """
    if len(labels) >= 2:
        return
    if labels:
        below = _class_folders_below(folder / labels[0])
        if below is not None:
            raise DatasetError(
                f"{folder} holds only {labels[0]!r}, and the folders of classes are further "
                f"below: {quoted(names_below(below))}. Give the folder that holds these: "
                f"--data {typed(below)}"
            )
    elif holds_images(folder):
        raise _holds_images_itself(folder)
    found = f"only {labels[0]!r}" if labels else "none"
    raise DatasetError(
        f"{folder} needs at least two class folders and has {found}. Put each class's "
        "images into a folder of its own; the folder's name is the label."
    )


def archive_name(path: Path) -> str:
    """Return what archive a file is, or ""."""
    start = _start(path)
    return next((name for begin, name in _ARCHIVES if re.match(begin, start, re.DOTALL)), "")


def quoted(names: Sequence[str]) -> str:
    """Return names for a message, quoted: all, or the first and how many more there are."""
    return listed([repr(name) for name in names], _NAMES_SHOWN)


def _holds_images_itself(folder: Path) -> DatasetError:
    """Return the error of a class folder that was given as data, or of a flat folder."""
    # A name such as "." has its parent only when it is written out.
    above = folder.absolute().parent if folder.name in ("", "..") else folder.parent
    beside = [
        name
        for name in names_below(above)
        if holds_images(above / name) and not names_below(above / name)
    ]
    if len(beside) >= 2:
        return DatasetError(
            f"{folder} holds images and no folders, as all of these do: {quoted(beside)}. If these "
            f"are the classes, give the folder that holds them: --data {typed(above)}"
        )
    tables = [path for path in _files(folder) if path.suffix.lower() in _TABLES]
    table = tables[0] if tables else "FILE.csv"
    return DatasetError(
        f"{folder} holds images and no class folders, so nothing says what they show. Move them "
        f"into a folder per class, such as {folder / 'cat'} and {folder / 'dog'}; or list them in "
        f"a table with the columns path and label: --labels {typed(table)}"
    )


def _class_folders_below(folder: Path) -> Path | None:
    """Return the first folder from here on, each the only one in the last, that holds several."""
    for _ in range(DEEPEST):
        names = names_below(folder)
        if len(names) >= 2:
            return None if holds_images(folder) else folder
        if not names:
            return None
        folder = folder / names[0]
    return None


def _files(folder: Path) -> list[Path]:
    """Return the files directly in a folder; none, where it may not be opened."""
    with suppress(OSError):
        return sorted(
            entry for entry in folder.iterdir() if not is_hidden(entry.name) and entry.is_file()
        )
    return []


def _is_image(path: Path) -> bool:
    start = _start(path)[:16]
    return len(start) == 16 and any(plugin.accepts(start) for plugin in plugins())


def _start(path: Path) -> bytes:
    """Return how a file begins; nothing, where it cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(300)
    return b""


def typed(path: str | Path) -> str:
    """Return a path as it is typed in a command."""
    return shlex.quote(str(path))
