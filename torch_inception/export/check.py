"""Compare an exported file with the classifier that it was made of, image by image."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.classifier.classifier import Classifier
from torch_inception.config import ExportPrecision
from torch_inception.errors import ImageError
from torch_inception.export.run_exported import RunExported
from torch_inception.export.run_images import RunImage
from torch_inception.exported.description import PROBABILITIES
from torch_inception.exported.session import graph_input
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.image_input import ImageInput
from torch_inception.images.preprocess import Pixels, Preprocessing

ScoresOf = Callable[[Pixels], NDArray[Any]]
"""Maps an upright image (H, W, 3) uint8 to the scores (C,) of the classes."""

EQUAL_PIXELS_LIMIT = 1e-4
"""Of fp32: largest difference of a score where both see the same upright pixels."""

END_TO_END_LIMIT = {"fp32": 0.01, "fp16": 0.02}
"""Precision -> largest difference of a score where the classifier decodes the file itself."""

CHANGED_LIMIT = 0.01
"""Of int8: largest share of images whose best class is another one."""


class Comparison(NamedTuple):
    """How an exported file's answers differ from the classifier's.

    Attributes:
        images: that were compared.
        equal_pixels: largest difference of a score where both get the same upright pixels.
        end_to_end: the same where the classifier decodes the file itself; large JPEGs it decodes at
            a reduced size.
        changed: number of images whose best class is another one, end to end; or any of the classes
            that they are named with, where these may be several.
        what: that is, in words.
    """

    images: int
    equal_pixels: float
    end_to_end: float
    changed: int
    what: str = "best class"

    def __str__(self) -> str:
        """Say it in lines."""
        return (
            f"largest difference of a score: {self.equal_pixels:.6f} from equal pixels, "
            f"{self.end_to_end:.6f} end to end; {self.what} changed: {self.changed} of "
            f"{self.images:,}"
        )

    def complaint(self, precision: ExportPrecision) -> str:
        """Return which limit is passed, and by what; "" where none is."""
        if precision == "int8":
            is_over = self.changed > CHANGED_LIMIT * self.images
            return (
                f"{self.what} changed in over {CHANGED_LIMIT:.0%} of the images, the limit for int8"
                if is_over
                else ""
            )
        limit = END_TO_END_LIMIT[precision]
        from_pixels = EQUAL_PIXELS_LIMIT if precision == "fp32" else limit
        if self.equal_pixels > from_pixels:
            return f"from equal pixels, {from_pixels:g} is the limit for {precision}"
        if self.end_to_end > limit:
            return (
                f"end to end, {limit:g} is the limit for {precision}. The cause is that predict "
                "decodes large JPEGs at a reduced size: train with --exact-decode"
            )
        return ""


def compare(
    classifier: Classifier, scores_of: ScoresOf, images: Iterable[RunImage]
) -> Comparison | None:
    """Compare answers; None where there is no image.

    Args:
        classifier: in float32.
        scores_of: the exported file.
        images: of the kind that is to come.
    """
    differences, changed = [], 0
    thresholds = numpy.array([classifier.thresholds.get(label, 0) for label in classifier.labels])

    def is_otherwise(first: NDArray[Any], second: NDArray[Any]) -> bool:
        if classifier.independent:
            return bool(((first >= thresholds) != (second >= thresholds)).any())
        return bool(first.argmax() != second.argmax())

    for image in images:
        found = scores_of(image.pixels)
        from_pixels, from_file = _scores(classifier, [image.pixels, image.path])
        differences.append([_largest(found - each) for each in (from_pixels, from_file)])
        changed += int(is_otherwise(found, from_file))
    if not differences:
        return None
    equal_pixels, end_to_end = numpy.max(differences, axis=0).tolist()
    what = "labels" if classifier.independent else "best class"
    return Comparison(len(differences), equal_pixels, end_to_end, changed, what)


def _scores(
    classifier: Classifier, images: Sequence[ImageInput]
) -> Iterator[NDArray[numpy.float64]]:
    """Yield the scores (C,) of images, without what would be told of odd ones."""
    model = classifier.model
    for row in stream_rows(
        classifier.engine, model.preprocessing, images, from_cache=model.half_features
    ):
        assert not isinstance(row, ImageError)  # it was decoded before
        yield classifier.probabilities_of(row)


def graph_scores(run: RunExported, preprocessing: Preprocessing) -> ScoresOf:
    """Return the scores of a file that has the graph in it.

    Args:
        run: the file.
        preprocessing: of its model.
    """
    return lambda pixels: run(graph_input(pixels, preprocessing))[PROBABILITIES]


def _largest(differences: NDArray[Any]) -> float:
    return float(numpy.nan_to_num(abs(differences), nan=numpy.inf).max())
