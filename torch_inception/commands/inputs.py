"""Which images a command is asked for: files, folders, patterns, paths on standard input."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from torch_inception.images.find import find_images, is_left_by_system

STANDARD_INPUT = "-"


def expand_paths(names: Sequence[str], *, standard_input: Iterable[str]) -> Iterator[Path]:
    """Yield the files that names stand for, in order, as they become known.

    A folder stands for every file below it that is not hidden; `-` for the paths that standard
    input has, one per line. A name that stands for nothing is passed on: opening it tells why.
    """
    for name in names:
        if name == STANDARD_INPUT:
            for line in standard_input:
                if line.strip():
                    yield from _files(Path(at_home(line.rstrip("\r\n"))))
        elif not os.path.lexists(name) and glob.has_magic(name):
            for match in sorted(_matches(name)) or [name]:
                yield from _files(Path(match))
        else:
            yield from _files(Path(name))


def at_home(name: str) -> str:
    """Write out a `~` at the beginning: a quoted pattern reaches us as it was typed."""
    if not name.startswith("~") or os.path.lexists(name):
        return name
    return os.path.expanduser(name)  # noqa: PTH111 - takes any text


def lines_of(stream: TextIO) -> Iterable[str]:
    """Return the lines of standard input, as they come; names of files may be any bytes."""
    raw = getattr(stream, "buffer", None)
    if raw is None:
        return stream
    return (line.decode(stream.encoding, "surrogateescape") for line in raw)


def is_one_file(names: Sequence[str]) -> bool:
    """Tell whether the names stand for one image at most."""
    [name, *others] = names
    several = name == STANDARD_INPUT or os.path.isdir(name) or glob.has_magic(name)  # noqa: PTH112
    return not others and (not several or os.path.isfile(name))  # noqa: PTH113


def _matches(pattern: str) -> Iterator[str]:
    """Yield what a pattern stands for, without files of the system that it does not name."""
    named = Path(pattern).parts
    for match in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - absolute patterns too
        others = [part for part in Path(match).parts if part not in named]
        if not any(map(is_left_by_system, others)):
            yield match


def _files(path: Path) -> Iterator[Path]:
    # Unlike Path.is_dir, this takes names that no file can have.
    return find_images(path) if os.path.isdir(path) else iter((path,))  # noqa: PTH112
