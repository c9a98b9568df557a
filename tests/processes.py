"""Python processes that start quickly: a fork server imports torch and the commands once."""

import io
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch_inception.commands.main
import torch_inception.training.pipeline  # noqa: F401 - with it, torch

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload([__name__, "tests.robustness.trainings"])

COMMAND = """
import sys
from torch_inception.commands.main import main
sys.exit(main())
"""
"""The program `torch-inception`."""


@dataclass(frozen=True)
class Done:
    """How a process ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run_python(
    code: str,
    *arguments: str | Path,
    folder: Path | None = None,
    environment: Mapping[str, str],
    stdin: str = "",
) -> Done:
    """Run Python code as a process.

    Args:
        code: as `COMMAND`.
        arguments: of the program.
        folder: where it runs; here, if it is not given.
        environment: all its variables.
        stdin: what it can read from standard input.
    """
    with tempfile.TemporaryDirectory() as streams:
        Path(streams, "stdin").write_text(stdin, encoding="utf-8")
        process = server.Process(
            target=_run,
            args=(code, list(map(str, arguments)), folder, dict(environment), Path(streams)),
        )
        process.start()
        process.join()
        out, err = (Path(streams, name).read_text("utf-8") for name in ("stdout", "stderr"))
    assert process.exitcode is not None
    return Done(process.exitcode, out, err)


def _run(
    code: str, arguments: list[str], folder: Path | None, environment: dict[str, str], streams: Path
) -> None:
    for stream, name in enumerate(("stdin", "stdout", "stderr")):
        handle = os.open(streams / name, os.O_WRONLY | os.O_CREAT if stream else os.O_RDONLY)
        os.dup2(handle, stream)
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(os.fdopen(stream, "wb", 0), "utf-8", write_through=True)
        for stream in (1, 2)
    )
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    sys.argv = ["torch-inception", *arguments]
    exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
