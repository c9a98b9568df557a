"""Bring an image to the network's size. There is no second way: it is saved with every model."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image

from torch_inception.config import (
    FeaturesConfig,
    Resize,
    TrainConfig,
    check_choice,
    parse_channels,
    parse_intensity,
    parse_page,
)
from torch_inception.errors import ConfigError
from torch_inception.images.deep import DeepSettings, ValueRange
from torch_inception.images.rgb import BACKGROUND, cut_out

IMAGE_SIZE = 299
"""Height and width of the network's input, in pixels."""

CROP_RESIZE = 342
"""Shorter side before the centre crop; `Inception_V3_Weights.IMAGENET1K_V1.transforms()`."""

STRIP_RATIO = 50
"""Longer over shorter side above which only the middle of an image is scaled before the crop."""

OVERSAMPLING = 2
"""How many times its final size a JPEG is decoded at least. At 2 the features of 12-megapixel
JPEGs keep a cosine of 0.997 to those of a full decode, at 1 one of 0.99."""

Pixels = NDArray[numpy.uint8]
Places = NDArray[numpy.intp]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes 299 x 299; saved with every model.

    Attributes:
        resize: "squash" scales both sides, whatever the shape (the original's graph does);
            "crop" scales the shorter side to 342 and cuts out the centre (torchvision's way);
            "pad" scales the longer side and fills up with white; "tensorflow" squashes as
            TensorFlow 1's `ResizeBilinear` does, which looks at four pixels for each of the result,
            however large the image: for models that were trained so.
        exact_decode: whether a large JPEG is decoded at its full size; otherwise at half, a
            quarter or an eighth, at least twice what it is resized to. "tensorflow" is exact.
        intensity: what values of more than 8 bits are scaled to 8 bits by: "image" is each
            image's own range (its 0.1 and 99.9 percentiles), "dataset" that of the training
            images, "LOW,HIGH" one that is stated. Images of 8 bits are left alone.
        dataset_range: lowest and highest value of the training images (percentiles as above),
            with "dataset"; None where they had no image of more than 8 bits. Then each image's
            own range is taken.
        page: of a TIFF of several pages: a number from 1, or "max" or "mean" of all, pixel by
            pixel; "" for the first.
        channels: of a TIFF of several channels: one to three numbers from 1, such as "1,2,3".
            One is shown as grey, two as magenta and green, three as red, green and blue; "" for
            the first.
    """

    resize: Resize = "squash"
    exact_decode: bool = False
    intensity: str = "image"
    dataset_range: tuple[float, float] | None = None
    page: str = ""
    channels: str = ""

    def __post_init__(self) -> None:
        check_choice("resize", self.resize, Resize)
        if not isinstance(self.exact_decode, bool):
            raise ConfigError("exact_decode must be true or false.")
        for name in ("intensity", "page", "channels"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be text.")
        # It may come from a file, and a pair may be a list there.
        object.__setattr__(self, "dataset_range", _checked_range(self.dataset_range))
        parse_intensity(self.intensity)
        parse_page(self.page)
        parse_channels(self.channels)

    @classmethod
    def configured(cls, config: TrainConfig | FeaturesConfig) -> "Preprocessing":
        """Return what settings ask for; a range of the data set is not known yet."""
        return cls(
            config.resize,
            exact_decode=config.exact_decode,
            intensity=config.intensity,
            page=config.page,
            channels=config.channels,
        )

    @property
    def identity(self) -> str:
        """Everything here that changes a feature; the number grows when the code changes it."""
        decoded = f"{self.resize} {'exact' if self.exact_decode else 'reduced'} 2"
        low_and_high = self.value_range
        scaled = "own range" if low_and_high is None else "range {!r} {!r}".format(*low_and_high)
        page, channels = parse_page(self.page) or "first", parse_channels(self.channels) or "first"
        return f"{decoded} {scaled} page {page} channels {channels}"

    @property
    def value_range(self) -> tuple[float, float] | None:
        """What values of more than 8 bits are scaled by; None where each image has its own."""
        known = self.dataset_range if self.intensity == "dataset" else None
        return parse_intensity(self.intensity) or known

    @property
    def deep(self) -> DeepSettings:
        """What `decode` has to know of images of more than 8 bits, pages and channels."""
        return DeepSettings(
            ValueRange(*self.value_range) if self.value_range else None,
            parse_page(self.page),
            parse_channels(self.channels),
        )

    @property
    def shorter_side(self) -> int | None:
        """What `decode` has to leave of an image's shorter side; None for all of it."""
        if self.exact_decode or self.resize == "tensorflow":
            return None
        return OVERSAMPLING * (CROP_RESIZE if self.resize == "crop" else IMAGE_SIZE)

    def __call__(self, image: Image.Image) -> Pixels:
        """Map an upright RGB image to (299, 299, 3) uint8."""
        resized = _WAYS[self.resize](image)
        return numpy.asarray(resized)


def _checked_range(pair: object) -> tuple[float, float] | None:
    match pair:
        case None:
            return None
        case [float(low), float(high)] if math.isfinite(high - low) and low <= high:
            return low, high
    raise ConfigError("dataset_range is not a pair of numbers, the lower first.")


def _squash(image: Image.Image) -> Image.Image:
    return image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)


def _crop(image: Image.Image) -> Image.Image:
    middle = _middle_of_strip(image.size)
    if middle != (0, 0, *image.size):
        image = cut_out(image, middle)
    size, (left, top) = _before_crop(image.size)
    resized = image.resize(size, Image.Resampling.BILINEAR)
    return cut_out(resized, (left, top, left + IMAGE_SIZE, top + IMAGE_SIZE))


def _before_crop(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what an image is resized to, and where the crop begins in that.

    They are rounded as torchvision's `resize` and `center_crop` round them.
    """
    width, height = size
    if width <= height:
        resized = (CROP_RESIZE, int(CROP_RESIZE * height / width))
    else:
        resized = (int(CROP_RESIZE * width / height), CROP_RESIZE)
    return resized, crop_corner(resized)


def _middle_of_strip(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the part of an image that is scaled: not the far ends of one that is very long.

    Scaling all of it would fill the memory.
    """
    width, height = size
    longest = STRIP_RATIO * min(width, height)
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return left, top, min(width, left + longest), min(height, top + longest)


def crop_corner(size: tuple[int, int]) -> tuple[int, int]:
    """Return left and top of what "crop" cuts out of an image that is resized to this size."""
    left, top = (round((side - IMAGE_SIZE) / 2) for side in size)
    return left, top


def crop_box(size: tuple[int, int]) -> Box:
    """Return where in an image of this width and height the centre lies that "crop" cuts out."""
    left, top, right, bottom = _middle_of_strip(size)
    inside = (right - left, bottom - top)
    resized, (first, upper) = _before_crop(inside)
    across, down = inside[0] / resized[0], inside[1] / resized[1]
    return (
        left + first * across,
        top + upper * down,
        left + (first + IMAGE_SIZE) * across,
        top + (upper + IMAGE_SIZE) * down,
    )


def _pad(image: Image.Image) -> Image.Image:
    size, place = _inside_padding(image.size)
    resized = image.resize(size, Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), BACKGROUND)
    padded.paste(resized, place)
    return padded


def _inside_padding(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what an image is resized to, and where it is put."""
    width, height = (max(1, round(side * IMAGE_SIZE / max(size))) for side in size)
    return (width, height), ((IMAGE_SIZE - width) // 2, (IMAGE_SIZE - height) // 2)


def padded_box(size: tuple[int, int]) -> Box:
    """Return where, seen from an image of this width and height, the square of "pad" lies."""
    resized, (left, top) = _inside_padding(size)
    across, down = size[0] / resized[0], size[1] / resized[1]
    return (
        -left * across,
        -top * down,
        (IMAGE_SIZE - left) * across,
        (IMAGE_SIZE - top) * down,
    )


def _sample(image: Image.Image) -> Pixels:
    """Resize as `ResizeBilinear` with `align_corners` and `half_pixel_centers` false.

    The value at i is that at i * side / 299 of the image, between two pixels in each direction
    (tensorflow/core/kernels/image/resize_bilinear_op.cc).
    """
    pixels = numpy.asarray(image)
    (top, bottom, down), (left, right, along) = map(_neighbours, pixels.shape[:2])
    rows = _interpolate(pixels[top], pixels[bottom], down[:, None, None])
    columns = _interpolate(rows[:, left], rows[:, right], along[:, None])
    return columns.round().astype(numpy.uint8)


def _neighbours(side: int) -> tuple[Places, Places, NDArray[numpy.float32]]:
    """Return, for each of 299 places, the pixels before and after it and how far it is between."""
    places = numpy.arange(IMAGE_SIZE, dtype=numpy.float32) * numpy.float32(side / IMAGE_SIZE)
    before = places.astype(numpy.intp)
    return before, numpy.minimum(before + 1, side - 1), places - before


def _interpolate(
    first: NDArray[Any], second: NDArray[Any], share: NDArray[numpy.float32]
) -> NDArray[numpy.float32]:
    result: NDArray[numpy.float32] = first + (second.astype(numpy.float32) - first) * share
    return result


_WAYS: dict[Resize, Callable[[Image.Image], Image.Image | Pixels]] = {
    "squash": _squash, "crop": _crop, "pad": _pad, "tensorflow": _sample,
}  # fmt: skip
