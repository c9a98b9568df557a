"""A SQLite file that several processes share; it is only an index, and can be made anew."""

import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from torch_inception.errors import CacheError
from torch_inception.system.cache_folder import CACHE_VARIABLE

log = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
"""How long a process waits for another's transaction, which takes milliseconds."""

TELL_SECONDS = 1.0
"""How long it waits before it says so."""

_VARIABLES = 500

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The last stands for a table that is missing or another."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Result = TypeVar("Result")


class Database:
    """An index file.

    Attributes:
        path: of the file.
        is_writable: whether what is written is kept. If not, it can be read as far as it is there.
    """

    def __init__(self, path: Path, schema: str, *, read_only: bool = False) -> None:
        self.path = path
        self._schema = schema
        self._lock = threading.RLock()
        self._needs_schema = True
        with as_cache_error(path):
            self.is_writable = not read_only and _make_folder(path.parent) and _may_write(path)
        self._connection = self._connect()

    def run(self, work: Callable[[sqlite3.Connection], Result], *, writing: bool = False) -> Result:
        """Run statements, on any thread; if the file turns out to be damaged, make it anew, empty.

        Args:
            work: may be called again where another process was in the way.
            writing: whether it runs as the only writer: all of it is committed, or nothing.

        Raises:
            CacheError: the file cannot be used.
        """
        with self._lock:
            return self._run(work, writing=writing)

    def _run(self, work: Callable[[sqlite3.Connection], Result], *, writing: bool) -> Result:
        start, told, repaired = time.monotonic(), False, False
        while True:
            try:
                with as_cache_error(self.path):
                    return self._attempt(work, writing=writing)
            except CacheError as error:
                can_wait = isinstance(error, _BusyError) and time.monotonic() - start < WAIT_SECONDS
                can_repair = isinstance(error, DamagedError) or not self.is_writable
                if can_wait and not told:
                    log.info("waiting for another process that writes to %s", self.path)
                    told = True
                elif can_repair and not repaired and not can_wait:
                    self._make_anew(error)
                    repaired = True
                elif not can_wait:
                    raise

    def _attempt(self, work: Callable[[sqlite3.Connection], Result], *, writing: bool) -> Result:
        connection = self._connection
        if self._needs_schema:
            connection.execute(self._schema)
            self._needs_schema = False
        if not writing:
            return work(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have done so itself
                connection.execute("ROLLBACK")
            raise
        return result

    def _connect(self, *, in_memory: bool = False) -> sqlite3.Connection:
        place = f"{self.path.absolute().as_uri()}?mode={'rwc' if self.is_writable else 'ro'}"
        in_memory = in_memory or not (self.is_writable or self.path.exists())
        self._needs_schema = self.is_writable or in_memory
        with as_cache_error(self.path):
            if self.is_writable and not in_memory:
                # SQLite makes its files for the owner, whatever the user's mask allows.
                self.path.touch(mode=0o666)
            return sqlite3.connect(
                ":memory:" if in_memory else place,
                timeout=TELL_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                uri=True,
            )

    def _make_anew(self, error: CacheError) -> None:
        self._connection.close()
        if self.is_writable:
            log.warning(
                "cache: %s is damaged (%s) and is made anew", self.path, error.__cause__ or error
            )
            with as_cache_error(self.path):
                for suffix in ("", "-journal"):
                    Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        else:
            log.warning("cache: %s cannot be used (%s)", self.path, error.__cause__ or error)
        self._connection = self._connect(in_memory=not self.is_writable)


class DamagedError(CacheError):
    """The file is not what was written. Raised by `work`, it has the file made anew, too."""


class _BusyError(CacheError):
    """Another process has it."""


@contextmanager
def as_cache_error(path: Path) -> Iterator[None]:
    """Turn an error of the file system or of SQLite into one that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        # Extended result codes have the primary one in their lowest byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _BUSY:
            raise _BusyError(
                f"another process has been writing to the feature cache {path} for over "
                f"{WAIT_SECONDS:.0f} s. Wait for it or end it, and run the command again."
            ) from error
        # Text that is not UTF-8 is noticed by Python, which gives no code.
        is_no_text = isinstance(error, sqlite3.OperationalError) and code == 0
        kind = DamagedError if code in _DAMAGED or is_no_text else CacheError
        raise kind(
            f"the feature cache {path} cannot be used ({error}). Free space there, delete the "
            f"file, or name another folder in the environment variable {CACHE_VARIABLE}."
        ) from error


def select_where_in(
    connection: sqlite3.Connection, query: str, values: Sequence[bytes]
) -> Iterator[tuple[Any, ...]]:
    """Yield what a query finds for any number of values.

    Args:
        connection: as `Database.run` gives it.
        query: with `{}` in the place of the list of values: `... WHERE path IN ({})`.
        values: of which one statement can name some hundreds only.
    """
    for start in range(0, len(values), _VARIABLES):
        portion = values[start : start + _VARIABLES]
        yield from connection.execute(query.format(",".join("?" * len(portion))), portion)


def _make_folder(folder: Path) -> bool:
    """Make a folder where there is none; tell whether that, or what is there, can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return False
    return _may_write(folder)


def _may_write(path: Path) -> bool:
    """Tell whether a file or folder can be written; one that is not there yet can."""
    effective = os.access in os.supports_effective_ids
    return not path.exists() or os.access(path, os.W_OK, effective_ids=effective)
