"""Tell how many bytes an image unpacks to that is a strip or tile of a TIFF.

The decoders take the first image that they find. So that it is the one that is looked at here, each
image has to begin where the strip begins, and what its format allows and TIFF has no use for is
refused: other images behind it, previews, films.
"""

import struct
from collections.abc import Callable

from torch_inception.errors import ImageError
from torch_inception.images.integrity.isobmff import boxes_of
from torch_inception.images.integrity.png import SIGNATURE as PNG

_LERC_BYTES = (1, 1, 2, 2, 4, 4, 4, 8)
"""Of a value of each kind, by its number."""

_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}
_JPEG2000, _JPEGXL = b"\xff\x4f\xff\x51", b"\xff\x0a"
_JPEG2000_FILE = b"\0\0\0\x0cjP  \r\n\x87\n"
_JPEGXL_FILE = b"\0\0\0\x0cJXL \r\n\x87\n"

_Bits = Callable[[int], int]


def lerc_bytes(part: bytes) -> int:
    """Return the bytes of LERC images behind one another; Esri's lerc, Lerc2.cpp, WriteHeader.

    Raises:
        ImageError: they are damaged, or of a kind that is not read.
    """
    position = total = 0
    while position < len(part):
        if part[position : position + 6] != b"Lerc2 ":
            raise ImageError("a TIFF image of a LERC compression of a kind that is not read")
        (version,) = struct.unpack_from("<i", part, position + 6)
        numbers = struct.unpack_from("<7i", part, position + (10 if version < 3 else 14))
        # Older ones have no depth.
        rows, columns, depth = numbers[:3] if version >= 4 else (*numbers[:2], 1)
        length, kind = numbers[-2:] if version >= 4 else numbers[-3:-1]
        if min(rows, columns, depth, length) < 1 or not 0 <= kind < len(_LERC_BYTES):
            raise ImageError("damaged: a TIFF image with LERC images of no size")
        total += int(rows * columns * depth) * _LERC_BYTES[kind]
        position += int(length)
    return total


def png_bytes(part: bytes) -> int:
    """Return the bytes of a PNG image; PNG specification, 11.2.2.

    Raises:
        ImageError: it is none.
    """
    width, height, depth, colour = struct.unpack_from(">2I2B", part, 16)
    if not part.startswith(PNG) or part[12:16] != b"IHDR" or colour not in _PNG_CHANNELS:
        raise _without("PNG")
    return int(width * height) * _PNG_CHANNELS[colour] * max(1, int(depth) // 8)


def jpeg2000_bytes(part: bytes) -> int:
    """Return the bytes of a JPEG 2000 image; ITU T.800, A.5.1 and I.2.

    Raises:
        ImageError: it is none.
    """
    start = 0
    if part.startswith(_JPEG2000_FILE):
        boxes = boxes_of(part, 0, len(part))
        start = next((place for name, (place, _) in boxes if name == b"jp2c"), len(part))
    if not part.startswith(_JPEG2000, start):
        raise _without("JPEG 2000")
    width, height, left, top = struct.unpack_from(">4I", part, start + 8)
    count, depth = struct.unpack_from(">HB", part, start + 40)
    if width <= left or height <= top:
        raise _without("JPEG 2000")
    return int(width - left) * int(height - top) * int(count) * _bytes_of((depth & 127) + 1)


def jpegxl_bytes(part: bytes) -> int:
    """Return the bytes of a JPEG XL image, as if it were grey; ISO/IEC 18181-1, annex D.

    Raises:
        ImageError: it is none, or a film.
    """
    stream = _jpegxl_stream(part)
    if not stream.startswith(_JPEGXL):
        raise _without("JPEG XL")
    bits = _bits(stream[2:66])
    width, height = _jpegxl_size(bits)
    is_default = bits(1)
    if is_default:
        return width * height
    if bits(1):
        bits(3)  # how it is turned
        if bits(1):
            _jpegxl_size(bits)  # as it is meant to be shown
        if bits(2):
            raise ImageError("a TIFF image with a JPEG XL film or preview in it, which is not read")
    depth = _jpegxl_depth(bits)
    bits(1)
    more = (lambda: 0, lambda: 1, lambda: 2 + bits(4), lambda: 1 + bits(12))[bits(2)]()
    return width * height * (1 + more) * _bytes_of(depth)


def _jpegxl_stream(part: bytes) -> bytes:
    """Return the codestream: all of it, or what boxes have of it; ISO/IEC 18181-2, 9.8 and 9.9."""
    if not part.startswith(_JPEGXL_FILE):
        return part
    # Those of several boxes have a number before it.
    numbers = {b"jxlc": 0, b"jxlp": 4}
    boxes = boxes_of(part, 0, len(part))
    return b"".join(part[a + numbers[name] : b] for name, (a, b) in boxes if name in numbers)


def _bytes_of(depth: int) -> int:
    return 1 if depth <= 8 else 2 if depth <= 16 else 4


def _jpegxl_size(bits: _Bits) -> tuple[int, int]:
    """Read a SizeHeader (D.2)."""
    is_small = bits(1)
    height = _jpegxl_side(bits, is_small)
    ratio = bits(3)
    if ratio == 0:
        return _jpegxl_side(bits, is_small), height
    across, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * across // down, height


def _jpegxl_side(bits: _Bits, is_small: int) -> int:
    if is_small:
        return 8 * (bits(5) + 1)
    return 1 + bits((9, 13, 18, 30)[bits(2)])


def _jpegxl_depth(bits: _Bits) -> int:
    """Read a BitDepth (D.3.2)."""
    is_float, kind = bits(1), bits(2)
    depth = (32, 16, 24)[kind] if is_float and kind < 3 else (8, 10, 12)[kind] if kind < 3 else 0
    depth = depth or 1 + bits(6)
    if is_float:
        bits(4)
        return max(16, depth)
    return depth


def _bits(part: bytes) -> _Bits:
    """Return what takes so many bits of bytes, the lowest first."""
    number = int.from_bytes(part, "little")
    taken = 0

    def take(count: int) -> int:
        nonlocal taken
        taken += count
        return number >> taken - count & (1 << count) - 1

    return take


def _without(kind: str) -> ImageError:
    return ImageError(f"damaged: a TIFF image without the {kind} images that it should have")
