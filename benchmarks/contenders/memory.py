"""Images that are in memory already, for timing a network alone: noise is as good as any."""

import numpy
from numpy.typing import NDArray

SHAPE = (299, 299, 3)


def random_pixels(count: int) -> NDArray[numpy.uint8]:
    """Return images as decoded: (count, 299, 299, 3), the same at every call."""
    random = numpy.random.default_rng(0)
    return random.integers(0, 256, (count, *SHAPE), dtype=numpy.uint8)


def random_values(count: int) -> NDArray[numpy.float32]:
    """Return images as networks want them: (count, 3, 299, 299), from -1 to 1."""
    return scaled(random_pixels(count))


def scaled(pixels: NDArray[numpy.uint8]) -> NDArray[numpy.float32]:
    """Map (B, 299, 299, 3) from 0 to 255 to (B, 3, 299, 299) from -1 to 1."""
    values = pixels.transpose(0, 3, 1, 2).astype(numpy.float32)
    values /= 127.5
    values -= 1
    return values
