"""Find the images in an AVIF or HEIC; ISO/IEC 14496-12, the ISO base media file format."""

import struct
from collections.abc import Iterator

from torch_inception.images.limits import MAX_PARTS

_NO_IMAGES = (b"Exif", b"mime", b"uri ")

Part = tuple[int, int]
"""Where data begin in the file, and where they end."""


def image_parts(content: bytes) -> list[Part]:
    """Return where the coded data of each item are that is an image; none of a file that is odd."""
    try:
        top = boxes_of(content, 0, len(content))
        meta = next((place for name, place in top if name == b"meta"), None)
        if meta is None:
            return []
        boxes = dict(boxes_of(content, meta[0] + 4, meta[1]))
        others = set(_items_of_other_types(content, boxes[b"iinf"]))
        places = _places(content, boxes[b"iloc"])
        return [part for item, part in places if item not in others]
    except (struct.error, LookupError, OverflowError):
        return []


def boxes_of(content: bytes, position: int, end: int) -> Iterator[tuple[bytes, Part]]:
    """Yield the names of boxes and where their contents are (section 4.2)."""
    for _ in range(MAX_PARTS):
        if position + 8 > end:
            return
        length, name = struct.unpack_from(">I4s", content, position)
        start = position + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", content, start)
            start += 8
        stop = position + length if length else end
        if stop < start:
            return
        yield name, (start, min(stop, end))
        position = stop


def _items_of_other_types(content: bytes, box: Part) -> Iterator[int]:
    """Yield the numbers of items that are no images (8.11.6)."""
    start = box[0] + (8 if content[box[0]] else 6)
    for _, (entry, _) in boxes_of(content, start, box[1]):
        number, kind = struct.unpack_from(
            ">I2x4s" if content[entry] > 2 else ">H2x4s", content, entry + 4
        )
        if kind in _NO_IMAGES:
            yield number


def _places(content: bytes, box: Part) -> Iterator[tuple[int, Part]]:
    """Yield the number of each item that lies in the file, and where (8.11.3)."""
    version, sizes = content[box[0]], content[box[0] + 4 : box[0] + 6]
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    position, left = box[0] + 6, MAX_PARTS
    if offset_size == length_size == 0:
        return  # of parts without a length there may be any number, in no bytes

    def number(size: int) -> int:
        nonlocal position
        position += size
        return int.from_bytes(content[position - size : position], "big")

    for _ in range(min(number(4 if version > 1 else 2), MAX_PARTS)):
        item = number(4 if version > 1 else 2)
        method = number(2) & 15 if version else 0
        number(2)  # the file that it is in
        base = number(base_size)
        for _ in range(number(2)):
            number(index_size)
            start = base + number(offset_size)
            length = number(length_size)
            left -= 1
            if left < 0 or position > box[1]:
                return
            if method == 0:
                yield item, (start, start + length)
