"""What all commands share: flags from a configuration's fields, messages, exit statuses."""

import argparse
import dataclasses
import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar, get_args, get_origin, get_type_hints

from torch_inception.commands.signals import INTERRUPTED, stops_soon
from torch_inception.config import make_config, read_toml
from torch_inception.errors import ConfigError, TorchInceptionError
from torch_inception.system.escape import printable

Config = TypeVar("Config")

SUCCESS = 0
FAILURE = 1

_OUTSIDE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO,
    errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
"""What disks, permissions and limits are at fault for; all else may be a mistake of ours."""


def open_closed_streams() -> None:
    """Give closed streams a place to go, so that no other file takes their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def add_flags(parser: argparse.ArgumentParser, kind: type[Any]) -> None:
    """Add a flag for each field of a configuration, and `--config`."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        shown = "" if field.default == "" else f" (default: {field.default})"
        options: dict[str, Any] = {"help": field.metadata["help"] + shown, "default": None}
        if hint is bool:
            options = {"help": field.metadata["help"], "default": None}
            options["action"] = argparse.BooleanOptionalAction
        elif get_origin(hint) is Literal:
            options["choices"] = get_args(hint)
        else:
            options |= {"type": hint, "metavar": {str: "TEXT", int: "N", float: "X"}[hint]}
        parser.add_argument(f"--{field.name.replace('_', '-')}", **options)
    parser.add_argument(
        "--config", metavar="FILE.toml", help="file with any of these settings; flags win over it"
    )


def chosen_config(arguments: argparse.Namespace, kind: type[Config]) -> Config:
    """Merge the flags that were given over the `--config` file and the defaults.

    Raises:
        ConfigError: the file or a value cannot be used.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    given = {name: getattr(arguments, name) for name in names}
    flags = {name: value for name, value in given.items() if value is not None}
    for name in flags:
        if flags[name] == "":
            raise ConfigError(f"--{name.replace('_', '-')} is given and empty. Give a value.")
    if arguments.config is None:
        return make_config(kind, flags, origin="command line")
    settings = read_toml(Path(arguments.config))
    make_config(kind, settings, origin=arguments.config)
    return make_config(kind, settings | flags, origin="command line")


def run_command(body: Callable[[], int], *, log_to: TextIO, when_stopped: str = "stopped.") -> int:
    """Run a command; turn a user's mistake into one line and a status, and leave ours alone.

    Args:
        body: does the work and returns the exit status.
        log_to: where the library's information goes; its warnings go to standard error.
        when_stopped: what Ctrl-C is answered with.
    """
    _set_up_output(log_to)
    try:
        with stops_soon(lambda: print_error(when_stopped)):
            return body()
    except TorchInceptionError as error:
        print_error(str(error))
        return FAILURE
    except KeyboardInterrupt:
        print_error(when_stopped)
        return INTERRUPTED
    except OSError as error:
        if error.errno in _OUTSIDE:
            place = f"{error.filename}: " if error.filename else ""
            print_error(f"{place}{error.strerror}. Change that and run the same command again.")
            return FAILURE
        if not isinstance(error, BrokenPipeError):
            raise
        # Who read the output has enough of it (`| head`). Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE


def print_error(text: str) -> None:
    """Write an error to standard error."""
    sys.stderr.write(f"error: {_printable_lines(text)}\n")


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        # logging would print a traceback and go on, also when nobody reads any more.
        raise


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__)
        if isinstance(record.args, tuple):
            # A line break in a name must not begin a line that looks like ours.
            shown.args = tuple(
                printable(str(each)) if isinstance(each, (str, Path)) else each
                for each in record.args
            )
        return _printable_lines(super().format(shown))


def _set_up_output(log_to: TextIO) -> None:
    # Pillow warns of oddities in single files without naming them, to whom cannot mend them; and
    # under -W error an image would be refused for one. What counts is told with the file's name.
    warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
    # Names of files may be any bytes; what cannot be shown is escaped.
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    information, complaints = _Handler(log_to), _Handler(sys.stderr)
    information.addFilter(lambda record: record.levelno < logging.WARNING)
    complaints.setLevel(logging.WARNING)
    for handler in (information, complaints):
        handler.setFormatter(_Formatter())
    logger = logging.getLogger("torch_inception")
    logger.handlers = [information, complaints]
    logger.setLevel(logging.INFO)
    logger.propagate = False
