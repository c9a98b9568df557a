"""Which of Pillow's plug-ins open images.

They are called themselves: `Image.open` refuses more pixels than any program may have set, and
imports the plug-ins of all other formats.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile

FORMATS = {
    "JPEG": "Jpeg", "PNG": "Png", "AVIF": "Avif", "BMP": "Bmp", "GIF": "Gif", "ICO": "Ico",
    "JPEG2000": "Jpeg2K", "PPM": "Ppm", "TIFF": "Tiff", "WEBP": "WebP",
}  # fmt: skip
"""What is decoded, in Pillow's names, and the plug-in that does it; no other is imported. Formats
that start another program are not among them. The most frequent come first."""


class Plugin(NamedTuple):
    """What opens a format: `opens` a stream and a name, if `accepts` its first 16 bytes."""

    format: str
    opens: Callable[[Any, str], ImageFile]
    accepts: Callable[[bytes], object]


def plugins() -> Iterator[Plugin]:
    """Yield the plug-ins of `FORMATS` that this Pillow was built with, and HEIF's if installed.

    Each is imported when it is asked for: most processes need one or two of them.
    """
    for image_format in (*FORMATS, "HEIF"):
        plugin = _plugin(image_format)
        if plugin is not None:
            yield plugin


@cache
def _plugin(image_format: str) -> Plugin | None:
    """Return what opens a format; None if it is not there.

    Those of Pillow enter themselves in its list when they are imported; HEIF's is not entered.
    """
    with suppress(ImportError):  # Pillow has AVIF from 11.2 on
        if image_format == "HEIF":
            heif = importlib.import_module("pillow_heif")
            return Plugin(image_format, heif.HeifImageFile, _is_heif)
        module = importlib.import_module(f"PIL.{FORMATS[image_format]}ImagePlugin")
        opens, accepts = Image.OPEN[image_format]
        if accepts is not None and getattr(module, "SUPPORTED", True):
            return Plugin(image_format, opens, accepts)
    return None


def _is_heif(start: bytes) -> bool:
    """Tell it by the brand (ISO/IEC 23008-12, annex B); AVIF may be of the last two, too."""
    brands = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
    return start[4:8] == b"ftyp" and start[8:12] in (*brands, b"mif1", b"msf1")


def readable_formats() -> tuple[str, ...]:
    """Return the formats that can be decoded here, in Pillow's names."""
    return tuple(plugin.format for plugin in plugins())
