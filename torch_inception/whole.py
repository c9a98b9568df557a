"""Check what Pillow's decoders do not: that a picture's data are all there.

A download that was broken off leaves a file that is cut, or whose rest is zeros. Formats that
store plain pixels (BMP, PPM, TIFF without compression) cannot tell zeros from black.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

from torch_inception.errors import ImageError
from torch_inception.jpeg import check_jpeg

_PNG = b"\x89PNG\r\n\x1a\n"
_ICO_ENTRY = struct.Struct("<8xII")
_MAX_PARTS = 100_000
"""Chunks or blocks up to the end of the first picture; Pillow takes seconds to read more."""

_MAX_GIF_BLOCKS = 2**21
"""Blocks of one picture; 256 MiB have half as many if each is full."""

_MAX_GIF_COMMENT = 2**20
"""Bytes before the first picture; Pillow copies a comment again for each block."""

_ZEROS = 64
"""Zeros that compressed data may end in: half-done downloads leave 512 at least."""

_PIXELS_A_ZERO = 4096
"""Pixels for which a further zero may be there: black areas take a byte for 10,000 in WebP."""

_PPM_HEADER = 2**16
"""Bytes by which the size in a PPM picture has come."""

_TIFF_COMPRESSION, _NONE, _JPEG = 259, 1, (6, 7)
_OVERLAP = 4
"""Times the file that all strips may have together; some writers store equal tiles once."""

_TIFF_BYTES = (1, 2, 7)
_MAX_NUMBERS = 2**18
"""Numbers in a TIFF tag; Pillow makes an object of each. Colour maps have up to 196,608."""

_TIFF_PLACES = ((273, 279), (324, 325))
"""Tags of where strips or tiles are, and how long; TIFF 6.0, sections 3 and 15."""


def check_whole(content: bytes) -> None:
    """Check a file, before it is opened, that has a format whose end can be told.

    Raises:
        ImageError: it is cut short or damaged.
    """
    if content.startswith(b"\xff\xd8\xff"):
        check_jpeg(content)
    elif content.startswith(_PNG):
        _check_png(content)
    elif content.startswith(b"\0\0\x01\0"):
        _check_ico(content)
    elif re.match(rb"RIFF....WEBP", content, re.DOTALL):
        if len(content) < 8 + int.from_bytes(content[4:8], "little"):
            raise ImageError("cut short: a WebP picture whose data are not all there")
    elif re.match(rb"II[*+]\0|MM\0[*+]", content):
        _check_tiff(content)
    elif content.startswith((b"GIF87a", b"GIF89a")):
        _check_gif(content)
    elif content.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
        _check_jpeg2000(content)
    elif re.match(rb"P[1-6f]\s", content):
        _check_ppm(content)


def check_tail(content: bytes, image: Image.Image) -> None:
    """Check a file that was opened, and not yet decoded, for zeros where its data should be.

    Raises:
        ImageError: its compressed data end in zeros.
    """
    count = max(_ZEROS, image.width * image.height // _PIXELS_A_ZERO)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        parts = _tiff_parts(content, image)
    elif image.format == "WEBP":
        parts = _webp_parts(content)
    elif image.format in ("AVIF", "HEIF"):
        parts = iter([(0, len(content))])
    else:
        return
    for start, end in parts:
        # The zeros may go on behind the part, and have to begin in it.
        if bytes(count) in content[max(start, end - count) : end + count - 1]:
            raise ImageError(
                "cut short: its data end in zeros, as a download does that was broken off"
            )


def _check_png(content: bytes) -> None:
    """Walk through the chunks to IEND; PNG specification, section 5.3."""
    view, position = memoryview(content), len(_PNG)
    for _ in range(_MAX_PARTS):
        if len(content) < position + 12:
            raise ImageError("cut short: a PNG picture without its end")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        stated = content[end : end + 4]
        if len(stated) < 4:
            raise ImageError("cut short: a PNG picture without its end")
        # Letters in lower case name parts that are not needed for the pixels.
        if name[:1].isupper() and zlib.crc32(view[position + 4 : end]) != _uint(stated):
            raise ImageError("damaged: a checksum in this PNG picture is wrong")
        if name == b"IEND":
            return
        position = end + 4
    raise ImageError(f"a PNG picture of more than {_MAX_PARTS:,} chunks: it is damaged")


def _check_ico(content: bytes) -> None:
    """Check the PNG pictures of an icon."""
    total = 0
    for number in range(int.from_bytes(content[4:6], "little")):
        entry = content[6 + 16 * number : 22 + 16 * number]
        if len(entry) < 16:
            raise ImageError("cut short: an icon without its pictures")
        length, position = _ICO_ENTRY.unpack(entry)
        total += length
        if total > len(content):
            raise ImageError("cut short or damaged: an icon whose pictures are not all there")
        if content.startswith(_PNG, position):
            _check_png(content[position : position + length])


def _check_gif(content: bytes) -> None:
    """Walk through the blocks to the first picture; GIF89a, sections 18 to 24."""
    position = 13 + _colours(content[10:11])
    for _ in range(_MAX_PARTS):
        introducer = content[position : position + 1]
        if introducer == b"," or position > _MAX_GIF_COMMENT:
            break
        # Before the first picture come extensions, and sometimes bytes that mean nothing.
        position = _after_blocks(content, position + 2)[0] if introducer == b"!" else position + 1
        if position > len(content):
            raise ImageError("cut short: a GIF picture without pixels")
    if position > _MAX_GIF_COMMENT or content[position : position + 1] != b",":
        raise ImageError("damaged: a GIF picture that is preceded by too many other blocks")
    position += 11 + _colours(content[position + 9 : position + 10])
    end, last = _after_blocks(content, position)
    # The code that ends the data has a bit that is set, and at most 12 bits.
    if end > len(content) or last.endswith(bytes(3)):
        raise ImageError("cut short: a GIF picture whose data are not all there")


def _colours(flags: bytes) -> int:
    """Return the bytes of a colour table that is described by flags."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _after_blocks(content: bytes, position: int) -> tuple[int, bytes]:
    """Return where a chain of blocks ends (beyond the content: nowhere), and its last bytes.

    Raises:
        ImageError: it has more blocks than a file of full ones.
    """
    last = b""
    for _ in range(_MAX_GIF_BLOCKS):
        length = content[position] if position < len(content) else 0
        if length == 0:
            return position + 1, last
        last = last[-3:] + content[position + 1 : position + 1 + length]
        position += 1 + length
    raise ImageError("damaged: a GIF picture of far too many blocks")


