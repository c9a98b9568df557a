"""What a TIFF's tags say of its pages, before any reader opens it. Sections are those of TIFF 6.0.

This decides who reads a file: Pillow, or tifffile for what Pillow does not open or gets wrong. It
depends on the file and the settings alone, never on what is installed.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch_inception.errors import ImageError
from torch_inception.images.deep import DeepSettings
from torch_inception.images.integrity.tiff_directory import Directory, Tag, TagReader, check_lengths
from torch_inception.images.tiff_description import stated_channels, stated_planes

MAX_PAGES = 10_000
"""Pages that are looked at; more take seconds to go through."""

_MAX_TAGS = 2**19
"""Tags of all pages that are looked at; directories that lie upon one another have any number."""

_MAX_BYTES = 2**22
"""Bytes of a description; some describe each page in XML."""

_READ_NUMBERS = 2**12
"""What is read of the numbers for each sample."""

_MAX_SUB_PAGES = 64
"""Smaller copies of a page, which tifffile opens too; pyramids have some ten."""

_SUB_PAGES = 330
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 256, 257, 258, 259
_PHOTOMETRIC = 262
_DESCRIPTION, _SAMPLES, _PLANAR, _EXTRA_SAMPLES, _FORMAT = 270, 277, 284, 338, 339

_BY_PILLOW = frozenset({
    1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000, 50001,
})  # fmt: skip
"""Compressions that Pillow's plug-in knows by number."""

_NOT_IN_EACH_PILLOW = frozenset({34925, 50000, 50001})
"""Those of the above that depend on how Pillow was built: LZMA, Zstandard, WebP."""

_ONLY_BY_PILLOW = frozenset({2, 3, 4, 6, 7, 32771, 32809, 34676, 34677, 50001})
"""Compressions of which `integrity.tiff_page` allows no page: fax, JPEG, WebP and others."""

_REDUCED = 1
"""Bit of the tag 254: the page is a small copy of another (section 8)."""

