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
        pixels = _first(ElementTree.fromstring(description), "Pixels")
        return None if pixels is None else _planes(pixels, count)
    except (ElementTree.ParseError, KeyError, ValueError):
        return None


def _planes(pixels: ElementTree.Element, count: int) -> Planes | None:
    channel = _first(pixels, "Channel")
    samples = 1 if channel is None else int(channel.get("SamplesPerPixel", 1))
    lengths = {axis: int(pixels.attrib[f"Size{axis}"]) for axis in _NAMES}
    lengths["C"] //= max(1, samples)
    axes = [axis for axis in reversed(pixels.attrib["DimensionOrder"]) if axis in _NAMES]
    shape = tuple(lengths[axis] for axis in axes)
    if math.prod(shape) != count or sorted(axes) != sorted(_NAMES):
        return None  # it is one of several files
    long = [place for place, length in enumerate(shape) if length > 1]
    order = _order(pixels, axes, shape, count)
    return Planes("".join(axes[n] for n in long), tuple(shape[n] for n in long), order)


def _order(
    pixels: ElementTree.Element, axes: Sequence[str], shape: Sequence[int], count: int
) -> list[int]:
    """Return the place in the file of each plane, as the elements "TiffData" tell."""
    order = list(range(count))
    told = 0
    for data in pixels:
        if not data.tag.endswith("TiffData"):
            continue
        start = 0
        for axis, length in zip(axes, shape, strict=True):
            start = start * length + int(data.get(_NAMES[axis], 0))
        place = int(data.get("IFD", 0))
        planes = int(data.get("PlaneCount", 1 if "IFD" in data.attrib else count))
        told += max(1, planes)
        if told > 2 * count or not 0 <= min(start, place) <= max(start, place) <= count - planes:
            raise ImageError("damaged: an OME-TIFF with other planes than its description says")
        order[start : start + planes] = range(place, place + planes)
    return order


def _first(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((each for each in element.iter() if each.tag.rpartition("}")[2] == name), None)
