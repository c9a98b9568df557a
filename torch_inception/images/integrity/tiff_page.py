"""Check a page of a TIFF that tifffile has opened, before it is decoded.

Its decoders are told how many bytes a strip or tile has, and stop there. Those of whole images are
not: they believe what the image in the strip says of itself, so that is looked at first.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy

from torch_inception.errors import ImageError
from torch_inception.images.integrity.inner_images import (
    jpeg2000_bytes,
    jpegxl_bytes,
    lerc_bytes,
    png_bytes,
)
from torch_inception.images.integrity.tiff import LIE_UPON_ONE_ANOTHER, OVERLAP, OVERLAP_BYTES
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
    check_parts([page], len(content))
    room = math.prod(page.chunks) * numpy.dtype(dtype).itemsize
    for start, count in parts:
        if start + count > len(content):
            raise ImageError("cut short: a TIFF image whose data are not all there")
        if compression in _NOT_ENDING_IN_ZEROS and ends_in_zeros(content, start, start + count):
            raise ImageError(BROKEN_OFF)
        if size_of is not None and size_of(content[start : start + count]) > room:
            raise ImageError("damaged: a TIFF image with larger images in it than it is itself")


def check_parts(pages: Iterable[Any], length: int) -> None:
    """Check how many strips or tiles pages have together, and how long these are.

    Args:
        pages: a `TiffPage` or `TiffFrame` each, or None for what is not there.
        length: of the file, in bytes.

    Raises:
        ImageError: they are too many, or lie upon one another.
    """
    count = total = 0
    for page in pages:
        lengths = () if page is None else page.databytecounts
        count += len(lengths)
        if count > MAX_PARTS:
            raise ImageError(
                f"a TIFF image of more than {MAX_PARTS:,} strips; save it in fewer and larger ones"
            )
        total += sum(lengths)
        if total > max(OVERLAP * length, OVERLAP_BYTES):
            raise ImageError(LIE_UPON_ONE_ANOTHER)


_SIZES: dict[int, Callable[[bytes], int]] = {
    34887: lerc_bytes,
    33003: jpeg2000_bytes, 33004: jpeg2000_bytes, 33005: jpeg2000_bytes, 34712: jpeg2000_bytes,
    34933: png_bytes, 50002: jpegxl_bytes, 52546: jpegxl_bytes,
}  # fmt: skip
"""Compression -> what tells the bytes that the image in a strip or tile unpacks to."""
