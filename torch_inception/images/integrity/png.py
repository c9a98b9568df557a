"""Walk through a PNG's chunks, and those of the PNG images in an icon."""

import struct
import zlib

from torch_inception.errors import ImageError
from torch_inception.images.limits import MAX_PARTS

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_ICO_ENTRY = struct.Struct("<8xII")


def check_png(content: bytes) -> None:
    """Walk through the chunks to IEND; PNG specification, section 5.3."""
    view, position = memoryview(content), len(SIGNATURE)
    for _ in range(MAX_PARTS):
        if len(content) < position + 12:
            raise ImageError("cut short: a PNG image without its end")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        stated = content[end : end + 4]
        if len(stated) < 4:
            raise ImageError("cut short: a PNG image without its end")
        # Letters in lower case name parts that are not needed for the pixels.
        if name[:1].isupper() and zlib.crc32(view[position + 4 : end]) != _uint(stated):
            raise ImageError("damaged: a checksum in this PNG image is wrong")
        if name == b"IEND":
            return
        position = end + 4
    raise ImageError(f"a PNG image of more than {MAX_PARTS:,} chunks: it is damaged")


def check_ico(content: bytes) -> None:
    """Check the PNG images of an icon."""
    total = 0
    for number in range(int.from_bytes(content[4:6], "little")):
        entry = content[6 + 16 * number : 22 + 16 * number]
        if len(entry) < 16:
            raise ImageError("cut short: an icon without its images")
        length, position = _ICO_ENTRY.unpack(entry)
        total += length
        if total > len(content):
            raise ImageError("cut short or damaged: an icon whose images are not all there")
        if content.startswith(SIGNATURE, position):
            check_png(content[position : position + length])


def _uint(four: bytes) -> int:
    return int.from_bytes(four, "big")
