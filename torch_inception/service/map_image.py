"""What of an image speaks for its best class, as a small grey image, and where it lies."""

import io

import numpy
from numpy.typing import NDArray
from PIL import Image

from torch_inception.images.data_uri import data_uri
from torch_inception.images.placement import Placement, Side
from torch_inception.images.preprocess import IMAGE_SIZE

ZERO, MOST = 128, 127
"""Grey of what speaks neither for nor against, and how far the largest value is from it."""


def map_image(values: NDArray[numpy.float32]) -> str:
    """Return a map (299, 299) as a data URI of an 8-bit grey PNG.

    128 is 0; 255 and 1 are plus and minus the largest absolute value.
    """
    largest = float(numpy.abs(values).max())
    shares = values / largest if largest else values
    grey = (ZERO + MOST * shares).round().astype(numpy.uint8)
    content = io.BytesIO()
    Image.fromarray(grey).save(content, "PNG")
    return data_uri("image/png", content.getvalue())


def map_box(placement: Placement) -> list[float]:
    """Return left, top, right and bottom of a map, in fractions of the upright image's sides."""
    (left, right), (top, bottom) = map(_edges, placement)
    return [left, top, right, bottom]


def _edges(side: Side) -> tuple[float, float]:
    return side.start / side.length, (side.start + IMAGE_SIZE * side.step) / side.length
