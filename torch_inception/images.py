"""Decode a picture. There is no second decoder: training and prediction both come through here."""

import ctypes
import importlib
import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from torch_inception.errors import ImageError
from torch_inception.files import read_file
from torch_inception.kinds import told_kind
from torch_inception.rgb import to_rgb, upright
from torch_inception.whole import check_tail, check_whole

FORMATS = {
    "AVIF": "Avif", "BMP": "Bmp", "GIF": "Gif", "ICO": "Ico", "JPEG": "Jpeg", "JPEG2000": "Jpeg2K",
    "PNG": "Png", "PPM": "Ppm", "TIFF": "Tiff", "WEBP": "WebP",
}  # fmt: skip
"""What is decoded, in Pillow's names, and the plug-in that does it; no other is imported. Formats
that start another program are not among them."""

MAX_PIXELS = 89_478_485
"""Pixels that are decoded at most: Pillow's `MAX_IMAGE_PIXELS`, 256 MiB of 3 bytes a pixel."""

MAX_SIDE = 1_000_000
"""Pixels of the longer side at most; resizing takes 16 bytes for each."""

_BYTES_A_PIXEL = {"AVIF": 14, "HEIF": 12, "JPEG2000": 25, "WEBP": 17}
"""What decoding takes at its peak, as measured, where it is more than the 8 of turning a picture
upright or converting it: these have proportionally fewer pixels at most."""

_MAX_BYTES = {"JPEG2000": 16 * 2**20, "ICO": 16 * 2**20}
_MAX_SLOW_BYTES = 8 * 2**20
"""Of formats that take long to decode: JPEG 2000 needs some 0.2 s for each megabyte."""

_TOO_SHORT = re.compile(r"truncated|not enough|reached eof|not large enough|eof", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"unsupported|not supported|not implemented", re.IGNORECASE)

_LARGE_BYTES = 2**27
_large = threading.RLock()
"""Held while there is a picture that takes more than `_LARGE_BYTES`: memory is for one."""

_turn = threading.local()


def decode(content: bytes, *, shorter_side: int | None = None) -> Image.Image:
    """Decode a picture in full: upright, RGB, the first frame, on white where transparent.

    The format is told by the content.

    Args:
        content: of the file.
        shorter_side: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if its shorter
            side keeps so many pixels: the detail that is needed, in a fraction of the time.

    Raises:
        ImageError: it is not a picture in one of `FORMATS`, it does not decode whole, or decoding
            it would take too much memory or too long.
    """
    if not content:
        raise ImageError("the file is empty")
    check_whole(content)
    with taking_turns(), _explained(content):
        # By now the opened file is let go of, and with it a second copy of the pixels.
        return to_rgb(_decoded(content, shorter_side))


def _decoded(content: bytes, shorter_side: int | None) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=_formats()) as image:
        check_tail(content, image)
        if shorter_side is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (shorter_side, shorter_side))
        _check_size(image, len(content))
        if image.width * image.height * _bytes_a_pixel(image) > _LARGE_BYTES:
            _turn.stack.enter_context(_large)
        image.load()
        # An icon may hold a larger picture than it says.
        _check_size(image, len(content))
        return upright(image)


@contextmanager
def taking_turns() -> Iterator[None]:
    """Have no other thread decode a large picture from when the block does until it ends.

    The block has let go of the picture by then. Blocks inside each other are one.
    """
    if getattr(_turn, "stack", None) is not None:
        yield
        return
    with ExitStack() as _turn.stack:
        try:
            yield
        finally:
            _turn.stack = None


def _bytes_a_pixel(image: Image.Image) -> int:
    return _BYTES_A_PIXEL.get(image.format or "", 8)


@contextmanager
def _explained(content: bytes = b"") -> Iterator[None]:
    """Say in words why a picture does not decode."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(told_kind(content, known=_formats())) from error
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        count = f"{int(found[0]):,}" if found else "too many"
        raise ImageError(
            f"too large to decode safely: {count} pixels, and at most {MAX_PIXELS:,} are decoded"
        ) from error
    except MemoryError as error:
        raise ImageError("too large for this machine's memory") from error
    except Exception as error:  # Pillow's plug-ins raise almost anything.
        raise ImageError(_reason(_told(error))) from error


def _reason(told: str) -> str:
    """Put what Pillow says of its own buffers into words."""
    if _TOO_SHORT.search(told):
        return "cut short: its data end before the picture does"
    if "Decompressed data too large" in told:
        return "its text or colour profile unpacks to too much"
    if _UNSUPPORTED.search(told):
        return f"of a kind that cannot be decoded here ({told}); save it anew"
    return "damaged: its data make no sense as a picture"


def _check_size(image: Image.Image, length: int) -> None:
    if max(image.size) > MAX_SIDE:
        raise ImageError(
            f"too long to resize: {image.width} x {image.height} pixels, and a side has at most "
            f"{MAX_SIDE:,}"
        )
    limit = MAX_PIXELS * 8 // _bytes_a_pixel(image)
    if image.width * image.height > limit:
        raise ImageError(
            f"too large to decode safely: {image.width} x {image.height} pixels, and at most "
            f"{limit:,} of a {image.format} picture are decoded"
        )
    # Pillow decodes some kinds of BMP and PPM in Python, at up to 0.7 s for a megabyte.
    is_slow = isinstance(image, ImageFile) and any(t[0] in Image.DECODERS for t in image.tile)
    most = _MAX_SLOW_BYTES if is_slow else _MAX_BYTES.get(image.format or "", length)
    if length > most:
        raise ImageError(
            f"a {image.format} picture of {length:,} bytes of a kind of which more than {most:,} "
            "take too long to decode; save it as JPEG or PNG"
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
            return to_rgb(upright(item))
    if getattr(item, "ndim", 0) == 3 and item.shape[0] == 3 and str(item.dtype) == "torch.uint8":
        if 0 in item.shape:
            raise ImageError("it has no pixels")
        return Image.fromarray(item.permute(1, 2, 0).contiguous().cpu().numpy())
    kind = f"{type(item).__name__} {getattr(item, 'dtype', '')} {getattr(item, 'shape', '')}"
    raise TypeError(
        f"a picture is a path, a PIL image or a uint8 tensor (3, H, W), not {kind.strip()}"
    )


def _told(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
