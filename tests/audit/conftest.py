"""A data set whose faults are known, and functions that audit it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from PIL import Image, ImageFilter

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
def faults(photos: Path) -> Path:
    """Plant a fault of each kind."""
    shutil.move(photos / "red" / "03.png", photos / "green" / "swapped.png")
    shutil.copy(photos / "blue" / "00.png", photos / "red" / "conflict.png")
    shutil.copy(photos / "green" / "05.png", photos / "green" / "same.png")
    with Image.open(photos / "blue" / "07.png") as image:
        image.resize((32, 32)).save(photos / "blue" / "smaller.png")
        image.save(photos / "blue" / "worse.jpg", quality=30)
    with Image.open(photos / "blue" / "08.png") as image:
        image.crop((2, 2, 62, 62)).save(photos / "blue" / "cropped.png")
    with Image.open(photos / "blue" / "09.png") as image:
        image.filter(ImageFilter.GaussianBlur(12)).save(photos / "blue" / "blurred.png")
    Image.new("RGB", (80, 80), (50, 160, 40)).save(photos / "green" / "blank.png")
    draw(photos / "red" / "tiny.png", COLOURS["red"], 99, side=16)
    draw(photos / "red" / "foreign.png", (250, 250, 10), 7)
    draw(photos / "blue" / "dark.png", (0, 0, 20), 7)
    (photos / "red" / "notes.txt").write_text("no image")
    return photos


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