def _check_jpeg2000(content: bytes) -> None:
    """Walk from tile-part to tile-part to the end of the codestream; ITU T.800, annex A."""
    position = content.find(b"\xff\x4f\xff\x51")
    while position >= 0 and content[position : position + 2] != b"\xff\x90":
        is_start = content[position : position + 2] == b"\xff\x4f"
        length = 0 if is_start else int.from_bytes(content[position + 2 : position + 4], "big")
        position += 2 + length
        if position + 12 > len(content):
            raise ImageError("cut short: a JPEG 2000 picture without pixels")
    while content[position : position + 2] == b"\xff\x90":
        length = int.from_bytes(content[position + 6 : position + 10], "big")
        # A tile-part of length 0 goes on to the end of the codestream.
        position = position + length if length >= 12 else content.rfind(b"\xff\xd9")
    if position < 0 or content[position : position + 2] != b"\xff\xd9":
        raise ImageError("cut short: a JPEG 2000 picture without its end")


def _check_tiff(content: bytes) -> None:
    """Check how many numbers the tags of the first picture have; TIFF 6.0, section 2."""
    order = "<" if content.startswith(b"II") else ">"
    is_big = 43 in content[2:4]
    place, start, entry, number = ("8xQ", 8, "HHQ8x", "Q") if is_big else ("4xI", 2, "HHI4x", "H")
    try:
        (position,) = struct.unpack_from(order + place, content)
        (count,) = struct.unpack_from(order + number, content, position)
        position += start
        for _ in range(min(count, _MAX_PARTS)):
            _, kind, length = struct.unpack_from(order + entry, content, position)
            if kind not in _TIFF_BYTES and length > _MAX_NUMBERS:
                raise ImageError(
                    f"a TIFF picture with {length:,} numbers in one tag: it is damaged"
                )
            position += struct.calcsize(order + entry)
    except (struct.error, OverflowError) as error:
        raise ImageError("cut short: a TIFF picture whose tags are not all there") from error
    if count > _MAX_PARTS:
        raise ImageError(f"a TIFF picture of {count:,} tags: it is damaged")


def _check_ppm(content: bytes) -> None:
    """Check that the header is short, which Pillow reads byte by byte, and that text ends."""
    header = re.sub(rb"#[^\r\n]*", b"", content[:_PPM_HEADER]).split(maxsplit=3)
    if len(content) > _PPM_HEADER and len(header) < 4:
        raise ImageError("damaged: a PPM picture without a size")
    if content[:2] in (b"P2", b"P3") and not content[-1:].isspace():
        raise ImageError("may be cut short in its last number: a line break has to follow it")


def _webp_parts(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the data begin and end of each picture; WebP container specification."""
    position = 12
    for _ in range(_MAX_PARTS):
        if len(content) < position + 8:
            return
        name, length = struct.unpack_from("<4sI", content, position)
        if name in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            yield position + 8, position + 8 + length
        if name == b"ANMF":
            # The first frame is the only one that is decoded.
            return
        position += 8 + length + length % 2


def _tiff_parts(content: bytes, image: TiffImagePlugin.TiffImageFile) -> Iterator[tuple[int, int]]:
    """Yield where compressed strips or tiles begin and end; check those that are JPEG pictures."""
    tags = image.tag_v2
    compression = tags.get(_TIFF_COMPRESSION, _NONE)
    if compression == _NONE:
        return
    for places, lengths in _TIFF_PLACES:
        parts = list(zip(tags.get(places, ()), tags.get(lengths, ()), strict=False))
        if sum(length for _, length in parts) > _OVERLAP * len(content):
            raise ImageError("damaged: a TIFF picture whose strips lie upon one another")
        for place, length in parts:
            part = content[place : place + length]
            if compression in _JPEG and part.startswith(b"\xff\xd8"):
                check_jpeg(part)
            yield place, place + length
    # What the tags refer to may come last.
    yield 0, len(content)


def _uint(four: bytes) -> int:
    return int.from_bytes(four, "big")
