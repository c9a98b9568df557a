"""Decode an image. There is no second decoder: training and prediction both come through here."""

import io
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from torch_inception.errors import ImageError
from torch_inception.images.facts import Original
from torch_inception.images.image_input import holds_pixels, is_file_object, is_path, no_image
from torch_inception.images.integrity.completeness import check_complete, check_trailing_zeros
from torch_inception.images.limits import (
    MAX_REDUCED_PIXELS,
    check_size,
    one_large_image_at_a_time,
    wait_if_large,
)
from torch_inception.images.pillow_settings import default_settings, retry_without_warnings
from torch_inception.images.plugins import plugins
from torch_inception.images.read import read_file, read_file_object
from torch_inception.images.reasons import explain_failures
from torch_inception.images.rgb import is_on_its_side, to_rgb, upright


class Decoded(NamedTuple):
    """An upright RGB image, and what its file holds."""

    image: Image.Image
    original: Original


def decode(content: bytes, *, shorter_side: int | None = None) -> Image.Image:
    """Decode an image in full: upright, RGB, the first frame, on white where transparent.

    Arguments and errors are those of `decode_file`.
    """
    return decode_file(content, shorter_side=shorter_side).image


def decode_file(content: bytes, *, shorter_side: int | None = None) -> Decoded:
    """Decode an image as `decode` does, and tell what its file holds.

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
        found = retry_without_warnings(lambda warn: _decoded(content, shorter_side, warn=warn))
        # By now the opened file is let go of, and with it a second copy of the pixels.
        return Decoded(to_rgb(found.image), found.original)


def _decoded(content: bytes, shorter_side: int | None, *, warn: bool) -> Decoded:
    """Decode an image that is upright, but not yet RGB."""
    image, (width, height), mode = _opened(content, shorter_side, warn=warn)
    with image:
        wait_if_large(image, (width, height))
        opened_size = image.size
        with default_settings(image.format, warn=warn):
            check_trailing_zeros(content, image)
            image.load()
            # An icon may hold a larger image than it says.
            check_size(image, len(content))
            if image.size != opened_size:
                width, height = image.size
            if is_on_its_side(image):
                width, height = height, width
            original = Original(width, height, image.format or "", mode)
            return Decoded(upright(image), original)


def _opened(
    content: bytes, shorter_side: int | None, *, warn: bool
) -> tuple[ImageFile, tuple[int, int], str]:
    """Open an image, and refuse one that would take too much, before its pixels are decoded.

    Returns:
        the image, and its size and mode before it is to be decoded at a reduced size.
    """
    for plugin in plugins():
        if not plugin.accepts(content[:16]):
            continue
        with default_settings(plugin.format, warn=warn):
            try:
                image = plugin.opens(io.BytesIO(content), "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                continue  # so a plug-in says that the file is not of its format
            size, mode = image.size, image.mode
            if shorter_side is not None and plugin.format == "JPEG":
                check_size(image, len(content), max_pixels=MAX_REDUCED_PIXELS)
                image.draft(None, (shorter_side, shorter_side))
            check_size(image, len(content))
            return image, size, mode
    raise UnidentifiedImageError


def to_image(
    item: Any,  # noqa: ANN401 - callers pass what they have
    *,
    shorter_side: int | None = None,
) -> Image.Image:
    """Turn whatever stands for an image into an upright RGB image.

    Args:
        item: a path, the content of a file, a binary file object (it is read from where it
            stands), a PIL image, a uint8 array (H, W, 3) or a uint8 tensor (3, H, W).
        shorter_side: for files, as in `decode`.

    Raises:
        ImageError: the file is not a whole image.
        TypeError: the item is of another kind.
    """
    return to_decoded(item, shorter_side=shorter_side).image


def to_decoded(
    item: Any,  # noqa: ANN401 - as for `to_image`
    *,
    shorter_side: int | None = None,
) -> Decoded:
    """Do as `to_image`, and tell how large the image is, and of what kind."""
    if is_path(item):
        return decode_file(read_file(Path(item)), shorter_side=shorter_side)
    if isinstance(item, bytes):
        return decode_file(item, shorter_side=shorter_side)
    if is_file_object(item) and not isinstance(item, Image.Image):
        return decode_file(read_file_object(item), shorter_side=shorter_side)
    if isinstance(item, Image.Image):
        image, mode = _from_pillow(item), item.mode
    elif holds_pixels(item):
        image, mode = _from_pixels(item), "RGB"
    else:
        raise no_image(item)
    return Decoded(image, Original(*image.size, "", mode))


def _from_pixels(item: Any) -> Image.Image:  # noqa: ANN401
    _check_pixels(item.shape)
    is_tensor = hasattr(item, "permute")
    pixels = item.permute(1, 2, 0).cpu().numpy() if is_tensor else item
    return Image.fromarray(numpy.ascontiguousarray(pixels))


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
