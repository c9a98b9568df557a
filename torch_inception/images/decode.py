"""Decode an image. There is no second decoder: training and prediction both come through here."""

import io
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from torch_inception.errors import ImageError
from torch_inception.images.deep import (
    ITS_OWN_RANGE,
    DeepSettings,
    GreyKind,
    grey_kind,
    grey_values,
    is_deep_grey,
    on_grid,
    share_not_finite,
    share_outside,
)
from torch_inception.images.deep_colour import (
    BYTES_A_PIXEL,
    colour_values,
    deep_colour_to_rgb,
    is_deep_colour,
    keep_lower_bytes,
    lower_bytes_of_grey,
)
from torch_inception.images.deep_ppm import keep_values, with_binary_values
from torch_inception.images.facts import Original
from torch_inception.images.image_input import (
    holds_pixels,
    is_file_object,
    is_path,
    is_path_of_something,
    no_image,
)
from torch_inception.images.integrity.completeness import check_complete, check_trailing_zeros
from torch_inception.images.integrity.png import SIGNATURE as PNG
from torch_inception.images.limits import (
    MAX_PIXELS,
    MAX_REDUCED_PIXELS,
    check_size,
    one_large_image_at_a_time,
    wait_for_memory,
    wait_if_large,
)
from torch_inception.images.pillow_settings import default_settings, retry_without_warnings
from torch_inception.images.plugins import plugins
from torch_inception.images.read import read_file, read_file_object
from torch_inception.images.reasons import explain_failures
from torch_inception.images.rgb import is_on_its_side, to_rgb, upright
from torch_inception.images.tiff_tags import TiffTags, is_tiff, read_tiff_tags


class Decoded(NamedTuple):
    """An upright RGB image, and what its file holds."""

    image: Image.Image
    original: Original


class _Loaded(NamedTuple):
    """An upright image that is not yet RGB.

    Attributes:
        image: as Pillow decodes it.
        original: what its file holds.
        kind: what is known of deep grey beside the mode.
        lower: the lower bytes of 16-bit colour, of which `image` has the higher ones.
    """

    image: Image.Image
    original: Original
    kind: GreyKind
    lower: Image.Image | None = None


def decode(
    content: bytes, *, shorter_side: int | None = None, deep: DeepSettings = ITS_OWN_RANGE
) -> Image.Image:
    """Decode an image in full: upright, RGB, the first frame, on white where transparent.

    Arguments and errors are those of `decode_file`.
    """
    return decode_file(content, shorter_side=shorter_side, deep=deep).image


def decode_file(
    content: bytes, *, shorter_side: int | None = None, deep: DeepSettings = ITS_OWN_RANGE
) -> Decoded:
    """Decode an image as `decode` does, and tell what its file holds.

    The format is told by the content.

    Args:
        content: of the file.
        shorter_side: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if its shorter
            side keeps so many pixels: the detail that is needed, in a fraction of the time.
        deep: which pages and channels of a TIFF are taken, and what values of more than 8 bits
            are scaled by.

    Raises:
        ImageError: it is not an image in one of `plugins.FORMATS`, it does not decode whole,
            decoding it would take too much memory or too long, or needs a package that is not
            installed.
    """
    if not content:
        raise ImageError("the file is empty")
    check_complete(content)
    content = with_binary_values(content)
    with one_large_image_at_a_time(), explain_failures(content):
        tags = read_tiff_tags(content) if is_tiff(content) else None
        if tags and tags.is_page_alone(deep):
            return _page_alone(content, tags, shorter_side, deep)
        if tags and tags.is_for_tifffile(deep):
            return _decoded_by_tifffile(content, tags, deep)
        if tags:
            tags.check_only_one(deep)
        try:
            found = retry_without_warnings(lambda warn: _decoded(content, shorter_side, warn=warn))
        except (UnidentifiedImageError, OSError) as error:
            is_unknown = isinstance(error, UnidentifiedImageError)
            if tags is None or not (is_unknown or tags.may_be_for_tifffile()):
                raise
            return _decoded_by_tifffile(content, tags, deep)
        # By now the opened file is let go of, and with it a second copy of the pixels.
        original = _with_facts(found, deep)
        if tags:
            pages, channels = tags.stated_layout()
            original = original._replace(pages=pages, channels=channels)
        return Decoded(_to_rgb(found, deep), original)


def _page_alone(
    content: bytes, tags: TiffTags, shorter_side: int | None, deep: DeepSettings
) -> Decoded:
    """Decode a page of a TIFF as one that has no others."""
    wait_for_memory(len(content))  # the copy
    page = tags.page_alone(deep)
    if read_tiff_tags(page).pages > 1:
        raise ImageError("damaged: a TIFF image whose pages lie upon one another")
    found = decode_file(page, shorter_side=shorter_side, deep=replace(deep, page=None))
    return found._replace(original=found.original._replace(pages=len(tags.places)))


def _decoded_by_tifffile(content: bytes, tags: TiffTags, deep: DeepSettings) -> Decoded:
    from torch_inception.images import scientific  # few processes need it

    return Decoded(*scientific.decode_tiff(content, tags, deep))


