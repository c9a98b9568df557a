"""An image while it is being painted: colour and opacity of every pixel."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from tools.draw_shapes.geometry import Distance, FloatArray, pixel_grid

Colour: TypeAlias = FloatArray
"""Red, green and blue in 0..1: one colour of shape (3,), or one per pixel, (height, width, 3)."""


@dataclass
class Canvas:
    """An image of `colour` (height, width, 3) and `opacity` (height, width), both in 0..1."""

    colour: FloatArray
    opacity: FloatArray

    @classmethod
    def blank(cls, width: int, height: int) -> "Canvas":
        """Make a wholly transparent canvas."""
        return cls(np.ones((height, width, 3)), np.zeros((height, width)))

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(self.opacity.shape[1])

    @property
    def height(self) -> int:
        """The number of rows."""
        return int(self.opacity.shape[0])

    @property
    def grid(self) -> tuple[FloatArray, FloatArray]:
        """The x and y of every pixel, see `pixel_grid`."""
        return pixel_grid(self.width, self.height)

    def fill(self, colour: Colour) -> None:
        """Cover everything with one colour, or with one colour per pixel."""
        self.colour = np.broadcast_to(colour, self.colour.shape).copy()
        self.opacity = np.ones_like(self.opacity)

    def paint(self, mask: FloatArray, colour: Colour) -> None:
        """Lay `colour` over the image where `mask` (height, width) says how much of it."""
        opacity = mask + self.opacity * (1 - mask)
        share = np.divide(mask, opacity, out=np.zeros_like(mask), where=opacity > 0)[..., None]
        self.colour = self.colour * (1 - share) + np.asarray(colour) * share
        self.opacity = opacity

    def inside(self, distance: Distance, softness: float = 0.0) -> FloatArray:
        """Give the mask of a figure, its edge one pixel soft, or `softness` units more.

        A pixel counts for the part of it that is inside: a signed distance says this directly,
        as smoothly as drawing at many times the size and scaling down would.
        """
        pixel = 2 / min(self.width, self.height) + softness
        return np.clip(0.5 - distance(*self.grid) / pixel, 0, 1)

    def line(self, distance: Distance, width: float) -> FloatArray:
        """Give the mask of the edge of a figure, or of lines, drawn `width` units wide."""
        return self.inside(lambda x, y: np.abs(distance(x, y)) - width / 2)


def blurred(field: FloatArray, radius: float) -> FloatArray:
    """Blur a mask or a colour image of values in 0..1 by `radius` pixels."""
    if field.ndim == 3:
        return np.stack([blurred(field[..., band], radius) for band in range(3)], axis=2)
    image = Image.fromarray(np.round(np.clip(field, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(radius))), dtype=np.float64) / 255
