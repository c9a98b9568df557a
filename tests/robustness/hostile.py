"""What strangers can put into a file: odd tensors, code, damage."""

import io
import os
import random
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

GIB = 2**30


class Code:
    """Makes a pickle that calls something."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: ANN401
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def calls(canary: Path) -> dict[str, Code]:
    """Code that would make the canary, or that calls into torch."""
    touch = f"open({str(canary)!r}, 'w').close()"
    return {
        "a shell": Code(os.system, f"touch '{canary}'"),
        "eval": Code(eval, touch),
        "exec": Code(exec, touch),
        "a method": Code(Path.touch, canary),
        "a process": Code(subprocess.check_call, ["touch", str(canary)]),
        "torch.load": Code(torch.load, str(canary)),
    }


def odd_tensors(shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Tensors of a shape that are not plain numbers in memory."""
    return {
        "meta": torch.zeros(shape, device="meta"),
        "sparse": torch.zeros(shape).to_sparse(),
        "complex": torch.zeros(shape, dtype=torch.complex64),
    }


def archive(path: Path, content: bytes) -> Path:
    """Write a file as torch does, with any pickle in it."""
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("archive/data.pkl", content)
        made.writestr("archive/version", "3")
    return path


def old_format(content: object) -> bytes:
    """Save as torch did before version 1.6."""
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def mutations(content: bytes, *, seed: int, number: int) -> Iterator[bytes]:
    """Yield damaged copies: bits turned over, ends cut off, stretches of zeros."""
    draw = random.Random(seed)
    for turn in range(number):
        damaged = bytearray(content)
        place = draw.randrange(len(damaged))
        if turn % 3 == 0:
            for _ in range(draw.choice((1, 1, 2, 8))):
                damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        elif turn % 3 == 1:
            del damaged[place:]
        else:
            length = min(draw.choice((1, 4, 30, 500)), len(damaged) - place)
            damaged[place : place + length] = bytes(length)
        yield bytes(damaged)


LIMITS = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({8 * GIB}, {8 * GIB}))
def peak(): return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""


def peak_memory() -> int:
    """Return the most memory (bytes) that this process has had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_process(code: str, *arguments: str) -> list[str]:
    """Run Python code in a process that cannot fill the machine; return the lines it prints."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITS + code, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
