"""Where what the network sees lies in an image: from 299 x 299 pixels back to its own geometry."""

from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.images.preprocess import IMAGE_SIZE, Preprocessing, crop_box, padded_box

_STRIP = 64
"""Columns that are computed at a time."""


class Side(NamedTuple):
    """One direction.

    Attributes:
        length: of the image's side, in pixels.
        start: where the first of the 299 pixels begins in the image, in its pixels.
        step: how many pixels of the image each of the 299 takes.
    """

    length: int
    start: float
    step: float

    def masses(self, values: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
        """Share numbers (..., 299) float64 out over the image's pixels, (..., length) float64.

        Each pixel of the image gets what lies on it; what lies outside is lost.
        """
        before = numpy.zeros((*values.shape[:-1], 1))
        sums = numpy.concatenate([before, values.cumsum(axis=-1)], axis=-1)
        edges = (numpy.arange(self.length + 1) - self.start) / self.step
        edges = edges.clip(0, IMAGE_SIZE)
        left = numpy.minimum(edges.astype(numpy.intp), IMAGE_SIZE - 1)
        share = edges - left
        at_edges = sums[..., left] * (1 - share) + sums[..., left + 1] * share
        found: NDArray[numpy.float64] = numpy.diff(at_edges, axis=-1)
        return found


class Placement(NamedTuple):
    """Both directions."""

    across: Side
    down: Side

    def in_image(self, values: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """Map numbers over what the network sees, (299, 299), to the image's, (height, width).

        The sum stays, but for what lies on padding.
        """
        columns = self.across.masses(values.astype(numpy.float64))
        found = numpy.empty((self.down.length, self.across.length), numpy.float32)
        for start in range(0, self.across.length, _STRIP):  # a large image fills the memory
            strip = slice(start, start + _STRIP)
            found[:, strip] = self.down.masses(columns[:, strip].T).T
        return found


def placement(size: tuple[int, int], preprocessing: Preprocessing) -> Placement:
    """Return where what the network sees lies in an image.

    Args:
        size: width and height of the upright image.
        preprocessing: how it becomes 299 x 299.
    """
    if preprocessing.resize == "crop":
        return _sides(size, crop_box(size))
    if preprocessing.resize == "pad":
        return _sides(size, padded_box(size))
    return _sides(size, (0, 0, *size))


def _sides(size: tuple[int, int], box: tuple[float, float, float, float]) -> Placement:
    left, top, right, bottom = box
    return Placement(
        Side(size[0], left, (right - left) / IMAGE_SIZE),
        Side(size[1], top, (bottom - top) / IMAGE_SIZE),
    )
