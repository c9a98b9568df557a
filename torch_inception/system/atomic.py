"""How files are written: whole or not at all."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch_inception.system.temporary import temporary_file


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and takes `path`'s place."""
    with temporary_file(path) as temporary:
        yield temporary
        put_in_place(temporary, path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Have a finished temporary file take a place, synced and with the usual permissions.

    Temporary files are made for the owner alone.
    """
    temporary.chmod(usual_permissions(0o666))
    sync(temporary)
    temporary.replace(path)


def sync(path: Path) -> None:
    """Have the operating system write a file's content to the disk now."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as UTF-8; what is not valid text is escaped."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as indented JSON."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; what is not valid is escaped."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def usual_permissions(mode: int) -> int:
    """Return what the user's mask leaves of a new file's (0o666) or folder's (0o777) mode."""
    # There is no call that only reads the mask.
    mask = os.umask(0o077)
    os.umask(mask)
    return mode & ~mask
