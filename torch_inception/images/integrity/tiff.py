"""Check a TIFF's tags, and find its compressed data. Sections are those of TIFF 6.0."""

import struct
from collections.abc import Iterator

from PIL import TiffImagePlugin

from torch_inception.errors import ImageError
from torch_inception.images.integrity.jpeg import check_jpeg
from torch_inception.images.limits import MAX_PARTS

_TIFF_COMPRESSION, _NONE, _JPEG = 259, 1, (6, 7)
_OVERLAP = 4
"""Times the file that all strips may have together; some writers store equal tiles once."""

_TIFF_BYTES = (1, 2, 7)
_MAX_NUMBERS = 2**18
"""Numbers in a TIFF tag; Pillow makes an object of each. Colour maps have up to 196,608."""

_TIFF_PLACES = ((273, 279), (324, 325))
"""Tags of where strips or tiles are, and how long; TIFF 6.0, sections 3 and 15."""


def check_tiff(content: bytes) -> None:
    """Check how many numbers the tags of the first image have; TIFF 6.0, section 2."""
    order = "<" if content.startswith(b"II") else ">"
    is_big = 43 in content[2:4]
    place, start, entry, number = ("8xQ", 8, "HHQ8x", "Q") if is_big else ("4xI", 2, "HHI4x", "H")
    try:
        (position,) = struct.unpack_from(order + place, content)
        (count,) = struct.unpack_from(order + number, content, position)
        position += start
        for _ in range(min(count, MAX_PARTS)):
            _, kind, length = struct.unpack_from(order + entry, content, position)
            if kind not in _TIFF_BYTES and length > _MAX_NUMBERS:
                raise ImageError(f"a TIFF image with {length:,} numbers in one tag: it is damaged")
            position += struct.calcsize(order + entry)
    except (struct.error, OverflowError) as error:
        raise ImageError("cut short: a TIFF image whose tags are not all there") from error
    if count > MAX_PARTS:
        raise ImageError(f"a TIFF image of {count:,} tags: it is damaged")


def tiff_parts(content: bytes, image: TiffImagePlugin.TiffImageFile) -> Iterator[tuple[int, int]]:
    """Yield where compressed strips or tiles begin and end; check those that are JPEG images."""
    tags = image.tag_v2
    compression = tags.get(_TIFF_COMPRESSION, _NONE)
    if compression == _NONE:
        return
    for places, lengths in _TIFF_PLACES:
        parts = list(zip(tags.get(places, ()), tags.get(lengths, ()), strict=False))
        if sum(length for _, length in parts) > _OVERLAP * len(content):
            raise ImageError("damaged: a TIFF image whose strips lie upon one another")
        for place, length in parts:
            part = content[place : place + length]
            if compression in _JPEG and part.startswith(b"\xff\xd8"):
                check_jpeg(part)
            yield place, place + length
    # What the tags refer to may come last.
    yield 0, len(content)
