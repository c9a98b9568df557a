"""Images of a run, upright and at full size: to compare with, and to quantise on."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy

from torch_inception.datasets.parts import Part
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file
from torch_inception.report.results_folder import ResultsFolder


class RunImage(NamedTuple):
    """An image of a run: its file, and its pixels (H, W, 3) uint8, upright and at full size."""

    path: Path
    pixels: Pixels


class RunImages:
    """The images that a run names, as far as they are still there.

    Args:
        folder: of the run.
        preprocessing: of its model.
    """

    def __init__(self, folder: Path, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._paths: dict[str, list[Path]] = {}
        run = ResultsFolder(folder)  # without any images where another program trained the model
        # In the order of the digests, which is none: a few stand for all.
        for image in sorted(run.images, key=lambda each: each.sha256):
            self._paths.setdefault(image.split, []).append(run.file_of(image.path))

    def part_to_compare(self) -> Part | None:
        """Return "test" or else "train", whichever has an image that can be read; None if none."""
        parts: tuple[Part, ...] = ("test", "train")
        return next((part for part in parts if any(self.of(part, most=1))), None)

    def of(self, part: Part, *, most: int) -> Iterator[RunImage]:
        """Yield so many images of a part at most; those that cannot be read are left out."""
        left = most
        for path in self._paths.get(part, []):
            if not left:
                return
            try:
                image = decode(read_file(path), deep=self._preprocessing.deep)
            except ImageError:
                continue
            left -= 1
            yield RunImage(path, numpy.asarray(image))
