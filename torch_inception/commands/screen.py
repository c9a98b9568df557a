"""What commands show: results, messages and tables, wrapped and coloured where a person reads."""

import io
import logging
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
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


def shown(text: str, stream: TextIO, *, colour: str = "", names: Sequence[str] = ()) -> str:
    """Return lines as a stream shows them: escaped, and on a terminal wrapped and coloured.

    Args:
        text: may have several lines.
        stream: where they go.
        colour: escape code for the first word, where colours are wanted.
        names: parts of the text that are not broken at their spaces.
    """
    lines = [printable(line) for line in text.split("\n")]
    if stream.isatty():
        width = shutil.get_terminal_size().columns
        lines = [_wrapped(line, width, names) for line in lines]
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
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
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
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


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
        arguments = record.args if isinstance(record.args, tuple) else ()
        if arguments:
            # A line break in a name must not begin a line that looks like ours.
            plain.args = tuple(
                printable(str(each)) if isinstance(each, (str, Path)) else each
                for each in arguments
            )
        colour = _YELLOW if record.levelno >= logging.WARNING else ""
        names = [printable(str(each)) for each in arguments if isinstance(each, Path)]
        return shown(super().format(plain), self.stream, colour=colour, names=names)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        # logging would print a traceback and go on, also when nobody reads any more.
        raise


@contextmanager
def _any_name_printable() -> Iterator[None]:
    """Escape what the standard streams cannot show: names of files may be any bytes."""
    streams = [each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper)]
    before = [(stream, stream.errors) for stream in streams]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in before:
            if not stream.closed:
                stream.reconfigure(errors=errors)


_KEPT_SPACE = "\0"
"""Stands for a space in a name while a line is wrapped; no line has one, for it is escaped."""


def _wrapped(line: str, width: int, names: Sequence[str]) -> str:
    """Break a line between words, under its own indentation; names that fit stay in one piece.

    A row of a table, which has its columns two spaces apart at least, is left as it is.
    """
    if len(line) <= width or "  " in line.strip():
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    for name in names:
        if len(f"{indent}{name}:") <= width:
            line = line.replace(name, name.replace(" ", _KEPT_SPACE))
    filled = textwrap.fill(
        line, width, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip
    return filled.replace(_KEPT_SPACE, " ")
