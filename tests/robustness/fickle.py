"""A path at which something else lies a moment after it was looked at."""

import os
from collections.abc import Callable
from pathlib import Path

_Path = type(Path())


class FicklePath(_Path):  # type: ignore[misc, valid-type]
    """Changes what lies there once it has been looked at so many times."""

    change: Callable[[Path], None] | None = None
    looks = 1

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Look, and then change."""
        status: os.stat_result = super().stat(follow_symlinks=follow_symlinks)
        self.looks -= 1
        if self.looks == 0 and self.change is not None:
            self.change(Path(self))
        return status


def fickle_path(path: Path, change: Callable[[Path], None], *, looks: int = 1) -> Path:
    """Return a path like another whose file is changed after so many looks at it."""
    made = FicklePath(path)
    made.change, made.looks = change, looks
    return made


def become_pipe(path: Path) -> None:
    """Put a pipe in a file's place."""
    path.unlink()
    os.mkfifo(path)


def become_folder(path: Path) -> None:
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


def grow(path: Path) -> None:
    """Add something to a file."""
    with path.open("ab") as file:
        file.write(b"more")
