"""Read a TIFF's tags, without its pixels; TIFF 6.0, section 2, and BigTIFF."""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch_inception.errors import ImageError
from torch_inception.images.limits import MAX_PARTS

_LAYOUTS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Kinds of whole numbers, as `struct` names them."""

_BYTES = (1, 2, 7)
"""Kinds of text and bytes."""

_MAX_NUMBERS = 2**18
"""Numbers in a tag; Pillow makes an object of each. Colour maps have up to 196,608."""

_DOCUMENT_NAME, _DESCRIPTION = 269, 270

_CUT = "cut short: a TIFF image whose tags are not all there"


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


class Directory(NamedTuple):
    """The tags of an image.

    Attributes:
        tags: by number.
        entries: how many it has; several may have one number.
        following: where the next directory is; 0 for nowhere.
        position: where this one is.
    """

    tags: dict[int, Tag]
    entries: int
    following: int
    position: int


class TagReader:
    """Reads the directories of a TIFF.

    Args:
        content: of the file.

    Attributes:
        is_cut: whether `pages` came upon one that is not whole, or behind the end of the file.
    """

    def __init__(self, content: bytes) -> None:
        self.is_cut = False
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
        return self._directory(self._first() if position is None else position).tags

    def entries(self, position: int) -> int:
        """Return how many entries a directory says that it has; 0 for none in the file."""
        try:
            return self._read("Q" if self._is_big else "H", position)[0]
        except (struct.error, OverflowError):
            return 0

    def pages(self) -> Iterator[Directory]:
        """Yield one directory after another, up to one that is not whole or comes again.

        Raises:
            ImageError: it is not said where the first is.
        """
        position, seen = self._first(), set[int]()
        while 0 < position < len(self._content) and position not in seen:
            seen.add(position)
            try:
                directory = self._directory(position)
            except ImageError:
                self.is_cut = True
                return
            yield directory
            position = directory.following
        self.is_cut = position >= len(self._content)

    def numbers(self, tag: Tag | None, *, most: int = 1) -> tuple[int, ...]:
        """Return the first numbers of a tag; none where they are not whole, or not there.

        Args:
            tag: of any kind.
            most: how many.
        """
        if tag is None or tag.kind not in _LAYOUTS:
            return ()
        layout = _LAYOUTS[tag.kind]
        try:
            place = self._content_of(tag, struct.calcsize(layout))
            return self._read(f"{min(tag.length, most)}{layout}", place)
        except (struct.error, OverflowError):
            return ()

    def text(self, tag: Tag | None, *, most: int) -> bytes:
        """Return the beginning of a tag of bytes; nothing where it is not there.

        Args:
            tag: of any kind.
            most: bytes of it.
        """
        if tag is None or tag.kind not in _BYTES:
            return b""
        try:
            place = self._content_of(tag, 1)
        except (struct.error, OverflowError):
            return b""
        return self._content[place : place + min(tag.length, most)]

    def with_only(self, position: int) -> bytes:
        """Return the file with one directory as its first and last.

        Its description, which may tell of other pages, becomes the name of a document.

        Args:
            position: where the directory is; it is whole.
        """
        size = struct.calcsize(self._place)
        first = position + (8 if self._is_big else 2)
        entries = [first + (4 + 2 * size) * each for each in range(self.entries(position))]
        changes = {self._header: struct.pack(self._order + self._place, position)}
        for entry in entries:
            if self._read("H", entry) == (_DESCRIPTION,):
                changes[entry] = struct.pack(self._order + "H", _DOCUMENT_NAME)
        end = first + (4 + 2 * size) * len(entries)
        if end + size <= len(self._content):
            changes[end] = bytes(size)
        return _changed(self._content, changes)

    @property
    def _header(self) -> int:
        """Where it is said where the first directory is."""
        return 8 if self._is_big else 4

    def _first(self) -> int:
        try:
            return self._read(self._place, self._header)[0]
        except struct.error as error:
            raise ImageError(_CUT) from error

    def _directory(self, position: int) -> Directory:
        number, entry = ("Q", "HHQ") if self._is_big else ("H", "HHI")
        start = position
        try:
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
            raise ImageError(_CUT) from error
        if count > MAX_PARTS:
            raise ImageError(f"a TIFF image of {count:,} tags: it is damaged")
        is_last = position + struct.calcsize(self._place) > len(self._content)
        following = 0 if is_last else self._read(self._place, position)[0]
        return Directory(tags, count, following, start)

    def _content_of(self, tag: Tag, size: int) -> int:
        """Return where a tag's content is, the parts of which have a size."""
        if tag.length * size <= struct.calcsize(self._place):
            return tag.place
        return self._read(self._place, tag.place)[0]

    def _read(self, layout: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + layout, self._content, place)


def _changed(content: bytes, changes: Mapping[int, bytes]) -> bytes:
    """Return a copy with other bytes at some places, which do not overlap; it is made once."""
    view, position = memoryview(content), 0
    parts: list[bytes | memoryview] = []
    for place in sorted(changes):
        parts += [view[position:place], changes[place]]
        position = place + len(changes[place])
    return b"".join([*parts, view[position:]])


def check_lengths(tags: dict[int, Tag]) -> None:
    """Check how many numbers the tags of a directory have.

    Raises:
        ImageError: one has too many.
    """
    for tag in tags.values():
        if tag.kind not in _BYTES and tag.length > _MAX_NUMBERS:
            raise ImageError(f"a TIFF image with {tag.length:,} numbers in one tag: it is damaged")
