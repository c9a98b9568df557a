"""A model that was trained once, and new images that it has not seen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.commands.evaluate import main
from torch_inception.training.train_classifier import train_classifier

Evaluate = Callable[..., tuple[int, str, str]]
"""Runs the command with the fake engine; returns (status, out, err)."""


def draw(path: Path, *colour: int) -> None:
    """Draw an image of one colour, but for a corner, that no training image has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (61, 47), colour)
    image.putpixel((0, 0), tuple(min(255, value + 9) for value in colour))
    image.save(path)


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    """Train on red, green and blue images; return the run folder."""
    train_classifier(colours, output=run, engine=FakeEngine())
    return run


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Draw 24 new images of the three classes; four of them are in a wrong one."""
    folder = tmp_path / "new"
    for number in range(8):
        low, high = 10 * number, 170 + 5 * number
        draw(folder / "red" / f"{number}.png", high, low, 30)
        draw(folder / ("red" if number < 3 else "green") / f"g{number}.png", low, high, 30)
        draw(folder / ("green" if number < 1 else "blue") / f"b{number}.png", low, 30, high)
    return folder


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """Give a function that runs the command."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        status = main(list(map(str, arguments)), engine=FakeEngine())
        return status, *capsys.readouterr()

    return call
