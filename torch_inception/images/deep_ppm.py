"""PPM and PGM of more than 8 bits, read with the values that stand in the file.

Pillow would scale colour to 8 bits and grey to 16, in Python and slowly. Its decoder of plain
samples reads both as they are.
https://netpbm.sourceforge.net/doc/ppm.html
"""

import re
from typing import Any

import numpy
from PIL.ImageFile import ImageFile

from torch_inception.images.limits import MAX_SLOW_BYTES

_RAW_MODES = {"I": "I;16B", "RGB": "RGB;16B"}
"""Mode of an opened image -> how its samples of two bytes lie in the file."""


def keep_values(image: ImageFile) -> None:
    """Have an opened image decode to the values in its file, if it has two bytes for each."""
    if image.format == "PPM" and image.mode in _RAW_MODES:
        image.tile = [_plain(each, _RAW_MODES[image.mode]) for each in image.tile]


def with_binary_values(content: bytes) -> bytes:
    """Return a PPM or PGM whose values are written in digits as one that has them in two bytes.

    One of 8 bits stays as it is; so does one that is damaged or too long, of which Pillow's reader
    tells what is wrong.

    Args:
        content: of a file of any kind.
    """
    if not content.startswith((b"P2", b"P3")) or len(content) > MAX_SLOW_BYTES:
        return content
    number = rb"\s+(\d{1,6})"
    text = re.sub(rb"#[^\r\n]*", b"", content)
    found = re.fullmatch(rb"P[23]" + 3 * number + rb"\s([\d\s]*)", text)
    if not found:
        return content
    width, height, most = (int(each) for each in found.groups()[:3])
    kind, bands = (b"P5", 1) if text.startswith(b"P2") else (b"P6", 3)
    values = numpy.fromstring(found[4], numpy.int64, sep=" ")[: width * height * bands]
    is_whole = 0 < len(values) == width * height * bands and values.max() <= most
    if not is_whole or not 255 < most < 65536:
        return content
    return b"%b %d %d %d\n" % (kind, width, height, most) + values.astype(">u2").tobytes()


def _plain(tile: Any, raw_mode: str) -> Any:  # noqa: ANN401 - as in deep_colour
    decoder, extents, offset, arguments = tile
    if decoder != "ppm" or arguments[-1] < 256:
        return tile
    changed = ("raw", extents, offset, raw_mode)
    return tile._make(changed) if hasattr(tile, "_make") else changed
