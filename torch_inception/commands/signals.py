"""What Ctrl-C does to a command: it stops once, within two seconds, whatever is running.

Python hears of a signal between two of its own steps only, and libraries may compute for seconds
in one. So a thread watches too, and ends the process where stopping in order takes too long.
Nothing that is kept can be torn by that: files take their places whole, and SQLite rolls back.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

PATIENCE = 1.5
"""Seconds for stopping in order; the end of the process comes on top."""


def quiet_start() -> None:
    """Have Ctrl-C end the process without a traceback, until `stops_soon` takes over."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_before_start)


@contextmanager
def stops_soon(tell: Callable[[], None]) -> Iterator[None]:
    """Have the first Ctrl-C raise `KeyboardInterrupt`, and the process end soon after it.

    Further ones are ignored: they would only break off the orderly end. Does nothing on a thread
    other than the main one, to which signals do not come, and where Ctrl-C is ignored already.

    Args:
        tell: says that the process was stopped, if stopping in order took too long.
    """
    handler = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or handler is signal.SIG_IGN:
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGINT, _raise_once)
    previous = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, tell), daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        # Libraries make errors of their own of being stopped.
        if _is_stopped():
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.set_wakeup_fd(previous)
        # After Ctrl-C the end is near, and nothing is to disturb it.
        if not _is_stopped():
            signal.signal(signal.SIGINT, handler)
        os.close(writing)


def leave(status: int) -> NoReturn:
    """End the process with a status; after Ctrl-C at once, without waiting for any thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if status == INTERRUPTED:
        with suppress(OSError):
            sys.stdout.flush()
        _end()
    sys.exit(status)


def _raise_once(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _is_stopped() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def _end_before_start(number: int, frame: object) -> NoReturn:
    sys.stderr.write("error: stopped before anything was begun.\n")
    _end()


def _watch(reading: int, tell: Callable[[], None]) -> None:
    """Wait for a signal or for the end of the block that is watched."""
    stop = bytes([signal.SIGINT])
    while (signalled := os.read(reading, 1)) not in (stop, b""):
        pass
    os.close(reading)
    if signalled == stop:
        time.sleep(PATIENCE)
        tell()
        _end()


def _end() -> NoReturn:
    # Threads that wait for a keyboard, or still compute, would make Python's own end an abort.
    os._exit(INTERRUPTED)
