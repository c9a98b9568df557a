"""Small copies of images, to be shown beside what is said of them."""

import io

from PIL import Image

LONGER_SIDE = 128
"""Most pixels of a thumbnail's longer side."""

_QUALITY = 75
"""Of the JPEG, as Pillow counts: some 4 kB."""


def make_thumbnail(image: Image.Image) -> bytes:
    """Return an upright RGB image as a small JPEG of the same shape; a smaller one stays as it is.

    Args:
        image: of any size.
    """
    share = min(1.0, LONGER_SIDE / max(image.size))
    width, height = (max(1, round(side * share)) for side in image.size)
    # Whole blocks of pixels are averaged first, which is three times as fast.
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)
    content = io.BytesIO()
    # Colour at half the size would be too coarse for small images, and to tell copies by.
    small.save(content, "JPEG", quality=_QUALITY, subsampling=0)
    return content.getvalue()
