"""Read a TIFF's tags, without its pixels; TIFF 6.0, section 2, and BigTIFF."""

import struct
from typing import NamedTuple

from torch_inception.errors import ImageError
from torch_inception.images.limits import MAX_PARTS

_LAYOUTS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Kinds of whole numbers, as `struct` names them."""


class Tag(NamedTuple):
    """An entry of a directory.

    Attributes:
        kind: of its numbers.
        length: how many there are.
        place: in the file, of what stands in its field: the numbers, or where they are.
    """

    kind: int
    length: int
    place: int


class TagReader:
    """Reads the directories of a TIFF.

    Args:
        content: of the file.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._order = "<" if content.startswith(b"II") else ">"
        self._is_big = 43 in content[2:4]
        self._place = "Q" if self._is_big else "I"

    def tags(self, position: int | None = None) -> dict[int, Tag]:
        """Return the tags of a directory.

        Args:
            position: where it is; None for that of the first image.

        Raises:
            ImageError: they are not all there, or far too many.
        """
        number, entry = ("Q", "HHQ") if self._is_big else ("H", "HHI")
        try:
            if position is None:
                (position,) = self._read(self._place, 8 if self._is_big else 4)
            (count,) = self._read(number, position)
            position += struct.calcsize(number)
            tags = {}
            for _ in range(min(count, MAX_PARTS)):
                name, kind, length = self._read(entry, position)
                position += struct.calcsize("<" + entry)
                tags[name] = Tag(kind, length, position)
                self._read(self._place, position)
                position += struct.calcsize(self._place)
        except (struct.error, OverflowError) as error:
            raise ImageError("cut short: a TIFF image whose tags are not all there") from error
        if count > MAX_PARTS:
            raise ImageError(f"a TIFF image of {count:,} tags: it is damaged")
        return tags

    def numbers(self, tag: Tag | None, *, most: int = 1) -> tuple[int, ...]:
        """Return the first numbers of a tag; none where they are not whole, or not there.

        Args:
            tag: of any kind.
            most: how many.
        """
        if tag is None or tag.kind not in _LAYOUTS:
            return ()
        layout, place = _LAYOUTS[tag.kind], tag.place
        try:
            if tag.length * struct.calcsize(layout) > struct.calcsize(self._place):
                (place,) = self._read(self._place, place)
            return self._read(f"{min(tag.length, most)}{layout}", place)
        except (struct.error, OverflowError):
            return ()

    def _read(self, layout: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + layout, self._content, place)
