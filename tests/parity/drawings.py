"""Eight images that tests draw, the same on every machine."""

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.drawings import landscape

Pixels = NDArray[numpy.uint8]


def draw_images() -> Pixels:
    """Return (8, 299, 299, 3) uint8: landscapes, noise, gradients, shapes; colour and grey."""
    chance = numpy.random.default_rng(5)
    ramp = numpy.linspace(0, 255, 299).astype(numpy.uint8)
    across = numpy.broadcast_to(ramp, (299, 299))
    noise = chance.integers(0, 256, (299, 299, 3), dtype=numpy.uint8)
    scene = landscape()
    grey = scene.mean(axis=-1).astype(numpy.uint8)
    return numpy.stack([
        scene,
        scene[::-1, :, ::-1],
        numpy.stack([grey] * 3, axis=-1),
        noise,
        numpy.stack([noise[..., 0] // 2 + 64] * 3, axis=-1),
        numpy.stack([across, across.T, across[::-1, ::-1]], axis=-1),
        _shapes((230, 220, 200), (20, 60, 150)),
        _shapes((0, 0, 0), (255, 255, 255)),
    ])  # fmt: skip


def _shapes(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> Pixels:
    image = Image.new("RGB", (299, 299), ground)
    canvas = ImageDraw.Draw(image)
    canvas.ellipse((20, 30, 140, 150), fill=ink)
    canvas.rectangle((160, 170, 280, 260), outline=ink, width=9)
    canvas.polygon([(200, 20), (280, 140), (150, 120)], fill=ink)
    canvas.line((10, 280, 140, 180), fill=ink, width=5)
    return numpy.asarray(image)