def may_be_deep(content: bytes) -> bool:
    """Tell by its first bytes whether an image may have more than 8 bits."""
    if content.startswith(PNG):
        return content[24:25] == b"\x10"
    others = (b"P2", b"P3", b"P5", b"P6", b"Pf", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
    return is_tiff(content) or content.startswith(others)


def _to_rgb(found: _Loaded, deep: DeepSettings) -> Image.Image:
    if found.lower is not None:
        return deep_colour_to_rgb(found.image, found.lower, deep)
    return to_rgb(found.image, deep, found.kind)


def _with_facts(found: _Loaded, deep: DeepSettings) -> Original:
    """Return what the file holds, and what is to be told of values of more than 8 bits."""
    if found.lower is not None:
        values = colour_values(on_grid(found.image), on_grid(found.lower))
    elif is_deep_grey(found.image):
        values = grey_values(on_grid(found.image), found.kind)
    else:
        return found.original
    outside = share_outside(values, deep.value_range)
    return found.original._replace(
        not_finite=share_not_finite(values), outside=outside, is_deep=True
    )


def _decoded(content: bytes, shorter_side: int | None, *, warn: bool) -> _Loaded:
    """Decode an image that is upright, but not yet RGB."""
    found, has_lower_bytes = _loaded(content, shorter_side, warn=warn)
    if not has_lower_bytes:
        return found
    lower, _ = _loaded(content, shorter_side, warn=warn, lower_bytes=True)
    return found._replace(lower=lower.image)


def _loaded(
    content: bytes, shorter_side: int | None, *, warn: bool, lower_bytes: bool = False
) -> tuple[_Loaded, bool]:
    """Decode an image, or the lower bytes of 16-bit colour; tell whether it is such colour."""
    image, (width, height), mode = _opened(content, shorter_side, warn=warn)
    with image:
        wait_if_large(image, (width, height))
        opened_size, has_lower_bytes = image.size, is_deep_colour(image)
        if has_lower_bytes:
            check_size(image, len(content), max_pixels=MAX_PIXELS * 8 // BYTES_A_PIXEL)
        is_grey = lower_bytes and keep_lower_bytes(image)
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
            turned = upright(image)
        turned = lower_bytes_of_grey(turned) if is_grey else turned
        return _Loaded(turned, original, grey_kind(image)), has_lower_bytes


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
            keep_values(image)
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
    deep: DeepSettings = ITS_OWN_RANGE,
) -> Image.Image:
    """Turn whatever stands for an image into an upright RGB image.

    Args:
        item: a path, the content of a file, a binary file object (it is read from where it
            stands), a PIL image, a uint8 array (H, W, 3) or a uint8 tensor (3, H, W).
        shorter_side: for files, as in `decode`.
        deep: as in `decode`; a PIL image is taken at the frame at which it is.

    Raises:
        ImageError: the file is not a whole image.
        TypeError: the item is of another kind.
    """
    return to_decoded(item, shorter_side=shorter_side, deep=deep).image


def to_decoded(
    item: Any,  # noqa: ANN401 - as for `to_image`
    *,
    shorter_side: int | None = None,
    deep: DeepSettings = ITS_OWN_RANGE,
) -> Decoded:
    """Do as `to_image`, and tell how large the image is, and of what kind."""
    if is_path_of_something(item):
        return decode_file(read_file(Path(item)), shorter_side=shorter_side, deep=deep)
    if is_path(item):
        raise ImageError("'' is no path of an image")
    if isinstance(item, bytes):
        return decode_file(item, shorter_side=shorter_side, deep=deep)
    if is_file_object(item) and not isinstance(item, Image.Image):
        return decode_file(read_file_object(item), shorter_side=shorter_side, deep=deep)
    if isinstance(item, Image.Image):
        return _from_pillow(item, deep)
    if holds_pixels(item):
        image = _from_pixels(item)
        return Decoded(image, Original(*image.size, "", "RGB"))
    raise no_image(item)


def _from_pixels(item: Any) -> Image.Image:  # noqa: ANN401
    _check_pixels(item.shape)
    is_tensor = hasattr(item, "permute")
    pixels = item.permute(1, 2, 0).cpu().numpy() if is_tensor else item
    return Image.fromarray(numpy.ascontiguousarray(pixels))


def _from_pillow(image: Image.Image, deep: DeepSettings) -> Decoded:
    _check_pixels(image.size)

    def load(warn: bool) -> Image.Image:
        # It may be a file that was opened and not yet read.
        with default_settings(image.format, warn=warn):
            return upright(image)

    with explain_failures(b""):
        loaded = retry_without_warnings(load)
        found = _Loaded(loaded, Original(*loaded.size, "", image.mode), grey_kind(image))
        return Decoded(_to_rgb(found, deep), _with_facts(found, deep))


def _check_pixels(shape: Iterable[int]) -> None:
    if 0 in shape:
        raise ImageError("it has no pixels")
