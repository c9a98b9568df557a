"""PPM and PGM of more than 8 bits, read with the values that stand in the file.

Pillow would scale colour to 8 bits and grey to 16, in Python and slowly. Its decoder of plain
samples reads both as they are. Those written as text are left to Pillow.
https://netpbm.sourceforge.net/doc/ppm.html
"""

from typing import Any

from PIL.ImageFile import ImageFile

_RAW_MODES = {"I": "I;16B", "RGB": "RGB;16B"}
"""Mode of an opened image -> how its samples of two bytes lie in the file."""


def keep_values(image: ImageFile) -> None:
    """Have an opened image decode to the values in its file, if it has two bytes for each."""
    if image.format == "PPM" and image.mode in _RAW_MODES:
        image.tile = [_plain(each, _RAW_MODES[image.mode]) for each in image.tile]


def _plain(tile: Any, raw_mode: str) -> Any:  # noqa: ANN401 - as in deep_colour
    decoder, extents, offset, arguments = tile
    if decoder != "ppm" or arguments[-1] < 256:
        return tile
    changed = ("raw", extents, offset, raw_mode)
    return tile._make(changed) if hasattr(tile, "_make") else changed
