"""How values of more than 8 bits become 8 bits: by a range, which is shown from black to white.

Percentiles take the place of the least and greatest value, so that a few hot pixels do not darken
all others; viewers such as ImageJ and napari choose their contrast so.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray
from PIL import Image

PERCENTILES = (0.1, 99.9)
"""What becomes black and white, where an image has its own range."""

MOST_VALUES = 2**24
"""Values that an image's range is computed of; of more, a regular grid of so many is taken."""

Values = NDArray[Any]
"""Integers or floats, (H, W) or (H, W, channels)."""


class ValueRange(NamedTuple):
    """The value that becomes black, and the one that becomes white."""

    low: float
    high: float


class GreyKind(NamedTuple):
    """What Pillow's modes do not tell of deep grey.

    Attributes:
        is_white_zero: whether low values are bright (TIFF's "MinIsWhite").
        is_unsigned: whether 32-bit integers have no sign.
    """

    is_white_zero: bool = False
    is_unsigned: bool = False


def grey_kind(image: Image.Image) -> GreyKind:
    """Return what the tags of an opened TIFF tell (TIFF 6.0: 262 photometric, 339 format)."""
    tags = getattr(image, "tag_v2", {})
    is_unsigned = tags.get(258) == (32,) and tags.get(339, (1,)) == (1,)
    return GreyKind(tags.get(262) == 0, is_unsigned)


def is_deep_grey(image: Image.Image) -> bool:
    """Tell whether an image of Pillow's has integers of 16 or 32 bits, or floats."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def grey_values(image: Image.Image, kind: GreyKind) -> Values:
    """Return the values (H, W) of a deep grey image of Pillow's."""
    values = numpy.asarray(image)
    return values.view(numpy.uint32) if kind.is_unsigned and image.mode == "I" else values


def on_grid(image: Image.Image) -> Image.Image:
    """Return an image, or as many of its pixels as an image's range is computed of."""
    step = _step(image.width * image.height)
    if step == 1:
        return image
    size = (max(1, image.width // step), max(1, image.height // step))
    return image.resize(size, Image.Resampling.NEAREST)


def image_range(values: Values) -> ValueRange:
    """Return the percentiles of an image's finite values.

    Where both are the same, the least and the greatest value; where these are the same too, or no
    value is finite, a range of no length.
    """
    step = _step(values.size)
    return range_of_finite(finite(values[::step, ::step]))


def range_of_finite(values: Values) -> ValueRange:
    """Do as `image_range`, of values that are all finite, and of any shape."""
    if not values.size:
        return ValueRange(0.0, 0.0)
    with numpy.errstate(all="ignore"):  # numbers near the largest differ by infinity
        low, high = (float(each) for each in numpy.percentile(values, PERCENTILES))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return ValueRange(low, high)


def finite(values: Values) -> Values:
    """Return the values that are finite, in one row; float16 as float32."""
    if values.dtype.kind != "f":
        return values.reshape(-1)
    return values[numpy.isfinite(values)].astype(numpy.promote_types(values.dtype, numpy.float32))


def to_bytes(
    values: Values, value_range: ValueRange, *, is_white_zero: bool = False
) -> NDArray[numpy.uint8]:
    """Scale values to 0 to 255, the range's low becoming 0; values beyond it are cut off.

    NaN becomes 0, as all do where the range has no length.

    Args:
        values: of any shape.
        value_range: what they are scaled by.
        is_white_zero: whether the range's low becomes 255 instead.
    """
    low, high = value_range
    if not high > low:
        return numpy.zeros(values.shape, numpy.uint8)
    # Infinities are found in files, and differences of numbers that are nearly so.
    with numpy.errstate(all="ignore"):
        shares = (values.astype(numpy.float64) - low) / (high - low)
        scaled = (1 - shares if is_white_zero else shares) * 255
        return numpy.nan_to_num(scaled, nan=0).round().clip(0, 255).astype(numpy.uint8)


def share_not_finite(values: Values) -> float:
    """Return the share of an image's values that are NaN or infinite, 0 to 1."""
    if values.dtype.kind != "f":
        return 0.0
    return 1 - float(numpy.count_nonzero(numpy.isfinite(values))) / max(1, values.size)


def share_outside(values: Values, value_range: ValueRange | None) -> float:
    """Return the share of an image's finite values that a range cuts off, 0 to 1."""
    if value_range is None:
        return 0.0
    step, (low, high) = _step(values.size), value_range
    known = finite(values[::step, ::step])
    return float(numpy.count_nonzero((known < low) | (known > high))) / max(1, known.size)


def _step(count: int) -> int:
    return math.isqrt(max(0, count - 1) // MOST_VALUES) + 1


@dataclass(frozen=True)
class DeepSettings:
    """What of a file with more than an 8-bit image is taken, and how it becomes 8 bits.

    Attributes:
        value_range: what all images are scaled by; None where each has its own.
        page: number of the page, from 1, or "max" or "mean" of all; None for the first, unasked.
        channels: numbers of up to three channels, from 1; none for the first, unasked, or for the
            colours of a colour image.
        measure: gives an image's own range.
    """

    value_range: ValueRange | None = None
    page: int | str | None = None
    channels: tuple[int, ...] = ()
    measure: Callable[[Values], ValueRange] = image_range

    def range_of(self, values: Values) -> ValueRange:
        """Return the range that an image's values are scaled by."""
        return self.value_range or self.measure(values)

    @property
    def chooses(self) -> bool:
        """Whether it says which pages or channels are taken."""
        return self.page is not None or bool(self.channels)


ITS_OWN_RANGE = DeepSettings()
