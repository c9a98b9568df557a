"""Check a page of a TIFF that tifffile has opened, before it is decoded.

Its decoders are told how many bytes a strip or tile has, and stop there. Those of whole images are
not: they believe what the image in the strip says of itself, so that is looked at first.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy

from torch_inception.errors import ImageError
from torch_inception.images.integrity.trailing_zeros import BROKEN_OFF, ends_in_zeros
from torch_inception.images.limits import MAX_PARTS

MAX_PART_BYTES = 2**28
"""Bytes of a strip or tile; uncompressed files of this size are not read at all."""

_NONE, _LZW, _DEFLATE, _PACKBITS, _LZMA, _ZSTD = 1, 5, (8, 32946), 32773, 34925, 50000
_SIZED = frozenset({_NONE, _LZW, *_DEFLATE, _PACKBITS, _LZMA, _ZSTD})
_NOT_ENDING_IN_ZEROS = frozenset({_LZW, *_DEFLATE, _LZMA, _ZSTD})


def check_page(page: Any, content: bytes) -> None:  # noqa: ANN401 - of tifffile's, has no types
    """Check that a page's data are there and unpack to no more than its size says.

    Args:
        page: a `TiffPage` or `TiffFrame`.
        content: of the file.

    Raises:
        ImageError: they are not, or it is of a kind that is not read.
    """
    page = page.aspage()
    dtype = page.dtype
    if dtype is None or numpy.dtype(dtype).kind not in "buif":
        raise ImageError("a TIFF image of numbers of a kind that is not read")
    if page.imagedepth != 1 or page.size == 0:
        raise ImageError("a TIFF image of blocks of several planes, which is not read")
    if math.prod(page.chunks) * numpy.dtype(dtype).itemsize > MAX_PART_BYTES:
        raise ImageError("a TIFF image of strips or tiles that are too large to decode safely")
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    needed = math.prod(page.chunked)
    if len(parts) > min(needed, MAX_PARTS) or len(parts) < needed:
        raise ImageError("damaged: a TIFF image with more or fewer strips than it has room for")
    compression = int(page.compression)
    size_of = _SIZES.get(compression)
    if compression not in _SIZED and size_of is None:
        raise ImageError(
            f"a TIFF image of a seldom kind, with the compression {compression}; save it anew"
        )
    for start, count in parts:
        if start + count > len(content):
            raise ImageError("cut short: a TIFF image whose data are not all there")
        if compression in _NOT_ENDING_IN_ZEROS and ends_in_zeros(content, start, start + count):
            raise ImageError(BROKEN_OFF)
        if size_of is not None and size_of(content[start : start + count]) > _room(page):
            raise ImageError("damaged: a TIFF image with larger images in it than it is itself")


def _room(page: Any) -> int:  # noqa: ANN401
    """Return the samples that a strip or tile has room for."""
    return math.prod(page.chunks)


def _lerc_size(part: bytes) -> int:
    """Return the samples of a LERC image; Esri's lerc, Lerc2.cpp, WriteHeader."""
    if not part.startswith(b"Lerc2 "):
        raise ImageError("a TIFF image of a LERC compression of a kind that is not read")
    (version,) = struct.unpack_from("<i", part, 6)
    place = 10 if version < 3 else 14
    rows, columns, depth = struct.unpack_from("<3i", part, place)
    return abs(int(rows * columns) * int(depth if version >= 4 else 1))


def _png_size(part: bytes) -> int:
    """Return the pixels of a PNG image; PNG specification, 11.2.2."""
    width, height = struct.unpack_from(">2I", part, 16)
    return int(width) * int(height)


def _jpeg2000_size(part: bytes) -> int:
    """Return the samples of a JPEG 2000 image; ITU T.800, A.5.1."""
    start = part.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise ImageError("damaged: a TIFF image without the JPEG 2000 images that it should have")
    width, height, left, top = struct.unpack_from(">4I", part, start + 8)
    (components,) = struct.unpack_from(">H", part, start + 40)
    return int(width - left) * int(height - top) * int(components)


def _jpegxl_size(part: bytes) -> int:
    """Return the pixels of a JPEG XL image; ISO/IEC 18181-1, D.2 (SizeHeader)."""
    start = 0 if part.startswith(b"\xff\x0a") else part.find(b"\xff\x0a", part.find(b"jxlc"))
    if start < 0:
        raise ImageError("damaged: a TIFF image without the JPEG XL images that it should have")
    bits = _bits(part[start + 2 : start + 16])
    is_small = bits(1)
    height = _jpegxl_side(bits, is_small)
    ratio = bits(3)
    if ratio == 0:
        return height * _jpegxl_side(bits, is_small)
    across, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * (height * across // down)


def _jpegxl_side(bits: Callable[[int], int], is_small: int) -> int:
    if is_small:
        return 8 * (bits(5) + 1)
    return 1 + bits((9, 13, 18, 30)[bits(2)])


def _bits(part: bytes) -> Callable[[int], int]:
    """Return what takes so many bits of bytes, the lowest first."""
    number = int.from_bytes(part, "little")
    taken = 0

    def take(count: int) -> int:
        nonlocal taken
        taken += count
        return number >> taken - count & (1 << count) - 1

    return take


_SIZES: dict[int, Callable[[bytes], int]] = {
    34887: _lerc_size,
    33003: _jpeg2000_size, 33004: _jpeg2000_size, 33005: _jpeg2000_size, 34712: _jpeg2000_size,
    34933: _png_size, 50002: _jpegxl_size, 52546: _jpegxl_size,
}  # fmt: skip
"""Compression -> what tells the size of the image in a strip or tile."""
