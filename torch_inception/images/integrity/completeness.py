"""Check what Pillow's decoders do not: that an image's data are all there.

A download that was broken off leaves a file that is cut, or whose rest is zeros. Only zeros in the
data of the first image tell of that: those behind them, in a table of colours or in the data of
another image may be sound. Formats that store plain pixels (BMP, PPM, TIFF without compression)
cannot tell zeros from black.
"""

import re
from collections.abc import Iterable

from PIL import Image, TiffImagePlugin

from torch_inception.errors import ImageError
from torch_inception.images.integrity.camera_raw import is_camera_raw
from torch_inception.images.integrity.gif import check_gif
from torch_inception.images.integrity.isobmff import image_parts
from torch_inception.images.integrity.jpeg import check_jpeg
from torch_inception.images.integrity.png import SIGNATURE as PNG
from torch_inception.images.integrity.png import check_ico, check_png
from torch_inception.images.integrity.tiff import check_tiff, tiff_parts
from torch_inception.images.integrity.trailing_zeros import BROKEN_OFF, ends_in_zeros
from torch_inception.images.integrity.webp import check_webp, is_broken_off
from torch_inception.images.reasons import NO_CAMERA_RAW

_PPM_HEADER = 2**16
"""Bytes by which the size in a PPM image has come."""


def check_complete(content: bytes) -> None:
    """Check a file, before it is opened, that has a format whose end can be told.

    Raises:
        ImageError: it is cut short or damaged, or a camera's raw image.
    """
    if content.startswith(b"\xff\xd8\xff"):
        check_jpeg(content)
    elif content.startswith(PNG):
        check_png(content)
    elif content.startswith(b"\0\0\x01\0"):
        check_ico(content)
    elif re.match(rb"RIFF....WEBP", content, re.DOTALL):
        check_webp(content)
    elif re.match(rb"II[*+]\0|MM\0[*+]", content):
        if is_camera_raw(content):
            raise ImageError(NO_CAMERA_RAW)
        check_tiff(content)
    elif content.startswith((b"GIF87a", b"GIF89a")):
        check_gif(content)
    elif content.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
        _check_jpeg2000(content)
    elif re.match(rb"P[1-6f]\s", content):
        _check_ppm(content)


def check_trailing_zeros(content: bytes, image: Image.Image) -> None:
    """Check a file that was opened, and not yet decoded, for zeros where its data should be.

    Raises:
        ImageError: its compressed data end in zeros that are not their own.
    """
    parts: Iterable[tuple[int, int]] = ()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        parts = tiff_parts(content, image)
    elif image.format in ("AVIF", "HEIF"):
        parts = image_parts(content)
    has_zeros = any(ends_in_zeros(content, *part) for part in parts)
    if has_zeros or (image.format == "WEBP" and is_broken_off(content, image.size)):
        raise ImageError(BROKEN_OFF)


def _check_jpeg2000(content: bytes) -> None:
    """Walk from tile-part to tile-part to the end of the codestream; ITU T.800, annex A."""
    position = content.find(b"\xff\x4f\xff\x51")
    while position >= 0 and content[position : position + 2] != b"\xff\x90":
        is_start = content[position : position + 2] == b"\xff\x4f"
        length = 0 if is_start else int.from_bytes(content[position + 2 : position + 4], "big")
        position += 2 + length
        if position + 12 > len(content):
            raise ImageError("cut short: a JPEG 2000 image without pixels")
    while content[position : position + 2] == b"\xff\x90":
        length = int.from_bytes(content[position + 6 : position + 10], "big")
        # A tile-part of length 0 goes on to the end of the codestream.
        position = position + length if length >= 12 else content.rfind(b"\xff\xd9")
    if position < 0 or content[position : position + 2] != b"\xff\xd9":
        raise ImageError("cut short: a JPEG 2000 image without its end")


def _check_ppm(content: bytes) -> None:
    """Check that the header is short, which Pillow reads byte by byte, and that text ends."""
    header = re.sub(rb"#[^\r\n]*", b"", content[:_PPM_HEADER]).split(maxsplit=3)
    if len(content) > _PPM_HEADER and len(header) < 4:
        raise ImageError("damaged: a PPM image without a size")
    if content[:2] in (b"P2", b"P3") and not content[-1:].isspace():
        raise ImageError("may be cut short in its last number: a line break has to follow it")
