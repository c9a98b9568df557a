"""The command as a process, with a network whose answers are plain."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import ctypes
import signal
import sys
from tests.fakes import MappingEngine
from torch_inception.commands.serve import main
signal.signal(signal.SIGUSR1, lambda *_: ctypes.CDLL(None).malloc_trim(0))
sys.exit(main(sys.argv[1:], engine=MappingEngine()))
"""
"""`torch-inception serve` with a network whose answers are plain.

At SIGUSR1 the C library gives memory that is free back to the system; else it keeps some, now
more and now less of it, which would be taken for a leak.
"""


@contextmanager
def started(*arguments: object) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Start the command on a free port; give the process and the port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments), "--port", str(port)],
        stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        # Who starts the tests in the background may have Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not is_open(port):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
