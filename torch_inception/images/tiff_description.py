"""What the description of a TIFF's first page says of all pages: ImageJ's, tifffile's and OME's."""

import math
import re

from torch_inception.errors import ImageError
from torch_inception.images.ome import ome_planes

_READ_BYTES = 2**12
"""What is read of a description that is not OME's."""

_SHAPE = rb'{.{0,500}?"shape": \[([\d, ]{1,200})\]'


def stated_planes(description: bytes, *, values: int) -> int:
    """Return how many planes ImageJ and tifffile say there are: one page's tags may have many.

    Args:
        description: of the first page.
        values: of a page.
    """
    text = description[:_READ_BYTES]
    if found := re.match(rb"ImageJ=.{0,200}?\nimages=(\d{1,5})\n", text, re.DOTALL):
        return int(found[1])
    if found := re.match(_SHAPE, text):
        return math.prod(_lengths(found[1])) // max(1, values)
    return 1


def stated_channels(description: bytes, *, planes: int) -> int:
    """Return how many channels the planes of a file are of; 1 where that is not said or not so.

    Args:
        description: of the first page.
        planes: in the file, each of one channel.
    """
    text = description[:_READ_BYTES]
    if found := re.match(rb"ImageJ=.{0,200}?\nchannels=(\d{1,5})\n", text, re.DOTALL):
        channels = int(found[1])
    elif found := re.match(_SHAPE + rb', "axes": "([A-Z]{1,99})"', text):
        axes = zip(found[2].decode(), _lengths(found[1]), strict=False)
        channels = dict(axes).get("C", 1)
    else:
        channels = _channels_of_ome(description, planes)
    return channels if channels and planes % channels == 0 else 1


def _channels_of_ome(description: bytes, planes: int) -> int:
    try:
        found = ome_planes(description.rstrip(b"\0").decode(errors="replace"), planes)
    except ImageError:  # who asks for one of its planes is told
        return 1
    return dict(zip(found.axes, found.shape, strict=True)).get("C", 1) if found else 1


def _lengths(text: bytes) -> list[int]:
    return [int(side) for side in re.findall(rb"\d+", text)]
