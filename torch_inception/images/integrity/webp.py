"""Check that a WebP's data are all there; WebP container specification (RFC 9649)."""

import io
import struct
from contextlib import suppress

from PIL import WebPImagePlugin

from torch_inception.errors import ImageError
from torch_inception.images.integrity.trailing_zeros import ZEROS
from torch_inception.images.limits import MAX_PARTS

_SURPLUS = 4
"""Zeros without which sound data are not decoded; those of libwebp can do without three."""


def check_webp(content: bytes) -> None:
    """Check that a WebP is as long as it says.

    Raises:
        ImageError: it is cut short.
    """
    if len(content) < 8 + int.from_bytes(content[4:8], "little"):
        raise ImageError("cut short: a WebP image whose data are not all there")


def is_broken_off(content: bytes, size: tuple[int, int]) -> bool:
    """Tell whether zeros have taken the place of data of the first image.

    A black area at the end of an image may be thousands of zeros, so that their number tells
    nothing. They are decoded, and if some of them can be left out, all of them are surplus.

    Args:
        content: of the file.
        size: of the image that it is opened as, which may be decoded.
    """
    name, start, end = _first_image(content)
    padded = end + (end - start) % 2
    following = content[padded : 8 + int.from_bytes(content[4:8], "little")][:4]
    if following and not any(following):
        return True  # another chunk would have a name
    data = content[start:end]
    if not data.endswith(bytes(ZEROS)):
        return False
    shorter = data[:-_SURPLUS]
    chunk = name + struct.pack("<I", len(shorter)) + shorter + bytes(len(shorter) % 2)
    return _decodes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk, size)


def _decodes(content: bytes, size: tuple[int, int]) -> bool:
    with suppress(Exception):  # Pillow's plug-ins raise almost anything.
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(content))
        # It may be larger than the image that it was taken from says.
        if image.width <= size[0] and image.height <= size[1]:
            image.load()
            return True
    return False


def _first_image(content: bytes) -> tuple[bytes, int, int]:
    """Return the name of the chunk of the first image, without its alpha, and where it lies."""
    position = 12
    for _ in range(MAX_PARTS):
        if len(content) < position + 8:
            break
        name, length = struct.unpack_from("<4sI", content, position)
        position += 8
        if name in (b"VP8 ", b"VP8L"):
            return name, position, position + length
        # A frame of an animation has 16 bytes of its own, and chunks.
        position += 16 if name == b"ANMF" else length + length % 2
    return b"", 0, 0
