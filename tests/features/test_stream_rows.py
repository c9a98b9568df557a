"""Answers belong to what was given at a step, whatever becomes of it at the next."""

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image, ImageSequence

from tests.fakes import FakeEngine
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.image_input import ImageInput
from torch_inception.images.preprocess import Preprocessing

SHADES = range(0, 250, 10)


def seen(items: Iterator[ImageInput]) -> list[float]:
    """Return the red, from 0 to 255, that the engine has seen in each image."""
    rows = stream_rows(FakeEngine(), Preprocessing(), items)
    return [float(row[0]) * 255 for row in rows if isinstance(row, numpy.ndarray)]


def frames_of_a_gif(folder: Path) -> Iterator[ImageInput]:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)).convert("P") for shade in SHADES]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])
    with Image.open(folder / "film.gif") as film:
        yield from ImageSequence.Iterator(film)


def one_image_painted_over(folder: Path) -> Iterator[ImageInput]:
    image = Image.new("RGB", (8, 8))
    for shade in SHADES:
        image.paste((shade, 0, 0), (0, 0, 8, 8))
        yield image


def one_tensor_written_over(folder: Path) -> Iterator[ImageInput]:
    tensor = torch.zeros(3, 8, 8, dtype=torch.uint8)
    for shade in SHADES:
        tensor[0] = shade
        yield tensor


def images_that_are_closed(folder: Path) -> Iterator[ImageInput]:
    for shade in SHADES:
        path = folder / "image.png"
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(path)
        with Image.open(path) as image:
            yield image
        path.unlink()


@pytest.mark.parametrize(
    "source",
    [
        frames_of_a_gif,
        one_image_painted_over,
        one_tensor_written_over,
        images_that_are_closed,
    ],
)
def test_what_is_reused_or_closed_at_the_next_step_is_answered_for_its_own(
    source: object, tmp_path: Path
) -> None:
    found = seen(source(tmp_path))  # type: ignore[operator]
    assert found == pytest.approx(list(SHADES), abs=4.9)  # a GIF has a palette of 256 colours
