"""Which pictures a command is asked for: files, folders, patterns, paths on standard input."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from torch_inception.images import find_pictures

STANDARD_INPUT = "-"


def expand_paths(names: Sequence[str], *, standard_input: Iterable[str]) -> Iterator[Path]:
    """Yield the files that names stand for, in order, as they become known.

    A folder stands for every file below it that is not hidden; `-` for the paths that standard
    input has, one a line. A name that stands for nothing is passed on: opening it tells why.
    """
    for name in names:
        if name == STANDARD_INPUT:
            for line in standard_input:
                if line.strip():
                    yield from _files(Path(line.rstrip("\r\n")))
        elif not Path(name).exists() and glob.has_magic(name):
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - absolute patterns too
            for match in matches or [name]:
                yield from _files(Path(match))
        else:
            yield from _files(Path(name))


def is_one_file(names: Sequence[str]) -> bool:
    """Tell whether the names stand for one picture at most."""
    return (
        len(names) == 1
        and names[0] != STANDARD_INPUT
        and (Path(names[0]).is_file() or not (Path(names[0]).is_dir() or glob.has_magic(names[0])))
    )


def _files(path: Path) -> Iterator[Path]:
    return find_pictures(path) if path.is_dir() else iter((path,))
