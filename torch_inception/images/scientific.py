"""TIFF files that Pillow does not read, read by tifffile: other numbers, channels, stacks.

tifffile and imagecodecs are imported only when there is such a file.
"""

import importlib
import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from torch_inception.errors import ImageError
from torch_inception.images.deep import (
    DeepSettings,
    Values,
    share_not_finite,
    share_outside,
    to_bytes,
)
from torch_inception.images.facts import Original
from torch_inception.images.limits import wait_for_memory
from torch_inception.images.pillow_settings import default_settings, retry_without_warnings
from torch_inception.images.rgb import oriented, to_rgb
from torch_inception.images.tiff_stack import TiffStack
from torch_inception.images.tiff_tags import MAX_PAGES, TiffTags

INSTALL = 'pip install "torch-inception[science]"'

_STRIP_VALUES = 2**20
"""Values that are scaled at a time."""

_WIDTH, _HEIGHT = 256, 257

_NOT_BELIEVED = (
    "avs", "bif", "eer", "fluoview", "lsm", "mdgel", "mmstack", "ndpi", "ndtiff", "nih", "ome",
    "philips", "qpi", "scanimage", "scn", "stk", "svs",
)  # fmt: skip
"""Layouts that tifffile is told not to look for: what such files say of themselves can make it take
any memory, or open other files. Their pages are read one by one; OME's order is found in `ome`."""

_LEVELS = [
    (numpy.arange(256) % 2**bits * 255 / max(1, 2**bits - 1)).round().astype(numpy.uint8)
    for bits in range(8)
]
"""Values of few bits as bytes, from black to white."""

_CUT = "cut short: a TIFF image whose pages are not all there"

_PREMULTIPLIED, _STRAIGHT = 1, 2
_MOST_COUNTED = 2**16 - 1


def decode_tiff(content: bytes, tags: TiffTags, deep: DeepSettings) -> tuple[Image.Image, Original]:
    """Decode a TIFF as `decode.decode_file` does.

    Args:
        content: of the file.
        tags: of its pages.
        deep: which pages and channels are taken, and what their values are scaled by.

    Raises:
        ImageError: it cannot be read, would take too much, or needs what is not installed.
        UnidentifiedImageError: it has no tags of an image.
    """
    if not {_WIDTH, _HEIGHT}.issubset(tags.first):
        raise UnidentifiedImageError
    if tags.has_more:
        raise ImageError(
            f"a TIFF image of more than {MAX_PAGES:,} pages, or of too many tags; save it in "
            "several files"
        )
    if tags.reader.is_cut and deep.chooses:
        raise ImageError(_CUT)
    tags.check_choosable(deep)
    tifffile = _import_tifffile(tags)
    least = tags.described_pages
    return retry_without_warnings(lambda warn: _read(tifffile, content, deep, least, warn=warn))


def _read(
    tifffile: Any,  # noqa: ANN401 - a module without types
    content: bytes,
    deep: DeepSettings,
    least: int,
    *,
    warn: bool,
) -> tuple[Image.Image, Original]:
    # Not every version knows all of them.
    names = tifffile.TIFF.FILE_FLAGS.intersection(_NOT_BELIEVED)
    flags = {f"is_{name}": False for name in names}
    try:
        with numpy.errstate(all="ignore"), _silence():
            with default_settings("TIFF", warn=warn):
                file = tifffile.TiffFile(io.BytesIO(content), **flags)
                stack = TiffStack(file, content, deep)
                if stack.planes < least:
                    raise ImageError(_CUT)
                needed = stack.checked_bytes(deep)
            # Not with those settings, for which other threads wait.
            wait_for_memory(needed)
            with default_settings("TIFF", warn=warn):
                image, told = _decoded(stack, deep)
    except (ImageError, MemoryError, Warning):
        raise
    except Exception as error:  # tifffile and its decoders raise almost anything
        raise ImageError("damaged, or a TIFF image of a seldom kind; save it anew") from error
    image = oriented(image, stack.orientation)
    channels = 1 if stack.is_colour else min(stack.channels, _MOST_COUNTED)
    pages = min(stack.pages, _MOST_COUNTED)
    found = Original(*image.size, "TIFF", stack.kind, pages, channels, *told)
    is_deep = numpy.dtype(stack.kind) not in (numpy.bool_, numpy.uint8)
    return image, found._replace(is_deep=is_deep, is_axis_renamed=stack.is_axis_renamed)


class _Told(NamedTuple):
    """Shares of values, as `Original` has them."""

    not_finite: float
    outside: float


