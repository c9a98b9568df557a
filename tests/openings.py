"""Which files are opened, by whatever function of Python's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def openings(ending: str) -> Iterator[list[str]]:
    """Give a list of the names of files that are opened during a block.

    Args:
        ending: of the names of the files that count.
    """
    names: list[str] = []
    is_listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if is_listening and event == "open" and str(arguments[0]).endswith(ending):
            names.append(Path(arguments[0]).name)

    sys.addaudithook(hear)  # there is no way to take one away
    yield names
    is_listening = False
