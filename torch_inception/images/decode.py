"""Decode an image. There is no second decoder: training and prediction both come through here."""

import io
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from torch_inception.errors import ImageError
from torch_inception.images.integrity.completeness import check_complete, check_trailing_zeros
from torch_inception.images.limits import (
    MAX_REDUCED_PIXELS,
    check_size,
    one_large_image_at_a_time,
    wait_if_large,
)
from torch_inception.images.pillow_settings import default_settings, retry_without_warnings
from torch_inception.images.plugins import plugins
from torch_inception.images.read import read_file
from torch_inception.images.reasons import explain_failures
from torch_inception.images.rgb import to_rgb, upright


def decode(content: bytes, *, shorter_side: int | None = None) -> Image.Image:
    """Decode an image in full: upright, RGB, the first frame, on white where transparent.

    The format is told by the content.

    Args:
        content: of the file.
        shorter_side: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if its shorter
            side keeps so many pixels: the detail that is needed, in a fraction of the time.

    Raises:
        ImageError: it is not an image in one of `plugins.FORMATS`, it does not decode whole, or
            decoding it would take too much memory or too long.
    """
    if not content:
        raise ImageError("the file is empty")
    check_complete(content)
    with one_large_image_at_a_time(), explain_failures(content):
        image = retry_without_warnings(lambda warn: _decoded(content, shorter_side, warn=warn))
        # By now the opened file is let go of, and with it a second copy of the pixels.
        return to_rgb(image)


def _decoded(content: bytes, shorter_side: int | None, *, warn: bool) -> Image.Image:
    with _opened(content, shorter_side, warn=warn) as image:
        wait_if_large(image)
        with default_settings(image.format, warn=warn):
            image.load()
            # An icon may hold a larger image than it says.
            check_size(image, len(content))
            return upright(image)


def _opened(content: bytes, shorter_side: int | None, *, warn: bool) -> ImageFile:
    """Open an image, and refuse one that would take too much, before its pixels are decoded."""
    for plugin in plugins():
        if not plugin.accepts(content[:16]):
            continue
        with default_settings(plugin.format, warn=warn):
            try:
                image = plugin.opens(io.BytesIO(content), "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                continue  # so a plug-in says that the file is not of its format
            check_trailing_zeros(content, image)
            if shorter_side is not None and plugin.format == "JPEG":
                check_size(image, len(content), max_pixels=MAX_REDUCED_PIXELS)
                image.draft(None, (shorter_side, shorter_side))
            check_size(image, len(content))
            return image
    raise UnidentifiedImageError


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
        return _from_pillow(item)
    if getattr(item, "ndim", 0) == 3 and item.shape[0] == 3 and str(item.dtype) == "torch.uint8":
        _check_pixels(item.shape)
        return Image.fromarray(item.permute(1, 2, 0).contiguous().cpu().numpy())
    kind = f"{type(item).__name__} {getattr(item, 'dtype', '')} {getattr(item, 'shape', '')}"
    raise TypeError(
        f"an image is a path, a PIL image or a uint8 tensor (3, H, W), not {kind.strip()}"
    )


def _from_pillow(image: Image.Image) -> Image.Image:
    _check_pixels(image.size)

    def load(warn: bool) -> Image.Image:
        # It may be a file that was opened and not yet read.
        with default_settings(image.format, warn=warn):
            return upright(image)

    with explain_failures(b""):
        return to_rgb(retry_without_warnings(load))


def _check_pixels(shape: Iterable[int]) -> None:
    if 0 in shape:
        raise ImageError("it has no pixels")
