"""The images of a data set that an 8-bit network is quantised on: spread over it by their names."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy

from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.image_rows import ReadImage, read_image
from torch_inception.images.preprocess import Pixels, Preprocessing


class QuantisationSample:
    """Chooses images; what it reads, the pass need not read again.

    Args:
        preprocessing: how an image becomes 299 x 299.
        paths: of the data set.
        index: of files seen before.

    Attributes:
        read_images: what was read.
    """

    def __init__(
        self, preprocessing: Preprocessing, paths: Sequence[Path], index: FileIndex
    ) -> None:
        self._preprocessing, self._paths, self._index = preprocessing, paths, index
        self.read_images: dict[Path, ReadImage] = {}

    def known_digests(self) -> set[str]:
        """Return the SHA-256, in hexadecimal, of the files that were not changed since a run."""
        return {digest.hex() for digest in self._index.unchanged(self._paths).values()}

    def read(self, count: int) -> list[tuple[str, Pixels]]:
        """Return (SHA-256 in hexadecimal, pixels) of different images, by the hash of their names.

        Args:
            count: how many; fewer where there are no more.
        """
        found: dict[str, Pixels] = {}
        for path in sorted(self._paths, key=_name_hash):
            if len(found) == count:
                break
            image = read_image(path, self._preprocessing, is_wanted=lambda digest: True)
            self.read_images[path] = image
            if image.digest is not None and isinstance(image.pixels, numpy.ndarray):
                found[image.digest.hex()] = image.pixels
        return list(found.items())


def _name_hash(path: Path) -> bytes:
    return hashlib.sha256(os.fsencode(Path(path.parent.name, path.name))).digest()
