"""How large an image may be, so that decoding it takes bounded memory and time."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image
from PIL.ImageFile import ImageFile

from torch_inception.errors import ImageError

MAX_PIXELS = 89_478_485
"""Pixels that are decoded at most: Pillow's `MAX_IMAGE_PIXELS`, 256 MiB of 3 bytes a pixel."""

MAX_REDUCED_PIXELS = 1_000_000_000
"""Pixels of a JPEG that is decoded at a fraction of its size: they take time, some 2 s, and hardly
any memory. As measured, one of 200 megapixels takes 23 MiB at an eighth of its size, and one of
1000 takes 118: the 8 bytes for each pixel that is left. A progressive one takes more: see
`integrity.jpeg.MAX_KEPT_SAMPLES`, at which it is 522 MiB."""

MAX_SIDE = 1_000_000
"""Pixels of the longer side at most; resizing takes 16 bytes for each."""

MAX_PARTS = 100_000
"""Chunks or blocks up to the end of the first image; Pillow takes seconds to read more."""

_BYTES_A_PIXEL = {"AVIF": 14, "HEIF": 12, "JPEG2000": 25, "WEBP": 17}
"""What decoding takes at its peak, as measured, where it is more than the 8 of turning an image
upright or converting it: these have proportionally fewer pixels at most."""

_MAX_BYTES = {"JPEG2000": 16 * 2**20, "ICO": 16 * 2**20}
MAX_SLOW_BYTES = 8 * 2**20
"""Of formats that take long to decode: JPEG 2000 needs some 0.2 s for each megabyte."""

_LARGE_BYTES = 2**27
_large = threading.RLock()
"""Held while there is an image that takes more than `_LARGE_BYTES`: memory is for one."""

_block = threading.local()


class LargeImageError(ImageError):
    """An image is too large for a thread that decodes no large ones."""


def check_size(image: Image.Image, length: int, *, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse an image, before its pixels are decoded, that would take too much.

    Args:
        image: as opened.
        length: of the file, in bytes.
        max_pixels: in a format that takes 8 bytes for each.

    Raises:
        ImageError: it is too large.
    """
    if max(image.size) > MAX_SIDE:
        raise ImageError(
            f"too long to resize: {image.width} x {image.height} pixels, and a side has at most "
            f"{MAX_SIDE:,}"
        )
    limit = max_pixels * 8 // _bytes_a_pixel(image)
    if image.width * image.height > limit:
        raise ImageError(
            f"too large to decode safely: {image.width} x {image.height} pixels, and at most "
            f"{limit:,} of a {image.format} image are decoded{_at_full_size(image, max_pixels)}"
        )
    # Pillow decodes some kinds of BMP and PPM in Python, at up to 0.7 s for a megabyte.
    tiles = image.tile or () if isinstance(image, ImageFile) else ()
    is_slow = any(tile[0] in Image.DECODERS for tile in tiles)
    most = MAX_SLOW_BYTES if is_slow else _MAX_BYTES.get(image.format or "", length)
    if length > most:
        raise ImageError(
            f"a {image.format} image of {length:,} bytes of a kind of which more than {most:,} "
            "take too long to decode; save it as JPEG or PNG"
        )


def _at_full_size(image: Image.Image, max_pixels: int) -> str:
    if image.format not in ("JPEG", "MPO") or max_pixels == MAX_REDUCED_PIXELS:
        return ""
    return f" at full size (--exact-decode), {MAX_REDUCED_PIXELS:,} at a reduced size"


@contextmanager
def one_large_image_at_a_time() -> Iterator[None]:
    """Have no other thread decode a large image from `wait_if_large` until the block ends.

    The block has let go of the image by then. Blocks inside each other are one.
    """
    if getattr(_block, "stack", None) is not None:
        yield
        return
    with ExitStack() as _block.stack:
        try:
            yield
        finally:
            _block.stack = None


def wait_if_large(image: Image.Image, size: tuple[int, int]) -> None:
    """Wait, in a block of `one_large_image_at_a_time`, until this image may be decoded.

    Args:
        image: as opened, and as large as it will be decoded.
        size: of the image in the file. A progressive JPEG is kept in two bytes a sample of it.
    """
    kept = 2 * len(image.getbands()) if "progressive" in image.info else 0
    wait_for_memory(image.width * image.height * _bytes_a_pixel(image) + kept * size[0] * size[1])


def wait_for_memory(count: int) -> None:
    """Wait, in a block of `one_large_image_at_a_time`, until an image may take so many bytes.

    Raises:
        LargeImageError: this thread is in a block of `no_large_image`.
    """
    if count > _LARGE_BYTES:
        if getattr(_block, "refuses", False):
            raise LargeImageError("too large to be decoded beside others")
        _block.stack.enter_context(_large)


@contextmanager
def no_large_image() -> Iterator[None]:
    """Have this thread refuse large images during the block, before it would wait for memory."""
    _block.refuses = True
    try:
        yield
    finally:
        _block.refuses = False


def _bytes_a_pixel(image: Image.Image) -> int:
    return _BYTES_A_PIXEL.get(image.format or "", 8)
