"""Pictures: find them, decode one, bring it to the network's size.

There is no second decoder and no second preprocessing anywhere: training and prediction both come
through here.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from torch_inception.config import Resize, check_choice
from torch_inception.errors import ImageError
from torch_inception.network import IMAGE_SIZE

FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, in Pillow's names. Formats that start another program are not among them."""

CROP_RESIZE = 342
"""Shorter side before the centre crop; `Inception_V3_Weights.IMAGENET1K_V1.transforms()`."""

STRIP_RATIO = 50
"""Longer over shorter side above which only the middle of a picture is scaled before the crop."""

GROUND = (255, 255, 255)
"""Colour under transparent pixels and around a padded picture."""

Pixels = NDArray[numpy.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes 299 x 299; saved with every model.

    Attributes:
        resize: "squash" scales both sides, whatever the shape (the original's graph does);
            "crop" scales the shorter side to 342 and cuts out the centre (torchvision's way);
            "pad" scales the longer side and fills up with white.
    """

    resize: Resize = "squash"

    def __post_init__(self) -> None:
        check_choice("resize", self.resize, Resize)

    @property
    def identity(self) -> str:
        """Everything here that changes a feature; the number grows when the code changes it."""
        return f"{self.resize} 1"

    def __call__(self, image: Image.Image) -> Pixels:
        """Map an upright RGB picture to (299, 299, 3) uint8."""
        resized = {"squash": _squash, "crop": _crop, "pad": _pad}[self.resize](image)
        return numpy.asarray(resized)


def is_hidden(path: Path) -> bool:
    """Tell whether a name is that of a hidden file or folder, such as `.DS_Store`."""
    return path.name.startswith(".")


def find_pictures(folder: Path, *, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield every file below a folder that is not hidden, in the order of names.

    A folder that may not be opened is yielded itself: reading it tells why. A link back to a
    folder that it lies in is passed over.

    Args:
        folder: where to look.
        above: the real folders that the search came through.
    """
    real = folder.resolve()
    above |= {real, *real.parents}
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder
        return
    for entry in entries:
        if is_hidden(entry):
            continue
        if not entry.is_dir():
            yield entry
        elif entry.resolve() not in above:
            yield from find_pictures(entry, above=above)


def decode(content: bytes) -> Image.Image:
    """Decode a picture in full: upright, RGB, the first frame, on white where transparent.

    The format is told by the content. 16-bit grey is scaled by 1/257; 32-bit integers are taken
    to be 16-bit values, 32-bit floats to lie in [0, 1].

    Raises:
        ImageError: it is not a picture in one of `FORMATS`, or it does not decode whole.
    """
    if not content:
        raise ImageError("the file is empty")
    with _explained(), Image.open(io.BytesIO(content), formats=_formats()) as image:
        return _to_rgb(_upright(image))


@contextmanager
def _explained() -> Iterator[None]:
    """Say in words why a picture does not decode."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise ImageError("not a picture in a format that is known here") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large to decode safely ({error})") from error
    except MemoryError as error:
        raise ImageError("too large for this machine's memory") from error
    except Exception as error:  # Pillow's plug-ins raise almost anything.
        raise ImageError(f"does not decode whole ({_told(error)})") from error


@cache
def _formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def read_file(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        if path.is_dir():
            raise ImageError("not a regular file but a folder, or one that may not be opened")
        if not path.is_file():
            raise ImageError("not a regular file" if path.exists() else "no such file")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise ImageError(f"not a name that a file can have ({error})") from error


def to_image(item: Any) -> Image.Image:  # noqa: ANN401 - callers pass what they have
    """Turn a path, a PIL image or a uint8 tensor (3, H, W) into an upright RGB picture.

    Raises:
        ImageError: the file is not a whole picture.
        TypeError: the item is of another kind.
    """
    if isinstance(item, (str, os.PathLike)):
        return decode(read_file(Path(item)))
    if isinstance(item, Image.Image):
        if 0 in item.size:
            raise ImageError("it has no pixels")
        with _explained():
            return _to_rgb(_upright(item))
    if getattr(item, "ndim", 0) == 3 and item.shape[0] == 3 and str(item.dtype) == "torch.uint8":
        if 0 in item.shape:
            raise ImageError("it has no pixels")
        return Image.fromarray(item.permute(1, 2, 0).contiguous().cpu().numpy())
    kind = f"{type(item).__name__} {getattr(item, 'dtype', '')} {getattr(item, 'shape', '')}"
    raise TypeError(
        f"a picture is a path, a PIL image or a uint8 tensor (3, H, W), not {kind.strip()}"
    )


def _upright(image: Image.Image) -> Image.Image:
    """Decode in full and apply the EXIF orientation; broken EXIF says nothing about pixels."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever the EXIF parser stumbles over
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
        layer = image.convert(straight).convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*GROUND, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    values = numpy.asarray(image).astype(numpy.float64)
    scaled = values * 255 if image.mode == "F" else values / 257
    grey = numpy.nan_to_num(scaled).round().clip(0, 255).astype(numpy.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = GROUND[0]
    return Image.fromarray(grey).convert("RGB")


def _squash(image: Image.Image) -> Image.Image:
    return image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)


def _crop(image: Image.Image) -> Image.Image:
    # Sizes are rounded as torchvision's `resize` and `center_crop` round them.
    image = _middle_of_strip(image)
    width, height = image.size
    if width <= height:
        size = (CROP_RESIZE, int(CROP_RESIZE * height / width))
    else:
        size = (int(CROP_RESIZE * width / height), CROP_RESIZE)
    resized = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((side - IMAGE_SIZE) / 2) for side in size)
    return resized.crop((left, top, left + IMAGE_SIZE, top + IMAGE_SIZE))


def _middle_of_strip(image: Image.Image) -> Image.Image:
    """Cut the far ends off a picture so long that scaling all of it would fill the memory."""
    width, height = image.size
    longest = STRIP_RATIO * min(width, height)
    if max(width, height) <= longest:
        return image
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((left, top, min(width, left + longest), min(height, top + longest)))


def _pad(image: Image.Image) -> Image.Image:
    longer = max(image.size)
    width, height = (max(1, round(side * IMAGE_SIZE / longer)) for side in image.size)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), GROUND)
    padded.paste(resized, ((IMAGE_SIZE - width) // 2, (IMAGE_SIZE - height) // 2))
    return padded


def _told(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
