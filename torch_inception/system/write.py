"""Write tables, JSON and text as UTF-8; what is not valid text, such as odd names, is escaped."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_BYTE = re.compile(r"\\u(dc[89a-f][0-9a-f])")
"""How a byte of a name that is not text is escaped, as PEP 383 numbers such bytes."""


class Table(NamedTuple):
    """What `write_csv` writes."""

    header: Sequence[str]
    rows: Iterable[Sequence[object]]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def exact(text: str) -> str:
    """Return text of a table with the bytes that `write_csv` escaped as they were."""
    return _BYTE.sub(lambda found: chr(int(found[1], 16)), text)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as indented JSON.

    Raises:
        ValueError: a number is not finite, which JSON has no word for.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text; line breaks stay as they are."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
