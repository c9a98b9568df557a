"""Ctrl-C in a command: the first press stops it in order, the second at once; the status is 130.

Nothing that is kept can be torn by that: files take their places whole, and SQLite rolls back.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


@contextmanager
def second_press_ends(message: str) -> Iterator[None]:
    """Have the first Ctrl-C raise `KeyboardInterrupt`, and a second one end the process at once.

    A handler that is not Python's own belongs to the program around this one, and stays.

    Args:
        message: what a second press is answered with.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, end_at_once)
        raise KeyboardInterrupt

    def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
        # The stream may be in the middle of a line.
        with suppress(OSError):
            os.write(2, f"error: {message}\n".encode())
        end()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_interruption(error: BaseException | None) -> bool:
    """Tell whether an error is Ctrl-C, or what a library made of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def leave(status: int) -> NoReturn:
    """End the process of a command; after Ctrl-C without waiting for any thread."""
    if status == INTERRUPTED:
        end()
    sys.exit(status)


def end() -> NoReturn:
    """End the process at once, as after Ctrl-C."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    # A thread that waits for the keyboard, or still computes, would make Python's own end an abort.
    os._exit(INTERRUPTED)
