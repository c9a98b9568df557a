"""What commands show: results, messages and tables, wrapped and coloured where a person reads."""

import io
import logging
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from torch_inception.system.escape import printable

RESULTS = "torch_inception.results"
"""Name of the log of what `--quiet` shows too."""

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"


def print_error(text: str) -> None:
    """Write an error to standard error."""
    sys.stderr.write(f"{shown(f'error: {text}', sys.stderr, colour=_RED)}\n")


def shown(text: str, stream: TextIO, *, colour: str = "") -> str:
    """Return lines as a stream shows them: escaped, and on a terminal wrapped and coloured.

    Args:
        text: may have several lines.
        stream: where they go.
        colour: escape code for the first word, where colours are wanted.
    """
    lines = [printable(line) for line in text.split("\n")]
    if stream.isatty():
        width = shutil.get_terminal_size().columns
        lines = [_wrapped(line, width) for line in lines]
    if colour and wants_colour(stream):
        first, space, rest = lines[0].partition(" ")
        lines[0] = f"{colour}{first}{_PLAIN}{space}{rest}"
    return "\n".join(lines)


def wants_colour(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal whose user has not turned colours off (no-color.org)."""
    is_off = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not is_off


@contextmanager
def output(log_to: TextIO, *, quiet: bool = False) -> Iterator[None]:
    """Show the library's log during a block, and have any name be printable.

    Args:
        log_to: where information goes; warnings go to standard error.
        quiet: whether information is left out, but for results.
    """
    logger = logging.getLogger("torch_inception")
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers = [_information(log_to, quiet=quiet), _complaints()]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        with warnings.catch_warnings(), _any_name_printable():
            # Pillow warns of oddities in single files without naming them. What counts is told
            # with the file's name.
            warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
            yield
    finally:
        logger.handlers, logger.level, logger.propagate = before


def _information(stream: TextIO, *, quiet: bool) -> logging.Handler:
    handler = _Handler(stream)
    handler.addFilter(
        lambda record: record.levelno < logging.WARNING and (not quiet or record.name == RESULTS)
    )
    return handler


def _complaints() -> logging.Handler:
    handler = _Handler(sys.stderr)
    handler.setLevel(logging.WARNING)
    return handler


class _Handler(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        plain = logging.makeLogRecord(record.__dict__)
        if isinstance(record.args, tuple):
            # A line break in a name must not begin a line that looks like ours.
            plain.args = tuple(
                printable(str(each)) if isinstance(each, (str, Path)) else each
                for each in record.args
            )
        colour = _YELLOW if record.levelno >= logging.WARNING else ""
        return shown(super().format(plain), self.stream, colour=colour)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        # logging would print a traceback and go on, also when nobody reads any more.
        raise


@contextmanager
def _any_name_printable() -> Iterator[None]:
    """Escape what the standard streams cannot show: names of files may be any bytes."""
    wanted = (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    )
    before = [(s, s.errors) for s, _ in wanted if isinstance(s, io.TextIOWrapper)]
    for stream, errors in wanted:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    try:
        yield
    finally:
        for wrapper, earlier in before:
            if not wrapper.closed:
                wrapper.reconfigure(errors=earlier)


def _wrapped(line: str, width: int) -> str:
    """Break a line between words, under its own indentation; a long path stays in one piece."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line, width, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip
