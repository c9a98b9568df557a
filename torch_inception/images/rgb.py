"""Turn a decoded image of any kind upright and into RGB, in little memory."""

from collections.abc import Callable, Iterator

import numpy
from PIL import Image

BACKGROUND = (255, 255, 255)
"""Colour under transparent pixels and around a padded image."""

_STRIP = 2**20
"""Pixels converted at a time: what is between the two kinds takes some 40 bytes for each."""


_ORIENTATION, _UPRIGHT = 0x0112, 1
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its orientation; EXIF 2.32, 4.6.4."""

_STATED_IN = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")

MAX_EXIF_BYTES = 2**20
"""EXIF that is read at most. Pillow makes a Python object of each number in it."""


def upright(image: Image.Image) -> Image.Image:
    """Return a copy that is decoded in full and turned as its EXIF says.

    Broken EXIF says nothing about pixels.
    """
    image.load()
    turn = _TURNS.get(_orientation(image))
    if turn is None:
        return image.copy()
    turned = image.transpose(turn)
    for key in _STATED_IN:
        turned.info.pop(key, None)
    return turned


def is_on_its_side(image: Image.Image) -> bool:
    """Tell whether its EXIF says that width and height change places."""
    return _orientation(image) in (5, 6, 7, 8)


def _orientation(image: Image.Image) -> int:
    if any(len(image.info.get(key) or b"") > MAX_EXIF_BYTES for key in _STATED_IN[:2]):
        return _UPRIGHT
    try:
        return int(image.getexif().get(_ORIENTATION, _UPRIGHT))
    except Warning:  # where warnings are errors, those about EXIF must not decide
        raise
    except Exception:  # whatever the EXIF parser stumbles over
        return _UPRIGHT


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a loaded image as RGB, on white where it is transparent.

    Where it is wholly transparent, it is shown as if it were not: so some programs write images
    whose alpha they do not use, and white would show nothing of them.

    16-bit grey is scaled by 1/257; 32-bit integers are taken to be 16-bit values, 32-bit floats
    to lie in [0, 1].
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _in_strips(image, _from_deep_grey)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _in_strips(image, _without_alpha if _is_clear(image) else _on_background)
    return image.convert("RGB")


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    whole = Image.new("RGB", image.size)
    for box in _strips(image.size):
        whole.paste(convert(cut_out(image, box)), box)
    return whole


def _strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size
    # A strip of columns where one row is already too much.
    wide, high = min(width, _STRIP), max(1, _STRIP // width)
    for top in range(0, height, high):
        for left in range(0, width, wide):
            yield left, top, min(left + wide, width), min(top + high, height)


def cut_out(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Do as `Image.crop`, which refuses more pixels than the program around us may have set."""
    size = (box[2] - box[0], box[3] - box[1])
    return image.resize(size, Image.Resampling.NEAREST, box)


def _on_background(image: Image.Image) -> Image.Image:
    layer = _with_alpha(image)
    background = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    return Image.alpha_composite(background, layer).convert("RGB")


def _without_alpha(image: Image.Image) -> Image.Image:
    return _with_alpha(image).convert("RGB")


def _is_clear(image: Image.Image) -> bool:
    """Tell whether all pixels are wholly transparent; the first that is not decides."""
    parts = (_with_alpha(cut_out(image, box)) for box in _strips(image.size))
    return all(part.getchannel("A").getextrema() == (0, 0) for part in parts)


def _with_alpha(image: Image.Image) -> Image.Image:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    return image.convert(straight).convert("RGBA")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    # Not a number, infinity and numbers that overflow are found in files.
    with numpy.errstate(all="ignore"):
        values = numpy.asarray(image).astype(numpy.float64)
        scaled = values * 255 if image.mode == "F" else values / 257
        grey = numpy.nan_to_num(scaled).round().clip(0, 255).astype(numpy.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = BACKGROUND[0]
    return Image.fromarray(grey).convert("RGB")
