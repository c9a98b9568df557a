"""Tell how large the cache is, by kind, and clear it: all of it, or what was long not used."""

import math
import sys
from collections.abc import Sequence

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.system.cache_folder import KINDS, CacheEntry, cache_entries, cache_folder
from torch_inception.system.escape import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("cache", description=__doc__)
    parser.add_argument("--clear", action="store_true", help="remove what is in the cache")
    parser.add_argument(
        "--older-than", metavar="DAYS", type=float,
        help="with --clear: only what was not used for so many days",
    )  # fmt: skip
    arguments = parser.parse(argv)
    if arguments.older_than is not None and not arguments.clear:
        parser.error("--older-than goes with --clear")
    if arguments.older_than is not None and not 0 <= arguments.older_than < math.inf:
        parser.error(f"--older-than: {arguments.older_than:g} must be 0 or more days")
    return run_command(
        lambda: _clear(arguments.older_than) if arguments.clear else _show(),
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again for the rest.",
    )


def _show() -> int:
    sys.stdout.write(f"{printable(str(cache_folder()))}\n")
    entries = list(cache_entries())
    for kind in KINDS:
        found = [entry for entry in entries if entry.kind == kind]
        _line(kind, found)
    _line("total", entries)
    return SUCCESS


def _clear(days: float | None) -> int:
    entries = [each for each in cache_entries() if days is None or each.unused_days > days]
    for entry in entries:
        entry.remove()
    left = [entry for entry in entries if entry.path.exists()]
    _line("removed", [entry for entry in entries if entry not in left])
    if left:
        print_error(f"{left[0].path} could not be removed ({len(left)} such).")
    return FAILURE if left else SUCCESS


def _line(name: str, entries: Sequence[CacheEntry]) -> None:
    size = sum(entry.size for entry in entries) / 1e6
    sys.stdout.write(f"  {name:<10}  {size:>10.1f} MB\n")
