"""Tell a camera's raw image that is built as a TIFF, whose first image is often a thumbnail.

It is told by its tags: those of DNG (Digital Negative Specification 1.7), TIFF/EP (ISO 12234-2),
which NEF, ARW, PEF and others follow, and CR2. Tags of pyramids and layers are no sign.
"""

from contextlib import suppress

from torch_inception.errors import ImageError
from torch_inception.images.integrity.tiff_directory import Tag, TagReader

_SUBFILE_TYPE, _REDUCED = 254, 1
_PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 262, 271, 330, 50706

_RAW = (32803, 34892)
"""Kinds of pixels: those of a colour filter array, and linear ones of a sensor."""

_CR2 = b"II*\0\x10\0\0\0CR"

_MAX_SUB_IFDS = 32
"""Further images of the first that are looked at; raw images have up to eight."""

_MAX_TAGS = 2**17
"""Tags that these have together."""


def is_camera_raw(content: bytes) -> bool:
    """Tell whether a TIFF is a camera's raw image.

    Args:
        content: of the file.

    Raises:
        ImageError: it has far too many tags.
    """
    reader = TagReader(content)
    first = reader.tags()
    if content.startswith(_CR2) or _DNG_VERSION in first:
        return True
    others = _sub_images(reader, first)
    if any(_number(reader, tags, _PHOTOMETRIC) in _RAW for tags in (first, *others)):
        return True
    # A camera's preview, and what it is the preview of.
    reduced = [_number(reader, tags, _SUBFILE_TYPE) & _REDUCED for tags in (first, *others)]
    return _MAKE in first and bool(reduced[0]) and not all(reduced)


def _sub_images(reader: TagReader, first: dict[int, Tag]) -> list[dict[int, Tag]]:
    found = []
    count = 0
    for place in reader.numbers(first.get(_SUB_IFDS), most=_MAX_SUB_IFDS):
        count += reader.entries(place)
        if count > _MAX_TAGS:
            raise ImageError(f"a TIFF image of {count:,} tags: it is damaged")
        with suppress(ImageError):  # what nobody reads may be broken
            found.append(reader.tags(place))
    return found


def _number(reader: TagReader, tags: dict[int, Tag], name: int) -> int:
    return next(iter(reader.numbers(tags.get(name))), 0)
