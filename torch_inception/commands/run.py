"""Run a command: a user's mistake becomes a line and a status, a mistake of ours a traceback."""

import errno
import os
import sys
from collections.abc import Callable
from typing import TextIO

from torch_inception.commands.screen import output, print_error
from torch_inception.commands.signals import INTERRUPTED, is_interruption, second_press_ends
from torch_inception.errors import TorchInceptionError
from torch_inception.system.escape import printable

SUCCESS = 0
FAILURE = 1

_OUTSIDE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO,
    errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
"""What disks, permissions and limits are at fault for; all else may be a mistake of ours."""


def run_command(
    body: Callable[[], int], *, log_to: TextIO, quiet: bool = False, when_stopped: str = "stopped."
) -> int:
    """Run the body of a command and return its exit status.

    What is changed of the process meanwhile (log, signals, streams) is as before at the end.

    Args:
        body: does the work and returns the exit status.
        log_to: where the library's information goes; its warnings go to standard error.
        quiet: whether information is left out, but for results.
        when_stopped: what Ctrl-C is answered with.
    """
    with second_press_ends(when_stopped), output(log_to, quiet=quiet):
        try:
            return body()
        except BaseException as error:
            if is_interruption(error):
                print_error(when_stopped)
                return INTERRUPTED
            told = _told(error)
            if told is None:
                raise
            if told:
                print_error(told)
            return FAILURE


def _told(error: BaseException) -> str | None:
    """Return what to tell of an error: nothing of a closed pipe, None of a mistake of ours."""
    if isinstance(error, TorchInceptionError):
        return str(error)
    if isinstance(error, BrokenPipeError):
        # Who read the output has enough of it (`| head`). Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ""
    if isinstance(error, OSError) and error.errno in _OUTSIDE:
        place = f"{printable(str(error.filename))}: " if error.filename else ""
        return f"{place}{error.strerror}. Change that and run the same command again."
    return None


def open_closed_streams() -> None:
    """Give closed streams a place to go, so that no other file takes their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
