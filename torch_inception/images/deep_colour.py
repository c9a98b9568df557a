"""Colour of 16 bits, of which Pillow keeps the higher 8: the lower ones, and both as RGB.

Pillow has no mode for it. But its decoders are told by name which byte of each sample they keep;
an image that is opened a second time is told to keep the other one.
"""

import sys
from functools import partial
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from torch_inception.images.deep import DeepSettings, ValueRange, on_grid, to_bytes
from torch_inception.images.rgb import BACKGROUND, in_strips, is_clear, on_background

BYTES_A_PIXEL = 12
"""What two such images and the result take at their peak."""

_OTHER_BYTE = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
} | {"LA;16B": "RGBA"}
"""Pillow's name of the higher bytes, and of the lower ones; of LA, all four bytes of a pixel."""


def is_deep_colour(image: Image.Image) -> bool:
    """Tell whether Pillow would cut an opened image's samples to 8 bits."""
    tiles = image.tile if isinstance(image, ImageFile) else ()
    return bool(tiles) and all(_raw_mode(tile) in _OTHER_BYTE for tile in tiles)


def keep_lower_bytes(image: ImageFile) -> bool:
    """Have an opened image decode to its lower bytes; tell whether that are all of LA's bytes."""
    raw_modes = {_raw_mode(tile) for tile in image.tile}
    image.tile = [_with_raw_mode(tile, _OTHER_BYTE[_raw_mode(tile)]) for tile in image.tile]
    return raw_modes == {"LA;16B"}


def lower_bytes_of_grey(image: Image.Image) -> Image.Image:
    """Return the lower bytes, of an image with all four bytes of grey and alpha."""
    _, grey, _, alpha = image.split()
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def colour_values(higher: Image.Image, lower: Image.Image) -> NDArray[numpy.uint16]:
    """Return the values (H, W, 3) of an image's higher and lower bytes."""
    high, low = (numpy.asarray(image)[..., :3] for image in (higher, lower))
    values: NDArray[numpy.uint16] = high.astype(numpy.uint16) << 8 | low
    return values


def deep_colour_to_rgb(higher: Image.Image, lower: Image.Image, deep: DeepSettings) -> Image.Image:
    """Scale 16-bit colour to RGB, by one range of all colours, on white where it is transparent.

    Args:
        higher: RGB or RGBA, the higher bytes.
        lower: as `higher`, the lower ones.
        deep: what they are scaled by.
    """
    value_range = deep.range_of(colour_values(on_grid(higher), on_grid(lower)))
    has_alpha = higher.mode == "RGBA" and not is_clear(higher)
    clear = higher.info.get("transparency")
    if clear is not None and _is_all_of(higher, lower, clear):
        clear = None
    convert = partial(_strip, value_range=value_range, has_alpha=has_alpha, clear=clear)
    return in_strips(higher, convert, lower)


def _is_all_of(higher: Image.Image, lower: Image.Image, colour: tuple[int, int, int]) -> bool:
    """Tell whether all pixels of an image without alpha have a colour."""
    bytes_of = [divmod(value, 256) for value in colour]
    parts = zip((higher, lower), zip(*bytes_of, strict=True), strict=True)
    return all(image.getextrema() == tuple((each, each) for each in part) for image, part in parts)


def _strip(
    higher: Image.Image,
    lower: Image.Image,
    *,
    value_range: ValueRange,
    has_alpha: bool,
    clear: tuple[int, int, int] | None,
) -> Image.Image:
    values = colour_values(higher, lower)
    colours = to_bytes(values, value_range)
    if clear is not None:
        colours[(values == clear).all(axis=-1)] = BACKGROUND
    strip = Image.fromarray(colours)
    if not has_alpha:
        return strip
    strip.putalpha(higher.getchannel("A"))
    return on_background(strip)


def _raw_mode(tile: Any) -> str:  # noqa: ANN401 - a tuple, with names from some version on
    arguments = tile[3]
    return str(arguments if isinstance(arguments, str) else arguments[0])


def _with_raw_mode(tile: Any, raw_mode: str) -> Any:  # noqa: ANN401
    arguments = tile[3]
    changed = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
    return tile._replace(args=changed) if hasattr(tile, "_replace") else (*tile[:3], changed)
