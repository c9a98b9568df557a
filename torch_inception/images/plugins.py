"""Which of Pillow's plug-ins open images.

They are called themselves: `Image.open` refuses more pixels than any program may have set, and
imports the plug-ins of all other formats.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile

FORMATS = {
    "AVIF": "Avif", "BMP": "Bmp", "GIF": "Gif", "ICO": "Ico", "JPEG": "Jpeg", "JPEG2000": "Jpeg2K",
    "PNG": "Png", "PPM": "Ppm", "TIFF": "Tiff", "WEBP": "WebP",
}  # fmt: skip
"""What is decoded, in Pillow's names, and the plug-in that does it; no other is imported. Formats
that start another program are not among them."""


class Plugin(NamedTuple):
    """What opens a format: `opens` a stream and a name, if `accepts` its first 16 bytes."""

    format: str
    opens: Callable[[Any, str], ImageFile]
    accepts: Callable[[bytes], object]


@cache
def plugins() -> tuple[Plugin, ...]:
    """Return the plug-ins of `FORMATS` that this Pillow was built with, and HEIF's if installed.

    Those of Pillow enter themselves in its list when they are imported; HEIF's is not entered.
    """
    found = []
    for image_format, name in FORMATS.items():
        with suppress(ImportError):  # Pillow has AVIF from 11.2 on
            module = importlib.import_module(f"PIL.{name}ImagePlugin")
            opens, accepts = Image.OPEN[image_format]
            if accepts is not None and getattr(module, "SUPPORTED", True):
                found.append(Plugin(image_format, opens, accepts))
    with suppress(ImportError):
        heif = importlib.import_module("pillow_heif")
        found.append(Plugin("HEIF", heif.HeifImageFile, _is_heif))
    return tuple(found)


def _is_heif(start: bytes) -> bool:
    """Tell it by the brand (ISO/IEC 23008-12, annex B); AVIF may be of the last two, too."""
    brands = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
    return start[4:8] == b"ftyp" and start[8:12] in (*brands, b"mif1", b"msf1")


def readable_formats() -> tuple[str, ...]:
    """Return the formats that can be decoded here, in Pillow's names."""
    return tuple(plugin.format for plugin in plugins())
