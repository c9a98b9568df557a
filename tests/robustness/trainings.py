"""Training as a process of its own, which starts quickly and can be killed.

A fork server imports torch once. Its children convert and fold weights of the real size, keep
them, compute features with the fake network, and tell how many images went through it.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from tests.fakes import fake_backbone
from torch_inception.commands.train import main
from torch_inception.engines.cpu import CpuEngine
from torch_inception.network import empty_network
from torch_inception.system.atomic import CACHE_VARIABLE
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.sources import npm

IMAGE_SECONDS = 0.002
"""What an image takes in the network; so a pass has moments to be killed at."""

RENAME_SECONDS = 0.005
"""What a rename takes, for the same reason."""

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Training:
    """A training in one place.

    Attributes:
        folder: holds the cache, the results, what was said, and the count of images.
        data: the images.
        flags: further ones.
    """

    folder: Path
    data: Path
    flags: tuple[str, ...] = ()

    @property
    def cache(self) -> Path:
        """The cache folder."""
        return self.folder / "cache"

    @property
    def output(self) -> Path:
        """The run folder."""
        return self.folder / "results" / "run"

    def start(self, limit_bytes: int | None = None) -> ForkServerProcess:
        """Start it as a process."""
        process = server.Process(target=_train, args=(self, limit_bytes), daemon=True)
        process.start()
        return process

    def run(self, limit_bytes: int | None = None) -> int:
        """Run it to its end; return its exit status."""
        process = self.start(limit_bytes)
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    def said(self) -> str:
        """Return what it and those before it in this place wrote to the screen."""
        return (self.folder / "screen").read_text(encoding="utf-8")

    def through_the_network(self) -> int:
        """Return how many images went through the network, in all runs in this place."""
        count = self.folder / "count"
        return count.stat().st_size if count.exists() else 0

    def numbers(self) -> tuple[list[bytes], bytes]:
        """Return the model's numbers and the table of parts."""
        model = torch.load(self.output / "model.pt", weights_only=True)
        tensors = [model[name].numpy().tobytes() for name in ("weight", "bias")]
        return tensors, (self.output / "splits.csv").read_bytes()

    def files(self) -> set[str]:
        """Return the names of all that lies in the cache, around the results, and elsewhere."""
        places = (self.cache, self.output.parent, self.folder / "temporary")
        return {str(file.relative_to(self.folder)) for place in places for file in place.rglob("*")}


def _train(training: Training, limit_bytes: int | None) -> None:
    training.folder.mkdir(parents=True, exist_ok=True)
    screen = os.open(training.folder / "screen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(screen, stream)
    os.environ[CACHE_VARIABLE] = str(training.cache)
    tempfile.tempdir = str(training.folder / "temporary")
    Path(tempfile.tempdir).mkdir(exist_ok=True)
    if limit_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    with pytest.MonkeyPatch.context() as patch:
        fake_backbone(patch)
        patch.setattr(npm, "_pack", _pack)
        patch.setattr(npm, "convert", lambda tarball: _weights())
        patch.setattr(Path, "replace", _slowly(Path.replace))
        count = os.open(training.folder / "count", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        patch.setattr(CpuEngine, "forward", _counted(CpuEngine.forward, count))
        arguments = ["--data", str(training.data), "--output", str(training.output)]
        status = main([*arguments, "--weights", npm.SOURCE, *training.flags])
    sys.stdout.flush()
    sys.exit(status)


def _pack(folder: Path) -> Path:
    """Stand for npm: leave a tarball."""
    tarball = folder / "package.tgz"
    tarball.write_bytes(bytes(2**20))
    return tarball


def _weights() -> Weights:
    """Make weights of the real size."""
    generator = numpy.random.default_rng(0)
    state: dict[str, torch.Tensor] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        shape = tuple(unit.weight.shape)
        state[f"{name}.conv.weight"] = torch.from_numpy(
            generator.random(shape, dtype=numpy.float32) - 0.5
        )
        for part in ("weight", "bias", "running_mean", "running_var"):
            ones = numpy.ones(unit.out_channels, numpy.float32)
            state[f"{name}.bn.{part}"] = torch.from_numpy(ones)
    return make_weights(state, source=npm.SOURCE, version="storm", pooling="tensorflow")


def _slowly(replace: Callable[..., Path]) -> Callable[..., Path]:
    def slow(self: Path, target: Path) -> Path:
        time.sleep(RENAME_SECONDS)
        return replace(self, target)

    return slow


def _counted(forward: Callable[..., Any], count: int) -> Callable[..., Any]:
    def counted(self: CpuEngine, pixels: torch.Tensor) -> torch.Tensor:
        time.sleep(IMAGE_SECONDS * len(pixels))
        rows: torch.Tensor = forward(self, pixels)
        os.write(count, b"." * len(pixels))
        return rows

    return counted
