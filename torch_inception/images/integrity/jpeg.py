"""Walk through a JPEG's segments: whether its end is there, and what decoding it will cost.

Pillow does not pass on what libjpeg warns of, so an image whose rest is missing, or zeros, would
be taken for good as soon as an end of anything follows. Section numbers are those of ITU T.81.
"""

import re
import struct
from typing import NamedTuple

from torch_inception.errors import ImageError

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends entropy-coded data: not a stuffed zero, a fill byte or a restart (B.1.1.2 to 5)."""

_END, _SCAN, _APP1, _STAND_ALONE = 0xD9, 0xDA, 0xE1, (0x01, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

MAX_SEGMENTS = 100_000
"""More are read for seconds, one after another; a film of JPEGs has fewer in its first image."""

MAX_SKIPPED_BYTES = 2**20
"""Bytes between the segments before the first scan; Pillow goes over them one by one."""

MAX_EXIF_BYTES = 2**20
"""EXIF in any number of segments. Pillow joins them and makes an object of each number."""

MAX_SCANNED_PIXELS = 4 * 10**9
"""Scans times pixels: each scan goes over the whole frame again, at some 0.2 ns a pixel, however
few bytes it has. Ordinary progressive files have ten scans."""

MAX_KEPT_SAMPLES = 256 * 2**20
"""Samples of a frame that comes in several scans; all are kept until the last one, in two bytes
each: half a gigabyte, at whatever size the image is decoded."""


class _Frame(NamedTuple):
    """What is decoded together (B.2.2).

    Attributes:
        pixels: of the image.
        samples: of all its components.
        components: how many there are.
        is_progressive: whether several scans make one component more and more exact.
    """

    pixels: int = 0
    samples: int = 0
    components: int = 0
    is_progressive: bool = False


def check_jpeg(content: bytes, start: int = 0) -> None:
    """Check that a JPEG has all its segments, up to the end of the first image.

    Args:
        content: of the file.
        start: where the JPEG begins in it.

    Raises:
        ImageError: it is cut short, or made to take long or much memory.
    """
    position, frame = start + 2, _Frame()
    scans, exif, skipped = 0, 0, 0
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(content, position)
        if marker is None:
            break
        skipped += marker.start() - position if scans == 0 else 0
        if skipped > MAX_SKIPPED_BYTES:
            raise ImageError("damaged: a JPEG image whose segments do not follow one another")
        kind, position = content[marker.end() - 1], marker.end()
        if kind == _END:
            return
        if kind in _STAND_ALONE:
            continue
        if kind == _APP1 and content.startswith(b"Exif\0", position + 2):
            exif += int.from_bytes(content[position : position + 2], "big")
        if exif > MAX_EXIF_BYTES:
            raise ImageError(f"a JPEG image with more than {MAX_EXIF_BYTES:,} bytes of EXIF")
        if kind in _FRAMES:
            frame = _frame(content, position, is_progressive=kind in _PROGRESSIVE)
        if kind == _SCAN:
            scans += 1
            _check_time(frame, scans)
            count = int.from_bytes(content[position + 2 : position + 3], "big")
            # A scan of fewer components than there are is followed by others (B.2.3).
            if frame.is_progressive or count < frame.components:
                _check_memory(frame)
        position += int.from_bytes(content[position : position + 2], "big")
    else:
        raise ImageError(f"a JPEG image of more than {MAX_SEGMENTS:,} segments: it is damaged")
    raise ImageError("cut short: a JPEG image without its end")


def _frame(content: bytes, position: int, *, is_progressive: bool) -> _Frame:
    if len(content) < position + 8:
        return _Frame()
    height, width, count = struct.unpack_from(">HHB", content, position + 3)
    factors = list(content[position + 9 : position + 8 + 3 * count : 3])
    shares = [(code >> 4) * (code & 15) for code in factors]
    pixels = height * width
    samples = pixels * sum(shares) // max([1, *shares])
    return _Frame(pixels, samples, count, is_progressive)


def _check_time(frame: _Frame, scans: int) -> None:
    if scans > 1 and frame.pixels * scans > MAX_SCANNED_PIXELS:
        raise ImageError(
            f"a JPEG image of {frame.pixels:,} pixels in more than {scans - 1} scans, which would "
            "take too long to decode; save it anew"
        )


def _check_memory(frame: _Frame) -> None:
    if frame.samples > MAX_KEPT_SAMPLES:
        most = MAX_KEPT_SAMPLES * frame.pixels // frame.samples
        raise ImageError(
            f"a progressive JPEG image of {frame.pixels:,} pixels, which would take too much "
            f"memory to decode: at most {most:,} of one like it are decoded; save it anew without "
            "progressive encoding"
        )