def _decoded(stack: TiffStack, deep: DeepSettings) -> tuple[Image.Image, _Told]:
    """Return what is chosen of a file, as RGB, and what is to be told of its values."""
    pages = stack.chosen_pages(deep.page)
    if stack.is_colour:
        values = stack.projected(pages, 0, how=deep.page)
        return _colour_image(values, stack, deep), _told(values[..., :3], deep)
    greys, told = [], []
    for number in deep.channels or (1,):
        values = stack.projected(pages, stack.chosen_channel(number), how=deep.page)
        greys.append(_scaled(values, stack, deep))
        told.append(_told(values, deep))
    # All channels have as many values.
    return _shown(greys), _Told(*(sum(shares) / len(told) for shares in zip(*told, strict=True)))


def _told(values: Values, deep: DeepSettings) -> _Told:
    is_deep = values.dtype not in (numpy.bool_, numpy.uint8)
    outside = share_outside(values, deep.value_range) if is_deep else 0.0
    return _Told(share_not_finite(values), outside)


def _colour_image(values: Values, stack: TiffStack, deep: DeepSettings) -> Image.Image:
    """Scale colours (H, W, 3 or more) by one range; lay them on white where they are clear."""
    if values.shape[-1] > 3 and stack.alpha == _PREMULTIPLIED:
        values = _straight(values)
    colours = _scaled(values[..., :3], stack, deep)
    if deep.channels:
        return _shown([colours[..., stack.chosen_channel(each)] for each in deep.channels])
    if values.shape[-1] == 3 or stack.alpha not in (_PREMULTIPLIED, _STRAIGHT):
        return Image.fromarray(colours)
    layered = numpy.dstack([colours, _opacity(values[..., 3])])
    height, width = values.shape[:2]
    return to_rgb(Image.frombytes("RGBA", (width, height), layered.tobytes()))


def _straight(values: Values) -> Values:
    """Return colours as they are without alpha, by which they are multiplied in the file.

    Where alpha is 0, they stay.
    """
    most = _largest(values)
    straight = values.copy()
    for colours in straight:  # row by row, in little memory
        shares = colours[:, 3:4] / most
        found = colours[:, :3] / numpy.where(shares > 0, shares, 1)
        if values.dtype.kind != "f":
            found = found.round().clip(0, most)
        colours[:, :3] = found
    return straight


def _largest(values: Values) -> float:
    """Return what is wholly opaque: of integers their largest, of floats 1."""
    return 1.0 if values.dtype.kind == "f" else float(numpy.iinfo(values.dtype).max)


def _opacity(alpha: Values) -> NDArray[numpy.uint8]:
    """Return alpha as 0 to 255."""
    shares = alpha / _largest(alpha)
    return numpy.nan_to_num(shares * 255).round().clip(0, 255).astype(numpy.uint8)


def _scaled(values: Values, stack: TiffStack, deep: DeepSettings) -> NDArray[numpy.uint8]:
    """Return values as bytes, in little memory; those of 8 bits or fewer are left alone."""
    if values.dtype == numpy.bool_:
        values = values.view(numpy.uint8)
    if values.dtype == numpy.uint8:
        levels = _LEVELS[stack.bits][values] if stack.bits < 8 else values
        return numpy.ascontiguousarray(255 - levels if stack.is_white_zero else levels)
    value_range = deep.range_of(values)
    scaled = numpy.empty(values.shape, numpy.uint8)
    step = max(1, _STRIP_VALUES // max(1, values[0].size))
    for top in range(0, len(values), step):
        rows = slice(top, top + step)
        scaled[rows] = to_bytes(values[rows], value_range, is_white_zero=stack.is_white_zero)
    return scaled


def _shown(greys: list[NDArray[numpy.uint8]]) -> Image.Image:
    """Show one channel (H, W) as grey; two as magenta and green; three as red, green and blue.

    Magenta and green are as bright as one another, and all people can tell them apart (Wong 2011,
    "Color blindness", Nature Methods 8).
    """
    channels = [Image.fromarray(numpy.ascontiguousarray(grey)) for grey in greys]
    return Image.merge("RGB", (channels * 3)[:3])


def _import_tifffile(tags: TiffTags) -> Any:  # noqa: ANN401 - a module without types
    try:
        importlib.import_module("imagecodecs")
        tifffile = importlib.import_module("tifffile")
    except ImportError as error:
        raise ImageError(
            f"a stack, or a TIFF image of a seldom kind ({tags.described()}); if it is whole, this "
            f"reads it: {INSTALL}"
        ) from error
    _listen()
    return tifffile


_reading = threading.local()


@contextmanager
def _silence() -> Iterator[None]:
    """Have tifffile log nothing of what this thread reads in a block: it names no file."""
    _reading.is_ours = True
    try:
        yield
    finally:
        _reading.is_ours = False


def _is_of_others(record: logging.LogRecord) -> bool:
    return not getattr(_reading, "is_ours", False)


def _listen() -> None:
    """Filter tifffile's log; adding the same filter again changes nothing."""
    logging.getLogger("tifffile").addFilter(_is_of_others)
