"""Tell where the cache is and how large, by kind; clear it, or only what was long not used."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from torch_inception.commands.flags import Parser, a_number
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.features.cache import RECORD_BYTES
from torch_inception.system.cache_contents import (
    FILE_INDEX,
    KINDS,
    ROWS_FILE,
    THUMBNAILS,
    CacheEntry,
    cache_entries,
    clear_cache,
)
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.escape import counted, printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("cache", description=__doc__)
    parser.add_argument("--clear", action="store_true", help="remove what is in the cache")
    parser.add_argument(
        "--older-than", metavar="DAYS", type=a_number(float, "number of days"),
        help="with --clear: only what was not used for so many days",
    )  # fmt: skip
    arguments = parser.parse(argv)
    if arguments.older_than is not None and not arguments.clear:
        parser.error("--older-than needs --clear: it says what is removed")
    if arguments.older_than is not None and not 0 <= arguments.older_than < math.inf:
        parser.error(f"--older-than: {arguments.older_than:g} must be 0 or more days")

    def run() -> int:
        folder = cache_folder()
        if not arguments.clear:
            return _show(folder)
        older_than = -math.inf if arguments.older_than is None else arguments.older_than
        return _tell_of_clearing(*clear_cache(folder, older_than=older_than))

    return run_command(
        run,
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again for the rest.",
    )


def _show(folder: Path) -> int:
    sys.stdout.write(f"{printable(str(folder))}\n")
    entries = list(cache_entries(folder))
    for kind in KINDS:
        found = [entry for entry in entries if entry.kind == kind]
        line = f"  {kind:<10}{_megabytes(found):>12} MB{_count(kind, found):>16}"
        sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.write(f"  {'total':<10}{_megabytes(entries):>12} MB\n")
    return SUCCESS


def _count(kind: str, entries: Sequence[CacheEntry]) -> str:
    """Return how much entries of a kind hold; nothing for databases, which are not opened."""
    sizes = [(file.name, size) for entry in entries for file, size in entry.sizes.items()]
    if kind == "features":
        rows = sum(size // RECORD_BYTES for name, size in sizes if name == ROWS_FILE)
        return counted(rows, "row")
    return "" if kind in (FILE_INDEX, THUMBNAILS) else counted(len(sizes), "file")


def _tell_of_clearing(removed: Sequence[CacheEntry], left: Sequence[CacheEntry]) -> int:
    sys.stdout.write(f"{_megabytes(removed)} MB were removed.\n")
    for entry in left:
        print_error(f"{entry.path} is in use by another process, or may not be removed.")
    return FAILURE if left else SUCCESS


def _megabytes(entries: Sequence[CacheEntry]) -> str:
    return f"{sum(entry.size for entry in entries) / 1e6:,.1f}"
