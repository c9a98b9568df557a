"""Check a TIFF's tags, and that its compressed data are all there."""

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import TiffImagePlugin

from torch_inception.errors import ImageError
from torch_inception.images.integrity.jpeg import check_jpeg
from torch_inception.images.integrity.tiff_directory import TagReader, check_lengths

_WIDTH, _BITS, _SAMPLES, _TILE_WIDTH = 256, 258, 277, 322
_PLANAR, _SEPARATE = 284, 2
_COMPRESSION, _NONE, _JPEG, _PACKBITS = 259, 1, (6, 7), 32773
_JPEG_TABLES = 347

OVERLAP = 4
"""Times the file that all strips may have together."""

OVERLAP_BYTES = 64 * 2**20
"""Bytes that they may have in any file: some writers store equal tiles once."""

LIE_UPON_ONE_ANOTHER = "damaged: a TIFF image whose strips lie upon one another"
"""What is said of a file where they have more."""

_PLACES = ((273, 279), (324, 325))
"""Tags of where strips or tiles are, and how long; TIFF 6.0, sections 3 and 15."""


def check_tiff(content: bytes) -> None:
    """Check how many numbers the tags of the first image have.

    Raises:
        ImageError: they are too many, or not all there.
    """
    check_lengths(TagReader(content).tags())


def tiff_parts(content: bytes, image: TiffImagePlugin.TiffImageFile) -> Iterator[tuple[int, int]]:
    """Yield where compressed strips or tiles begin and end; check those that are JPEG images.

    Raises:
        ImageError: a JPEG image, or the tables that all have, are cut short.
    """
    tags = image.tag_v2
    compression = tags.get(_COMPRESSION, _NONE)
    if compression in _JPEG and _JPEG_TABLES in tags:
        check_jpeg(tags[_JPEG_TABLES])
    if compression == _NONE or (compression == _PACKBITS and _bytes_a_row(tags) == 1):
        return
    for places, lengths in _PLACES:
        parts = list(zip(tags.get(places, ()), tags.get(lengths, ()), strict=False))
        if sum(length for _, length in parts) > max(OVERLAP * len(content), OVERLAP_BYTES):
            raise ImageError(LIE_UPON_ONE_ANOTHER)
        for place, length in dict.fromkeys(parts):
            part = content[place : place + length]
            if compression in _JPEG and part.startswith(b"\xff\xd8"):
                check_jpeg(part)
            else:
                yield place, place + length


def _bytes_a_row(tags: Mapping[int, Any]) -> int:
    """Return the bytes of a row of a strip or tile; where it is one, PackBits makes 0 0 of black.

    Pillow gives the numbers of some tags alone, and those of others as a tuple.
    """
    bits = tags.get(_BITS, (1,))
    samples = 1 if tags.get(_PLANAR) == _SEPARATE else tags.get(_SAMPLES, 1)
    width = tags.get(_TILE_WIDTH, tags.get(_WIDTH, 0))
    return -(-int(width) * int(samples) * int(bits[0]) // 8)
