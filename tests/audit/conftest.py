"""A data set whose faults are known, and functions that audit it."""

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.commands.audit import main

COLOURS = {"blue": (40, 50, 170), "green": (50, 160, 40), "red": (170, 40, 50)}
COUNT = 14


def draw(path: Path, colour: tuple[int, int, int], number: int, *, side: int = 64) -> Path:
    """Draw an image of a colour, with blocks that are another in each image."""
    dice = numpy.random.default_rng([number, *colour])
    blocks = dice.integers(-40, 41, (8, 8, 1)) + numpy.array(colour)
    pixels = blocks.clip(0, 255).astype(numpy.uint8).repeat(8, axis=0).repeat(8, axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).resize((side, side)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Draw three classes of images without a fault."""
    for label, colour in COLOURS.items():
        for number in range(COUNT):
            draw(tmp_path / "photos" / label / f"{number:02d}.png", colour, number)
    return tmp_path / "photos"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Give a function that runs the command, in the folder above that of the images."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([*map(str, arguments)], engine=FakeEngine())


def files(folder: Path) -> dict[str, bytes]:
    """Return path -> content of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
