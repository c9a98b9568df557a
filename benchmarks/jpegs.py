"""Make folders of JPEGs that are like photographs, for timing.

Each is a random part of a photograph that scikit-image ships, enlarged, with grain at the level of
single pixels; at quality 90 that gives a fifth to a quarter of a byte a pixel, as cameras do.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from PIL import Image

from benchmarks.images import photograph

COLOUR_PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")

GRAIN = 4.0
"""Standard deviation of the grain, in steps of 0 to 255."""

QUALITY = 90

SEED = 7

Size = tuple[int, int]
"""Width and height in pixels."""


def make_jpegs(folder: Path, size: Size, count: int) -> Path:
    """Write different images of one size, the same at every call.

    Args:
        folder: they go into a folder in it, as loaders of labelled images want it.
        size: width and height.
        count: how many.

    Returns:
        The folder.
    """
    inside = folder / "images"
    inside.mkdir(parents=True)

    def make(number: int) -> None:
        _image(size, number).save(inside / f"{number:04d}.jpg", quality=QUALITY)

    with ThreadPoolExecutor() as threads:
        list(threads.map(make, range(count)))
    return folder


def jpegs_in(folder: Path) -> list[Path]:
    """Return the JPEGs in a folder and its folders, in the order of their names."""
    return sorted(folder.rglob("*.jpg"))


def _image(size: Size, number: int) -> Image.Image:
    random = numpy.random.default_rng((SEED, number))
    whole = photograph(COLOUR_PHOTOGRAPHS[number % len(COLOUR_PHOTOGRAPHS)])
    largest = min(whole.width / size[0], whole.height / size[1])
    width, height = (side * largest * random.uniform(0.5, 1) for side in size)
    left, top = random.uniform(0, whole.width - width), random.uniform(0, whole.height - height)
    box = (left, top, left + width, top + height)
    smooth = numpy.asarray(whole.resize(size, Image.Resampling.BICUBIC, box=box))
    grain = GRAIN * random.standard_normal((size[1], size[0], 1), dtype=numpy.float32)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(numpy.uint8))
