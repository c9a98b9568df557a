"""How the planes of an OME-TIFF lie on its axes, by the XML in its description.

tifffile would find that, too, but it believes the numbers in the XML, and opens other files.
https://ome-model.readthedocs.io/en/stable/ome-tiff/specification.html
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from torch_inception.errors import ImageError

_NAMES = {"Z": "FirstZ", "C": "FirstC", "T": "FirstT"}


class Planes(NamedTuple):
    """What lies where.

    Attributes:
        axes: of the planes, such as "TZC"; the last goes fastest. None has the length 1.
        shape: their lengths.
        order: place in the file of each plane.
    """

    axes: str
    shape: tuple[int, ...]
    order: Sequence[int]


def ome_planes(description: str, count: int) -> Planes | None:
    """Return how the planes of a file lie; None where it does not say so of this file alone.

    Of several images in the file, those of the first.

    Args:
        description: of the first page.
        count: planes in the file.

    Raises:
        ImageError: the description contradicts itself.
    """
    # Entities could make a little text much.
    if not re.search(r"OME>\s*\Z", description) or "<!DOCTYPE" in description:
        return None
    try:
        root = ElementTree.fromstring(description)
        images = [
            pixels for image in _children(root, "Image") for pixels in _children(image, "Pixels")
        ]
        return _planes(images, count) if images else None
    except (ElementTree.ParseError, KeyError, ValueError):
        return None


def _planes(images: Sequence[ElementTree.Element], count: int) -> Planes | None:
    pixels = images[0]
    lengths = _lengths(pixels)
    axes = [axis for axis in reversed(pixels.attrib["DimensionOrder"]) if axis in _NAMES]
    shape = tuple(lengths[axis] for axis in axes)
    # tifffile puts images of the same size behind one another, and others apart.
    together = sum(math.prod(_lengths(each).values()) for each in images)
    if count not in (math.prod(shape), together) or sorted(axes) != sorted(_NAMES):
        return None  # it is one of several files
    long = [place for place, length in enumerate(shape) if length > 1]
    order = _order(pixels, axes, shape, count)
    return Planes("".join(axes[n] for n in long), tuple(shape[n] for n in long), order)


def _lengths(pixels: ElementTree.Element) -> dict[str, int]:
    """Return the lengths of the axes of an image's planes.

    Raises:
        ValueError: one is not at least 1.
    """
    channels = _children(pixels, "Channel")
    samples = int(channels[0].get("SamplesPerPixel", 1)) if channels else 1
    lengths = {axis: int(pixels.attrib[f"Size{axis}"]) for axis in _NAMES}
    lengths["C"] //= max(1, samples)
    if min(lengths.values()) < 1:
        raise ValueError
    return lengths


def _order(
    pixels: ElementTree.Element, axes: Sequence[str], shape: Sequence[int], count: int
) -> list[int]:
    """Return the place in the file of each plane, as the elements "TiffData" tell.

    Args:
        pixels: of the image.
        axes: of its planes.
        shape: their lengths.
        count: planes in the file, of this and other images.
    """
    total = math.prod(shape)
    order = list(range(total))
    told = 0
    for data in pixels:
        if not data.tag.endswith("TiffData"):
            continue
        start = 0
        for axis, length in zip(axes, shape, strict=True):
            start = start * length + int(data.get(_NAMES[axis], 0))
        place = int(data.get("IFD", 0))
        planes = int(data.get("PlaneCount", 1 if "IFD" in data.attrib else total))
        told += max(1, planes)
        fits = 0 <= start <= total - planes and 0 <= place <= count - planes
        if told > 2 * total or not fits:
            raise ImageError("damaged: an OME-TIFF with other planes than its description says")
        order[start : start + planes] = range(place, place + planes)
    return order


def _children(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in element if each.tag.rpartition("}")[2] == name]
