"""Turn a decoded picture of any kind upright and into RGB, in little memory."""

from collections.abc import Callable

import numpy
from PIL import Image, ImageOps

GROUND = (255, 255, 255)
"""Colour under transparent pixels and around a padded picture."""

_STRIP = 2**20
"""Pixels converted at a time: what is between the two kinds takes some 40 bytes for each."""


def upright(image: Image.Image) -> Image.Image:
    """Decode in full and apply the EXIF orientation; broken EXIF says nothing about pixels."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever the EXIF parser stumbles over
        return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture as RGB, on white where it is transparent.

    16-bit grey is scaled by 1/257; 32-bit integers are taken to be 16-bit values, 32-bit floats
    to lie in [0, 1].
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _in_strips(image, _from_deep_grey)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _in_strips(image, _on_ground)
    return image.convert("RGB")


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    width, height = image.size
    whole = Image.new("RGB", image.size)
    # A strip of columns where one row is already too much.
    wide, high = min(width, _STRIP), max(1, _STRIP // width)
    for top in range(0, height, high):
        for left in range(0, width, wide):
            box = (left, top, min(left + wide, width), min(top + high, height))
            whole.paste(convert(image.crop(box)), box)
    return whole


def _on_ground(image: Image.Image) -> Image.Image:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    layer = image.convert(straight).convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*GROUND, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    values = numpy.asarray(image).astype(numpy.float64)
    scaled = values * 255 if image.mode == "F" else values / 257
    grey = numpy.nan_to_num(scaled).round().clip(0, 255).astype(numpy.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = GROUND[0]
    return Image.fromarray(grey).convert("RGB")
