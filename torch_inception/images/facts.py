"""What is worth knowing of an image beside its features: size, brightness, sharpness, likeness."""

import math
from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from PIL import Image

from torch_inception.images.preprocess import Pixels

FACTS = numpy.dtype(
    [
        ("width", "<u4"), ("height", "<u4"), ("format", "<U8"), ("mode", "<U5"),
        ("brightness", "<f4"), ("contrast", "<f4"), ("sharpness", "<f4"),
        ("perceptual_hash", "<u8"), ("pages", "<u2"), ("channels", "<u2"), ("not_finite", "<f4"),
        ("outside", "<f2"), ("is_deep", "?"), ("is_axis_renamed", "?"),
    ]
)  # fmt: skip
"""The facts of an image as numpy's record, to be kept."""

_LEVELS = numpy.arange(256, dtype=numpy.int64)

_HASH_SIDE, _FREQUENCIES = 32, 8


class Original(NamedTuple):
    """What a file holds.

    Attributes:
        width: in pixels, of the upright image; also where it was decoded at a reduced size.
        height: as the width.
        format: Pillow's name, such as "JPEG".
        mode: Pillow's name of the kind of pixels in the file, such as "RGB" or "CMYK"; numpy's,
            such as "f8", where Pillow does not read the file.
        pages: of a TIFF; 1 in other formats.
        channels: of a TIFF that are not colours of one image; 1 in other files.
        not_finite: share of the values that were taken that is NaN or infinite, 0 to 1.
        outside: share of these that a range cuts off, 0 to 1; 0 where it is the image's own.
        is_deep: whether they have more than 8 bits, and are scaled by a range.
        is_axis_renamed: whether the only axis of a stack is taken for pages or channels because
            that was asked for, against the name that the file gives it.
    """

    width: int
    height: int
    format: str
    mode: str
    pages: int = 1
    channels: int = 1
    not_finite: float = 0.0
    outside: float = 0.0
    is_deep: bool = False
    is_axis_renamed: bool = False


class ImageFacts(NamedTuple):
    """Facts of an image; brightness to perceptual hash are of the pixels that the network sees.

    Luma is 0.299 R + 0.587 G + 0.114 B, 0 to 255 (ITU-R BT.601, as Pillow rounds it).

    Attributes:
        width: as in `Original`.
        height: as in `Original`.
        format: as in `Original`.
        mode: as in `Original`.
        brightness: mean of the luma.
        contrast: standard deviation of the luma.
        sharpness: variance of the Laplacian of the luma, the low values being blurred. The kernel
            is (0 1 0, 1 -4 1, 0 1 0), inside the edges (LAPV in Pertuz et al. 2013, "Analysis of
            focus measure operators for shape-from-focus", Pattern Recognition 46).
        perceptual_hash: 64 bits, of which alike images differ in few. The luma, averaged to
            32 x 32, has a two-dimensional DCT; bit 8 u + v, from the lowest, tells whether the
            coefficient of frequency u down and v across, 0 to 7 each, is above the median of these
            64 (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions",
            3.2.1).
        pages: as in `Original`.
        channels: as in `Original`.
        not_finite: as in `Original`.
        outside: as in `Original`.
        is_deep: as in `Original`.
        is_axis_renamed: as in `Original`.
    """

    width: int
    height: int
    format: str
    mode: str
    brightness: float
    contrast: float
    sharpness: float
    perceptual_hash: int
    pages: int = 1
    channels: int = 1
    not_finite: float = 0.0
    outside: float = 0.0
    is_deep: bool = False
    is_axis_renamed: bool = False


def image_facts(original: Original, pixels: Pixels) -> ImageFacts:
    """Return the facts of an image.

    Args:
        original: what its file holds.
        pixels: (299, 299, 3) uint8, what the network sees.
    """
    luma = Image.fromarray(pixels).convert("L")
    counts = numpy.array(luma.histogram())
    brightness, variance = _moments(*((counts * _LEVELS**power).sum() for power in (0, 1, 2)))
    laplacian = _laplacian(numpy.asarray(luma))
    squares = numpy.square(laplacian, dtype=numpy.int32).sum(dtype=numpy.int64)
    _, sharpness = _moments(laplacian.size, laplacian.sum(dtype=numpy.int64), squares)
    return ImageFacts(
        **original._asdict(),
        brightness=brightness,
        contrast=math.sqrt(variance),
        sharpness=sharpness,
        perceptual_hash=_perceptual_hash(luma),
    )


def _moments(count: int, total: int, squares: int) -> tuple[float, float]:
    """Return mean and variance of so many whole numbers, of this sum and sum of squares."""
    mean = total / count
    # Python's integers are exact, so that the difference is.
    return float(mean), (int(count) * int(squares) - int(total) ** 2) / int(count) ** 2


def _laplacian(luma: NDArray[numpy.uint8]) -> NDArray[numpy.int16]:
    values = luma.astype(numpy.int16)
    middle = values[1:-1, 1:-1]
    return values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * middle


def _perceptual_hash(luma: Image.Image) -> int:
    small = luma.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX)
    coefficients = _DCT @ numpy.asarray(small, numpy.float64) @ _DCT.T
    # What rounding leaves of a zero decides nothing.
    found = coefficients.round(6)
    bits = (found > _median(found)).ravel()
    return int.from_bytes(numpy.packbits(bits, bitorder="little").tobytes(), "little")


def _median(values: NDArray[numpy.float64]) -> float:
    """Return the median of an even number of values; numpy's own imports masked arrays for it."""
    middle = values.size // 2
    return float(numpy.sort(values, axis=None)[middle - 1 : middle + 1].mean())


def _dct() -> NDArray[numpy.float64]:
    """Return the lowest frequencies (8, 32) of the orthonormal DCT-II."""
    frequency, place = numpy.arange(_FREQUENCIES)[:, None], numpy.arange(_HASH_SIDE)
    waves = numpy.cos(numpy.pi / _HASH_SIDE * (place + 0.5) * frequency)
    scale = numpy.where(frequency == 0, 1, 2) / _HASH_SIDE
    lowest: NDArray[numpy.float64] = waves * numpy.sqrt(scale)
    return lowest


_DCT = _dct()
