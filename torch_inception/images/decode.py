"""Decode an image. There is no second decoder: training and prediction both come through here."""

import ctypes
import importlib
import io
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from torch_inception.errors import ImageError
from torch_inception.images.integrity.check import check_tail, check_whole
from torch_inception.images.limits import check_size, take_turn_if_large, taking_turns
from torch_inception.images.read import read_file
from torch_inception.images.reasons import explained
from torch_inception.images.rgb import to_rgb, upright

FORMATS = {
    "AVIF": "Avif", "BMP": "Bmp", "GIF": "Gif", "ICO": "Ico", "JPEG": "Jpeg", "JPEG2000": "Jpeg2K",
    "PNG": "Png", "PPM": "Ppm", "TIFF": "Tiff", "WEBP": "WebP",
}  # fmt: skip
"""What is decoded, in Pillow's names, and the plug-in that does it; no other is imported. Formats
that start another program are not among them."""


def decode(content: bytes, *, shorter_side: int | None = None) -> Image.Image:
    """Decode an image in full: upright, RGB, the first frame, on white where transparent.

    The format is told by the content.

    Args:
        content: of the file.
        shorter_side: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if its shorter
            side keeps so many pixels: the detail that is needed, in a fraction of the time.

    Raises:
        ImageError: it is not an image in one of `FORMATS`, it does not decode whole, or decoding
            it would take too much memory or too long.
    """
    if not content:
        raise ImageError("the file is empty")
    check_whole(content)
    with taking_turns(), explained(content, _formats()):
        # By now the opened file is let go of, and with it a second copy of the pixels.
        return to_rgb(_decoded(content, shorter_side))


def _decoded(content: bytes, shorter_side: int | None) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=_formats()) as image:
        check_tail(content, image)
        if shorter_side is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (shorter_side, shorter_side))
        check_size(image, len(content))
        take_turn_if_large(image)
        image.load()
        # An icon may hold a larger image than it says.
        check_size(image, len(content))
        return upright(image)


def to_image(
    item: Any,  # noqa: ANN401 - callers pass what they have
    *,
    shorter_side: int | None = None,
) -> Image.Image:
    """Turn a path, a PIL image or a uint8 tensor (3, H, W) into an upright RGB image.

    Args:
        item: the image.
        shorter_side: for a path, as in `decode`.

    Raises:
        ImageError: the file is not a whole image.
        TypeError: the item is of another kind.
    """
    if isinstance(item, (str, os.PathLike)):
        return decode(read_file(Path(item)), shorter_side=shorter_side)
    if isinstance(item, Image.Image):
        if 0 in item.size:
            raise ImageError("it has no pixels")
        with explained(b"", _formats()):
            return to_rgb(upright(item))
    if getattr(item, "ndim", 0) == 3 and item.shape[0] == 3 and str(item.dtype) == "torch.uint8":
        if 0 in item.shape:
            raise ImageError("it has no pixels")
        return Image.fromarray(item.permute(1, 2, 0).contiguous().cpu().numpy())
    kind = f"{type(item).__name__} {getattr(item, 'dtype', '')} {getattr(item, 'shape', '')}"
    raise TypeError(
        f"an image is a path, a PIL image or a uint8 tensor (3, H, W), not {kind.strip()}"
    )


@cache
def _formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow was built with, and HEIF where it is installed."""
    with suppress(AttributeError):
        # libtiff writes what it thinks of a file to standard error, without the file's name.
        ctypes.CDLL(importlib.import_module("PIL._imaging").__file__).TIFFSetErrorHandler(None)
    for plugin in FORMATS.values():
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    with suppress(ImportError):
        pillow_heif = importlib.import_module("pillow_heif")
        pillow_heif.register_heif_opener()
    return tuple(name for name in (*FORMATS, "HEIF") if name in Image.OPEN)