_SEPARATE, _SIGNED = 2, 2
_KINDS = {2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex floats"}
"""What the values of the tag 339 mean (section 19, and the supplement of 1995)."""

_PREMULTIPLIED = 1
_GREY_OR_RGB = (0, 1, 2)

_FILL_ORDER, _ROWS_PER_STRIP, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT = 266, 278, 317, 322, 323
_OF_A_STACK = (
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA_SAMPLES, _FORMAT,
    _FILL_ORDER, _ROWS_PER_STRIP, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT,
)  # fmt: skip
"""Tags that pages have in common which tifffile takes for a stack (`TiffPage.hash`)."""

_USUAL = 1
"""What a missing one of these means, or is as good as."""


class TiffTags(NamedTuple):
    """What the tags say.

    Attributes:
        pages: of the file; small copies of others do not count, nor what is behind `MAX_PAGES`.
        has_more: whether there is something behind these.
        first: the first page's tags, by number.
        places: where the pages' tags are in the file.
        reader: of the file.
    """

    pages: int
    has_more: bool
    first: dict[int, Tag]
    reader: TagReader
    places: Sequence[int]

    def numbers(self, tag: int, default: int) -> tuple[int, ...]:
        """Return the numbers of a tag of the first page."""
        return self.reader.numbers(self.first.get(tag), most=_READ_NUMBERS) or (default,)

    @property
    def stated_pages(self) -> int:
        """Pages of the file, at most 65,535: those that have tags, or that it says it has."""
        return min(max(self.pages, self.described_pages), 2**16 - 1)

    @property
    def described_pages(self) -> int:
        """Pages that ImageJ and tifffile say there are: many can be behind one page's tags."""
        sides = (self.numbers(tag, 1)[0] for tag in (_WIDTH, _HEIGHT, _SAMPLES))
        return stated_planes(self._description(), values=math.prod(sides))

    def stated_layout(self) -> tuple[int, int]:
        """Return how many pages and channels the file says that it has, at most 65,535 each."""
        planes, channels = self.stated_pages, 1
        if planes > 1 and self.numbers(_SAMPLES, 1)[0] == 1:
            channels = stated_channels(self._description(), planes=planes)
        return planes // channels, channels

    def _description(self) -> bytes:
        return self.reader.text(self.first.get(_DESCRIPTION), most=_MAX_BYTES)

    def described(self) -> str:
        """Say in words what numbers the first page has."""
        kind = _KINDS.get(self.numbers(_FORMAT, 1)[0], "integers")
        bits, samples = max(self.numbers(_BITS, 1)), self.numbers(_SAMPLES, 1)[0]
        channels = f", {samples} samples per pixel" if samples > 1 else ""
        pages = f", {self.stated_pages:,} pages" if self.stated_pages > 1 else ""
        compression = self.numbers(_COMPRESSION, 1)[0]
        return f"{bits}-bit {kind}{channels}{pages}, compression {compression}"

    def is_stack(self, deep: DeepSettings) -> bool:
        """Tell whether there is something to choose from, and is chosen."""
        has_samples = self.numbers(_SAMPLES, 1)[0] > 1 and not self._is_by_pillow()
        return (deep.chooses and self.stated_pages > 1) or (bool(deep.channels) and has_samples)

    def is_page_alone(self, deep: DeepSettings) -> bool:
        """Tell whether a page is to be taken as if it were the only one of its file.

        That is so where its pages are no stack, being of unlike sizes or kinds, and where only
        Pillow reads them.
        """
        is_asked = deep.chooses and len(self.places) > 1 and not self.reader.is_cut
        is_ome = self._description().rstrip(b"\0 \r\n\t").endswith(b"OME>")
        return is_asked and not is_ome and (self._is_by_pillow() or not self._is_uniform())

    def page_alone(self, deep: DeepSettings) -> bytes:
        """Return a file of the page that is asked for, or else of the first.

        Raises:
            ImageError: the file does not have it, or all pages are asked for.
        """
        if isinstance(deep.page, str):
            why = "of a kind that is read page by page only"
            if not self._is_uniform():
                why = "of unlike sizes or kinds"
            raise ImageError(
                f"a TIFF image of {len(self.places):,} pages {why}: there is no {deep.page} of "
                "them. Choose one, with --page and its number"
            )
        number = deep.page or 1
        if number > len(self.places):
            raise ImageError(f"page {number} is asked for, and the file has {len(self.places)}")
        return self.reader.with_only(self.places[number - 1])

    def _is_by_pillow(self) -> bool:
        """Tell whether Pillow alone reads the first page right: as one whole image of 8 bits."""
        is_kind = self.numbers(_PHOTOMETRIC, 1)[0] not in _GREY_OR_RGB
        is_colour = self.numbers(_SAMPLES, 1)[0] <= 4
        return self.numbers(_COMPRESSION, 1)[0] in _ONLY_BY_PILLOW or (is_kind and is_colour)

    def _is_uniform(self) -> bool:
        """Tell whether all pages have the same size and kind."""
        kinds = (self._kind(self.reader.tags(place)) for place in self.places)
        return len(set(kinds)) <= 1

    def _kind(self, tags: dict[int, Tag]) -> tuple[tuple[int, ...], ...]:
        found = (self.reader.numbers(tags.get(tag), most=_READ_NUMBERS) for tag in _OF_A_STACK)
        return tuple(numbers or (_USUAL,) for numbers in found)

    def check_choosable(self, deep: DeepSettings) -> None:
        """Check that what is chosen of a file is not of a compression that only Pillow reads.

        Raises:
            ImageError: it is.
        """
        if self._is_by_pillow() and self.is_stack(deep):
            raise ImageError(
                f"a TIFF image of {self.stated_pages:,} pages of a kind of which none can be "
                f"chosen ({self.described()}); save it without compression, as grey or RGB"
            )

    def may_be_for_tifffile(self) -> bool:
        """Tell whether tifffile may read the file where this Pillow fails."""
        return self.numbers(_COMPRESSION, 1)[0] in _NOT_IN_EACH_PILLOW

    def check_only_one(self, deep: DeepSettings) -> None:
        """Check, of a file in which there is nothing to choose, that nothing else is asked for.

        The colours of one image are no channels here, as they are none in other formats.

        Raises:
            ImageError: another is.
        """
        pages = [deep.page] if isinstance(deep.page, int) else []
        channels = deep.channels if self.numbers(_SAMPLES, 1)[0] == 1 else ()
        for name, numbers in (("page", pages), ("channel", channels)):
            for number in numbers:
                if number > 1:
                    raise ImageError(f"{name} {number} is asked for, and the file has 1")

    def is_for_tifffile(self, deep: DeepSettings) -> bool:
        """Tell whether tifffile reads the file, though Pillow might open it."""
        samples, bits = self.numbers(_SAMPLES, 1)[0], max(self.numbers(_BITS, 1))
        is_signed = self.numbers(_FORMAT, 1)[0] == _SIGNED and bits <= 8
        is_planar = self.numbers(_PLANAR, 1)[0] == _SEPARATE and samples > 1 and bits > 8
        is_premultiplied = bits > 8 and self.numbers(_EXTRA_SAMPLES, 0)[0] == _PREMULTIPLIED
        is_stack = self.is_stack(deep) or (deep.chooses and self.reader.is_cut)
        is_unknown = self.numbers(_COMPRESSION, 1)[0] not in _BY_PILLOW
        return is_signed or is_planar or is_premultiplied or is_stack or is_unknown


def is_tiff(content: bytes) -> bool:
    """Tell whether a file begins as TIFF or BigTIFF does."""
    return content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tiff_tags(content: bytes) -> TiffTags:
    """Go through the pages of a TIFF.

    Raises:
        ImageError: a page has a tag that would take too much.
    """
    reader = TagReader(content)
    first: dict[int, Tag] = {}
    places: list[int] = []
    count = 0
    # What is missing behind the first page is the concern of who asks for it.
    for number, directory in enumerate(reader.pages(), start=1):
        _check(directory.tags)
        first = first or directory.tags
        kind = next(iter(reader.numbers(directory.tags.get(_SUBFILE))), 0)
        if not kind & _REDUCED:
            places.append(directory.position)
        count += directory.entries + _entries_below(directory, reader)
        if number == MAX_PAGES or count > _MAX_TAGS:
            return TiffTags(max(1, len(places)), True, first, reader, places)
    return TiffTags(max(1, len(places)), False, first, reader, places)


def _entries_below(directory: Directory, reader: TagReader) -> int:
    """Return how many entries smaller copies of a page have; too many where that is unclear."""
    tag = directory.tags.get(_SUB_PAGES)
    if tag is None:
        return 0
    places = reader.numbers(tag, most=_MAX_SUB_PAGES)
    is_unclear = len(places) != tag.length or directory.entries != len(directory.tags)
    return _MAX_TAGS if is_unclear else sum(reader.entries(place) for place in places)


def _check(tags: dict[int, Tag]) -> None:
    check_lengths(tags)
    if _DESCRIPTION in tags and tags[_DESCRIPTION].length > _MAX_BYTES:
        raise ImageError(f"a TIFF image with a description of {tags[_DESCRIPTION].length:,} bytes")
