"""Images that tests draw, the same on every machine: integer arithmetic only."""

import io
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image


def landscape(size: int = 299) -> NDArray[numpy.uint8]:
    """Draw sky, sun, hills, a house and grain: (size, size, 3) uint8."""
    y, x = numpy.mgrid[0:size, 0:size].astype(numpy.int64)
    grain = ((x * 7919 + y * 104729 + x * y * 31) % 251) // 10
    image = numpy.stack([90 + y // 3, 140 + y // 4, 235 - y // 5], axis=-1)
    sun = (x - size * 3 // 4) ** 2 + (y - size // 5) ** 2 < (size // 9) ** 2
    image[sun] = (250, 220, 90)
    far = y > size // 2 - (x - size // 3) ** 2 // (3 * size) + size // 10
    image[far] = numpy.stack([60 + grain * 2, 110 + y // 6, 70 + x // 9], axis=-1)[far]
    near = y > size * 2 // 3 + (x % 64 - 32) ** 2 // 90
    image[near] = numpy.stack([95 + x // 5, 75 + grain * 3, 40 + y // 8], axis=-1)[near]
    house = (abs(x - size // 3) < size // 9) & (abs(y - size * 2 // 3) < size // 10)
    image[house] = numpy.stack([170 + grain, 60 + y % 16 * 4, 50 + grain], axis=-1)[house]
    window = (abs(x - size // 3) < size // 30) & (abs(y - size * 2 // 3) < size // 25)
    image[window] = (235, 235, 180)
    drawn: NDArray[numpy.uint8] = (image + grain[..., None] - 12).clip(0, 255).astype(numpy.uint8)
    return drawn


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    """Return the file that Pillow writes."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def draw_colours(folder: Path, *, count: int = 30) -> None:
    """Draw a data set of three classes of `count` images each: red, green and blue squares.

    A corner is a little brighter, since images of one plain colour are warned of.
    """
    for channel, label in enumerate(("red", "green", "blue")):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            colour = [number % 7 * 8, number % 5 * 8, number % 3 * 8]
            colour[channel] = 160 + number * 3
            path = folder / label / f"{label}_{number:02d}.png"
            image = Image.new("RGB", (20 + number, 30), tuple(colour))
            image.putpixel((0, 0), tuple(min(255, value + 8) for value in colour))
            image.save(path)


def draw_frames(folder: Path, *, seed: int, fields: int = 30, frames: int = 4) -> None:
    """Draw a film of each of some fields, of cells at random; half of the fields are ill.

    Frames of a field differ by a shift of one pixel, brightness and noise. Labels carry no
    information: fields of both kinds are drawn alike.
    """
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:160, 0:160]
    for field, is_ill in enumerate(random.permutation(fields) % 2):
        kind = folder / ("ill" if is_ill else "well")
        kind.mkdir(parents=True, exist_ok=True)
        cells = [random.integers((0, 0, 4, 90), (160, 160, 12, 220)) for _ in range(25)]
        for frame in range(frames):
            down, right = random.integers(-1, 2, 2)
            drawn = numpy.full((160, 160), 15.0)
            for row, column, radius, grey in cells:
                drawn[(y - row - down) ** 2 + (x - column - right) ** 2 < radius**2] = grey
            drawn = drawn * random.uniform(0.93, 1.07) + random.normal(0, 4, drawn.shape)
            grey_levels = drawn.clip(0, 255).astype(numpy.uint8)
            Image.fromarray(grey_levels).save(kind / f"field{field:02d}_{frame}.png")
