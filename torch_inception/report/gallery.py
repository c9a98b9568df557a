"""Thumbnails in the page: each image once, however often it is shown, and not too many."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.image_rows import read_image
from torch_inception.images.data_uri import data_uri
from torch_inception.images.preprocess import Preprocessing

MOST_CHARACTERS = 2_400_000
"""Of all thumbnails in a page, in base64: half of what a page may have."""


class KnownImages(Protocol):
    """Images that can be found by their paths in tables."""

    @property
    def digests(self) -> Mapping[str, bytes]:
        """Path -> SHA-256 of the image's content."""

    def file_of(self, path: str) -> Path:
        """Return where the image of a path is, if it still is there."""


class Tile(NamedTuple):
    """An image in the page.

    Attributes:
        path: relative to the data folder.
        number: of its thumbnail, 1 or more; 0 where there is none.
    """

    path: str
    number: int


class Gallery:
    """Gives thumbnails numbers, first come, first served, while there is room.

    Args:
        thumbnails: in the cache; None where none are to be shown.
        preprocessing: how a file is read whose thumbnail is not there.
    """

    def __init__(self, thumbnails: Thumbnails | None, preprocessing: Preprocessing) -> None:
        self._thumbnails, self._preprocessing = thumbnails, preprocessing
        self._numbers: dict[bytes, int] = {}
        self._addresses: list[str] = []
        self._room = MOST_CHARACTERS

    @property
    def is_open(self) -> bool:
        """Whether images are shown at all."""
        return self._thumbnails is not None

    def tiles(self, images: KnownImages, paths: Sequence[str]) -> list[Tile]:
        """Return tiles of images, with thumbnails as far as there is room."""
        digests = {path: images.digests[path] for path in paths if path in images.digests}
        new = {path: each for path, each in digests.items() if each not in self._numbers}
        if self._thumbnails is not None and new and self._room > 0:
            found = self._thumbnails.find(new.values())
            for path, digest in new.items():
                if digest not in self._numbers and self._room > 0:
                    self._add(digest, found.get(digest) or self._read(images.file_of(path), digest))
        return [Tile(path, self._numbers.get(digests.get(path, b""), 0)) for path in paths]

    def _add(self, digest: bytes, jpeg: bytes | None) -> None:
        if jpeg is None:
            return
        self._addresses.append(data_uri("image/jpeg", jpeg))
        self._numbers[digest] = len(self._addresses)
        self._room -= len(self._addresses[-1])

    def _read(self, file: Path, digest: bytes) -> bytes | None:
        """Make the thumbnail of a file, if its content is what it was."""
        read = read_image(file, self._preprocessing, is_wanted=lambda each: each == digest)
        return read.thumbnail

    def style(self) -> Iterator[str]:
        """Yield a line of a style sheet per thumbnail."""
        for number, address in enumerate(self._addresses, 1):
            yield f'.t{number}{{background-image:url("{address}")}}\n'


def small_jpeg(image: Image.Image, side: int) -> bytes:
    """Return a square image as a JPEG of so many pixels across."""
    content = io.BytesIO()
    image.resize((side, side), Image.Resampling.BILINEAR).save(content, "JPEG", quality=80)
    return content.getvalue()
