"""Open a SQLite file that several processes share."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from torch_inception.errors import CacheError
from torch_inception.storage import CACHE_VARIABLE

WAIT_SECONDS = 60.0
"""How long a process waits for another's transaction, which takes milliseconds."""

_VARIABLES = 500

Item = TypeVar("Item")


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Open the file, making it and its folder where they are missing.

    Raises:
        CacheError: the folder or the file cannot be used.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
        connection.execute(schema)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block as the only writer: all of it is committed, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the file system or of SQLite into one that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CacheError(
            f"the feature cache {path} cannot be used ({error}). Free space there, delete the "
            f"file, or name another folder in the environment variable {CACHE_VARIABLE}."
        ) from error


def portions(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut a sequence into parts that one SQL statement can name."""
    for start in range(0, len(items), _VARIABLES):
        yield items[start : start + _VARIABLES]


def marks(count: int) -> str:
    """Return the placeholders for an SQL list: `?,?,?`."""
    return ",".join("?" * count)
