"""Training as a process of its own, which starts quickly and can be killed.

A fork server imports torch once. Its children compute features with the fake network, and tell
how many images went through it. Some first convert and fold weights of the real size.
"""

import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy
import pytest
import torch

from tests.fakes import FakeEngine
from tests.processes import server
from torch_inception.commands.train import main
from torch_inception.engines.choose import load_engine
from torch_inception.engines.protocol import Rows
from torch_inception.images.preprocess import Pixels
from torch_inception.network import empty_network
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.store import cache_weights, load_cached_weights

IMAGE_SECONDS = 0.002
"""What an image takes in the network; so a pass has moments to be killed at."""

RENAME_SECONDS = 0.005
"""What a rename takes, for the same reason."""


@dataclass(frozen=True)
class Training:
    """A training in one place.

    Attributes:
        folder: holds the cache, the results, what was said, and the count of images.
        data: the images.
        flags: further ones.
        converts: whether it converts weights first: 180 MB to write.
    """

    folder: Path
    data: Path
    flags: tuple[str, ...] = ()
    converts: bool = False

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
        """Return the names of all that lies in the cache, around the results, and elsewhere.

        torch makes a folder of its own for compiled code when an optimizer is first used. The model
        of the run before is there if there was one.
        """
        places = (self.cache, self.output.parent, self.folder / "temporary")
        names = {
            str(file.relative_to(self.folder)) for place in places for file in place.rglob("*")
        }
        others = re.compile(r"temporary/torchinductor_|.*model\.previous\.pt")
        return {name for name in names if not others.match(name)}


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
    if training.converts:
        _convert()
    count = os.open(training.folder / "count", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    arguments = ["--data", str(training.data), "--output", str(training.output)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", _slowly(Path.replace))
        status = main([*arguments, *training.flags], engine=CountingEngine(count))
    sys.stdout.flush()
    sys.exit(status)


class CountingEngine(FakeEngine):
    """Takes its time, and notes each image in a file."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def rows(self, images: Sequence[Pixels]) -> Rows:
        time.sleep(IMAGE_SECONDS * len(images))
        rows = super().rows(images)
        os.write(self.count, b"." * len(images))
        return rows


def _convert() -> None:
    """Convert, fold and keep a network of the real size, as one from a source is."""
    weights = load_cached_weights("random")
    if weights is None:
        weights = _weights()
        cache_weights("random", weights)
    load_engine(weights, device=torch.device("cpu"))


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
    return make_weights(state, source="random", version="random", pooling="tensorflow")


def _slowly(replace: Callable[..., Path]) -> Callable[..., Path]:
    def slow(self: Path, target: Path) -> Path:
        time.sleep(RENAME_SECONDS)
        return replace(self, target)

    return slow
