"""The pages and channels of a TIFF, as tifffile finds them in it.

tifffile checks little, so sizes are checked here before anything is decoded.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy

from torch_inception.errors import ImageError
from torch_inception.images.deep import DeepSettings, Values
from torch_inception.images.integrity.tiff_page import check_page, check_parts
from torch_inception.images.limits import MAX_SIDE
from torch_inception.images.ome import ome_planes
from torch_inception.images.tiff_tags import MAX_PAGES

MAX_BYTES = 2**29
"""Bytes of all pages that are decoded for one image."""

MAX_SLOW_BYTES = 2**27
"""The same of those that take some 0.05 s for each megabyte."""

_SLOW = frozenset({33003, 33004, 33005, 34712, 34925, 50002, 52546})
"""Compressions that are slow: JPEG 2000, LZMA, JPEG XL."""

MAX_BYTES_IN_USE = 3 * 2**28
"""Bytes that an image takes at a time, besides those of its file."""

_WHITE_ZERO, _BLACK_ZERO, _RGB = 0, 1, 2
_ORIENTATION = 274


class TiffStack:
    """The first series of images in a file.

    A page is what has a place of its own on the axes other than the plane and the channels, such
    as time or depth; it has all channels. A file with one such axis alone has pages on it where
    pages are asked for, and channels where these are, whatever the axis is called: writers give
    it any name.

    Args:
        file: of tifffile's, opened.
        content: of the file.
        deep: what is asked for.

    Attributes:
        pages: how many there are.
        channels: how many there are; 3 where they are the colours of one image.
        is_colour: whether they are.
        is_white_zero: whether low values are bright.
        alpha: what the sample behind the colours means (TIFF's tag 338); 0 for nothing.
        bits: of a sample.
        kind: numpy's name of it, such as "f8".
        orientation: as EXIF numbers it.
        is_axis_renamed: whether the only axis is taken for another than the file calls it.

    Raises:
        ImageError: it would take too much, is damaged, or of a kind that is not read.
    """

    def __init__(self, file: Any, content: bytes, deep: DeepSettings) -> None:  # noqa: ANN401
        check_page(file.pages.first, content)
        self._series, self._content = file.series[0], content
        self._first = page = self._series.keyframe
        check_page(page, content)
        axes, shape = str(self._series.axes), tuple(self._series.shape)
        outer = len(axes) - len(page.axes)
        if page.axes not in ("YX", "YXS", "SYX") or (axes[outer:], shape[outer:]) != (
            page.axes, tuple(page.shape),
        ):  # fmt: skip
            raise ImageError(f"a TIFF image with the axes {axes}, of a page {page.axes}")
        self._axes, self._shape = axes[:outer], shape[:outer]
        self._order: Sequence[int] = range(math.prod(self._shape))
        if len(self._order) > MAX_PAGES:
            raise ImageError(
                f"a TIFF image of {len(self._order):,} pages; save it in several files"
            )
        if planes := ome_planes(file.pages.first.description, len(self._order)):
            self._axes, self._shape, self._order = planes
        self._samples = int(page.shape[page.axes.index("S")]) if "S" in page.axes else 1
        photometric = int(page.photometric)
        if photometric not in (_WHITE_ZERO, _BLACK_ZERO, _RGB) and self._samples < 5:
            kind = getattr(page.photometric, "name", page.photometric)
            raise ImageError(
                f"damaged, or a TIFF image of the kind {kind} that is read with 8 bits only; save "
                "it anew as grey or RGB"
            )
        self.is_colour = photometric == _RGB and self._samples >= 3
        self.is_white_zero = photometric == _WHITE_ZERO
        # Channels that are planes of their own, unless the planes are colour.
        self._place = -1 if self.is_colour else self._channel_axis(deep)
        self._along = self._shape[self._place] if self._place >= 0 else 1
        self.pages = math.prod(self._shape) // self._along
        is_named = self._axes in ("C", "Z", "T") and not self.is_colour
        self.is_axis_renamed = is_named and (self._place == 0) != (self._axes == "C")
        self.channels = 3 if self.is_colour else self._along * self._samples
        self.alpha = int(page.extrasamples[0]) if self.is_colour and page.extrasamples else 0
        self.bits = int(page.bitspersample)
        self.kind = numpy.dtype(page.dtype).str[1:]
        self.orientation = int(page.tags.valueof(_ORIENTATION, 1))

    def _channel_axis(self, deep: DeepSettings) -> int:
        """Return the place of the axis of channels among those of the planes; -1 for none."""
        if len(self._axes) == 1 and self._samples == 1 and deep.chooses:
            return 0 if deep.channels and (self._axes == "C" or deep.page is None) else -1
        return self._axes.find("C")

    @property
    def planes(self) -> int:
        """How many pages there are of all channels together."""
        return len(self._order)

    def chosen_pages(self, page: int | str | None) -> Sequence[int]:
        """Return the places of the pages that a setting asks for.

        Raises:
            ImageError: the file does not have the page.
        """
        if isinstance(page, str):
            return range(self.pages)
        if (page or 1) > self.pages:
            raise ImageError(f"page {page} is asked for, and the file has {self.pages}")
        return [(page or 1) - 1]

    def chosen_channel(self, number: int) -> int:
        """Return the place of a channel, of which the number is given, from 1.

        Raises:
            ImageError: the file does not have it.
        """
        if number > self.channels:
            raise ImageError(f"channel {number} is asked for, and the file has {self.channels}")
        return number - 1

    def projected(self, pages: Sequence[int], channel: int, *, how: int | str | None) -> Values:
        """Return a channel of pages, made one pixel by pixel where there are several.

        Args:
            pages: places of pages.
            channel: place of the channel; of no meaning where the file is colour.
            how: "max", which passes over NaN, or "mean".

        Returns:
            (H, W), or (H, W, samples) where the file is colour.
        """
        result = self._plane(pages[0], channel)
        if len(pages) == 1:
            return result
        kind = result.dtype
        join = numpy.fmax if how == "max" else numpy.add
        result = result.copy() if how == "max" else result.astype(numpy.float64)
        for page in pages[1:]:
            join(result, self._plane(page, channel), out=result)
        if how == "max":
            return result
        result /= len(pages)
        # Images of 8 bits stay such.
        return result.round().astype(kind) if kind == numpy.uint8 else result

    def _plane(self, page: int, channel: int) -> Values:
        sample = channel % self._samples
        values = self._page(self._place_in_file(page, channel))
        if self._samples == 1:
            return values
        is_last = self._first.axes == "YXS"
        if self.is_colour:
            return values if is_last else numpy.moveaxis(values, 0, -1)
        return values[..., sample] if is_last else values[sample]

    def _place_in_file(self, page: int, channel: int) -> int:
        places = [int(each) for each in numpy.unravel_index(page, self._shape_of_pages())]
        if self._place >= 0:
            places.insert(self._place, channel // self._samples)
        number = int(numpy.ravel_multi_index(places, self._shape)) if self._shape else 0
        return self._order[number]

    def _shape_of_pages(self) -> tuple[int, ...]:
        shape = [side for place, side in enumerate(self._shape) if place != self._place]
        return tuple(shape)

    def _page(self, number: int) -> Values:
        if len(self._series) == 1 and len(self._order) > 1:
            return self._behind_one_another(number)
        page = self._series[number]
        if page is None:
            raise ImageError("a TIFF image with a page that is not in the file")
        if number:
            check_page(page, self._content)
        values: Values = page.asarray(maxworkers=1)
        return values.reshape(self._first.shape)

    def _behind_one_another(self, number: int) -> Values:
        """Return a page of a file that has the tags of the first page only, as ImageJ's may."""
        start = self._series.dataoffset
        dtype = numpy.dtype(f"{self._series.parent.byteorder}{self._first.dtype.str[1:]}")
        size = math.prod(self._first.shape)
        if start is None:
            raise ImageError("a TIFF image with fewer pages than its description says")
        start += number * size * dtype.itemsize
        if start + size * dtype.itemsize > len(self._content):
            raise ImageError("cut short: a TIFF image whose pages are not all there")
        values = numpy.frombuffer(self._content, dtype, size, start)
        return values.astype(dtype.newbyteorder("=")).reshape(self._first.shape)

    def checked_bytes(self, deep: DeepSettings) -> int:
        """Return the bytes that decoding what is asked for takes at a time.

        Raises:
            ImageError: it would take too much, or the file does not have it.
        """
        pages = self.chosen_pages(deep.page)
        channels = [self.chosen_channel(each) for each in deep.channels or (1,)]
        count = len(pages)
        width, height = int(self._first.imagewidth), int(self._first.imagelength)
        values, item = width * height * self._samples, self._first.dtype.itemsize
        # A page, twice while it is decoded; the mean so far; what is shown, in bytes and as RGB.
        at_once = values * (2 * item + (8 if count > 1 else 0)) + 8 * width * height
        decoded = count * values * item
        is_slow = int(self._first.compression) in _SLOW
        is_much = at_once > MAX_BYTES_IN_USE or decoded > MAX_BYTES
        is_much |= is_slow and decoded * len(channels) > MAX_SLOW_BYTES
        if max(width, height) > MAX_SIDE or is_much:
            raise ImageError(
                f"too large to decode safely: {count:,} page{'s' if count > 1 else ''} of "
                f"{width} x {height} pixels with {self._samples} samples of {8 * item} bits"
            )
        self._check_parts(pages, [0] if self.is_colour else channels)
        return int(at_once)

    def _check_parts(self, pages: Sequence[int], channels: Sequence[int]) -> None:
        if len(self._series) == 1 < len(self._order):
            return  # they lie behind one another, as many as the file is long
        for channel in channels:
            numbers = (self._place_in_file(page, channel) for page in pages)
            check_parts((self._series[number] for number in numbers), len(self._content))
