"""Turn a decoded image of any kind upright and into RGB, in little memory."""

from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image

from torch_inception.images.deep import (
    ITS_OWN_RANGE,
    DeepSettings,
    GreyKind,
    ValueRange,
    grey_values,
    is_deep_grey,
    on_grid,
    to_bytes,
)

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
    turned = oriented(image, _orientation(image))
    if turned is image:
        return image.copy()
    for key in _STATED_IN:
        turned.info.pop(key, None)
    return turned


def oriented(image: Image.Image, orientation: int) -> Image.Image:
    """Return an image that is turned upright; itself where it is so already.

    Args:
        image: loaded.
        orientation: as EXIF numbers it.
    """
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


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


def to_rgb(
    image: Image.Image, deep: DeepSettings = ITS_OWN_RANGE, kind: GreyKind | None = None
) -> Image.Image:
    """Return a loaded image as RGB, on white where it is transparent.

    Where it is wholly transparent, it is shown as if it were not: so some programs write images
    whose alpha they do not use, and white would show nothing of them.

    Args:
        image: of any mode of Pillow's.
        deep: what grey of more than 8 bits is scaled by.
        kind: what is known of such grey beside its mode.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if is_deep_grey(image):
        return _from_deep_grey(image, deep, kind or GreyKind())
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return in_strips(image, without_alpha if is_clear(image) else on_background)
    return image.convert("RGB")


def in_strips(
    image: Image.Image, convert: Callable[..., Image.Image], *others: Image.Image
) -> Image.Image:
    """Convert an image, and others of its size with it, to RGB, part by part.

    Args:
        image: loaded.
        convert: maps a part of each to one of RGB.
        others: of the same size.
    """
    whole = Image.new("RGB", image.size)
    for box in _strips(image.size):
        whole.paste(convert(*(cut_out(each, box) for each in (image, *others))), box)
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


def on_background(image: Image.Image) -> Image.Image:
    """Lay an image with transparent parts on white."""
    layer = _with_alpha(image)
    background = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    return Image.alpha_composite(background, layer).convert("RGB")


def without_alpha(image: Image.Image) -> Image.Image:
    """Return the colours that an image has under its transparency."""
    return _with_alpha(image).convert("RGB")


def is_clear(image: Image.Image) -> bool:
    """Tell whether all pixels are wholly transparent; the first that is not decides."""
    parts = (_with_alpha(cut_out(image, box)) for box in _strips(image.size))
    return all(part.getchannel("A").getextrema() == (0, 0) for part in parts)


def _with_alpha(image: Image.Image) -> Image.Image:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    return image.convert(straight).convert("RGBA")


def _from_deep_grey(image: Image.Image, deep: DeepSettings, kind: GreyKind) -> Image.Image:
    value_range = deep.range_of(grey_values(on_grid(image), kind))
    clear = image.info.get("transparency")
    strips = (cut_out(image, box) for box in _strips(image.size))
    if clear is not None and all((grey_values(each, kind) == clear).all() for each in strips):
        clear = None
    return in_strips(image, partial(_grey_strip, value_range=value_range, kind=kind, clear=clear))


def _grey_strip(
    strip: Image.Image, *, value_range: ValueRange, kind: GreyKind, clear: int | None
) -> Image.Image:
    values = grey_values(strip, kind)
    grey = to_bytes(values, value_range, is_white_zero=kind.is_white_zero)
    if clear is not None:
        grey[values == clear] = BACKGROUND[0]
    return Image.fromarray(grey).convert("RGB")
