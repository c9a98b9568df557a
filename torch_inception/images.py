"""Decode a picture. There is no second decoder: training and prediction both come through here."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy
from PIL import Image, ImageOps, UnidentifiedImageError

from torch_inception.errors import ImageError

FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, in Pillow's names. Formats that start another program are not among them."""

GROUND = (255, 255, 255)
"""Colour under transparent pixels and around a padded picture."""


def decode(content: bytes, *, shorter_side: int | None = None) -> Image.Image:
    """Decode a picture in full: upright, RGB, the first frame, on white where transparent.

    The format is told by the content. 16-bit grey is scaled by 1/257; 32-bit integers are taken
    to be 16-bit values, 32-bit floats to lie in [0, 1].

    Args:
        content: of the file.
        shorter_side: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if its shorter
            side keeps so many pixels: the detail that is needed, in a fraction of the time.

    Raises:
        ImageError: it is not a picture in one of `FORMATS`, or it does not decode whole.
    """
    if not content:
        raise ImageError("the file is empty")
    with _explained(), Image.open(io.BytesIO(content), formats=_formats()) as image:
        if shorter_side is not None:
            image.draft(None, (shorter_side, shorter_side))
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


def to_image(
    item: Any,  # noqa: ANN401 - callers pass what they have
    *,
    shorter_side: int | None = None,
) -> Image.Image:
    """Turn a path, a PIL image or a uint8 tensor (3, H, W) into an upright RGB picture.

    Args:
        item: the picture.
        shorter_side: for a path, as in `decode`.

    Raises:
        ImageError: the file is not a whole picture.
        TypeError: the item is of another kind.
    """
    if isinstance(item, (str, os.PathLike)):
        return decode(read_file(Path(item)), shorter_side=shorter_side)
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


def _told(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
