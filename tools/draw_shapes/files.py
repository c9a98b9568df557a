"""A canvas as a file in one of five formats."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.geometry import FloatArray

FORMATS = ("jpg", "png", "webp", "gif", "bmp")
HAS_ALPHA = frozenset({"png", "webp", "gif"})


def _image(canvas: Canvas, suffix: str) -> Image.Image:
    """Give the canvas as an image, on white where the format has no transparency."""
    opacity = canvas.opacity[..., None]
    if suffix in HAS_ALPHA and opacity.min() < 1:
        layers = np.concatenate([canvas.colour, opacity], axis=2)
        return Image.fromarray(_bytes(layers))
    return Image.fromarray(_bytes(canvas.colour * opacity + 1 - opacity))


def _bytes(values: FloatArray) -> NDArray[np.uint8]:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def save(canvas: Canvas, path: Path, quality: int, is_grey: bool, has_palette: bool) -> None:
    """Write a canvas in the format that the suffix of `path` names.

    Args:
        canvas: what to write.
        path: where to; its suffix is one of `FORMATS`.
        quality: of JPEG and WebP, in 0..100.
        is_grey: write one band instead of three, where the format can.
        has_palette: write a BMP with one byte per pixel instead of three.
    """
    suffix = path.suffix[1:]
    image = _image(canvas, suffix)
    if is_grey and image.mode == "RGB" and suffix != "webp":
        image = image.convert("L")
    if suffix == "gif" or (suffix == "bmp" and has_palette and image.mode == "RGB"):
        image = _with_palette(image)
    if suffix == "jpg":
        image.save(path, quality=quality)
    elif suffix == "webp":
        image.save(path, quality=quality, method=4)
    else:
        image.save(path, optimize=suffix == "png")


def _with_palette(image: Image.Image) -> Image.Image:
    """Reduce an image to a few colours of its own, undithered."""
    if image.mode == "RGBA":
        return image.quantize(64, method=Image.Quantize.FASTOCTREE)
    return image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
