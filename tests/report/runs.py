"""Runs that reports are made of: coloured squares, of which some have a wrong label."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
from PIL import Image

from tests.fakes import MappingEngine
from torch_inception.training.pipeline import TrainingResult
from torch_inception.training.train_classifier import train_classifier

LABELS = ("red", "green", "blue")


def draw(path: Path, place: int, number: int) -> None:
    """Draw squares in which one colour prevails, each its own way."""
    random = numpy.random.default_rng((place, number))
    squares = random.integers(0, 120, (8, 8, 3), numpy.uint8)
    squares[..., place % 3] += 60 + number % 70
    Image.fromarray(squares).resize((40 + number % 5, 40), Image.Resampling.NEAREST).save(path)


def draw_images(
    folder: Path, labels: Sequence[str] = LABELS, *, count: int = 30, mistakes: int = 4
) -> list[tuple[Path, str]]:
    """Draw `count` images of each class; return them with their labels.

    The first `mistakes` of the first class have the label of the second, a copy has its own class,
    and one file is no image.
    """
    folder.mkdir(parents=True)
    found = []
    for place, label in enumerate(labels):
        for number in range(count):
            path = folder / f"{place}_{number:03d}.png"
            draw(path, place, number)
            is_wrong = place == 0 and number < mistakes
            found.append((path, labels[1] if is_wrong else label))
    copy = folder / "copy.png"
    copy.write_bytes(found[-1][0].read_bytes())
    broken = folder / "broken.png"
    broken.write_bytes(b"no image")
    return [*found, (copy, labels[-1]), (broken, labels[0])]


def make_run(
    folder: Path,
    labels: Sequence[str] = LABELS,
    *,
    count: int = 30,
    **settings: Any,  # noqa: ANN401
) -> TrainingResult:
    """Train on such images, in a folder; the engine gives maps."""
    images = draw_images(folder / "images", labels, count=count)
    return train_classifier(images, output=folder / "run", engine=MappingEngine(), **settings)
