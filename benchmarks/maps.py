"""Check that maps mean something: cover what speaks most for a class, and its score has to fall.

    python -m benchmarks.maps [FOLDER ...]

Of every test image, the tenth that the map of the best class ranks highest is covered; to compare,
so is a region of the same shape, moved by chance. It is blurred, or painted with the mean colour,
which adds a new outline. Needs the `benchmark` extra: pip install ".[benchmark]".
"""

import csv
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy
from PIL import Image, ImageFilter

from benchmarks.arguments import data_parser, data_sets
from benchmarks.machine import processor
from benchmarks.table import markdown
from torch_inception import Classifier, train_classifier
from torch_inception.images.preprocess import Pixels

COVERED = 0.1
HOLDOUT = 0.4
MOST_IMAGES = 250
BLUR = 25
"""Pixels; the deviation of the Gaussian."""


class Fall(NamedTuple):
    """How far the score of an image's best class falls when a tenth of the image is covered.

    Attributes:
        highest: the tenth that the map ranks highest.
        random: a region of the same shape somewhere else.
    """

    highest: float
    random: float


def main() -> None:
    """Print the table."""
    arguments = data_parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = data_sets(Path(name), arguments.folders)
        rows = []
        for data, folder in folders.items():
            measured = measure(folder, Path(name) / "runs" / data, arguments.weights)
            rows += [[data, covering, *_cells(falls)] for covering, falls in measured.items()]
    header = ["images", "covering", "tested", "highest tenth", "random tenth", "difference"]
    print(markdown(header, rows))
    print(f"\n{processor()}")


def _cells(falls: list[Fall]) -> list[str]:
    differences = [fall.highest - fall.random for fall in falls]
    error = statistics.stdev(differences) / len(differences) ** 0.5
    highest, random = (statistics.mean(each) for each in zip(*falls, strict=True))
    difference = f"-{statistics.mean(differences):.3f} ± {error:.3f}"
    return [str(len(falls)), f"-{highest:.3f}", f"-{random:.3f}", difference]


def measure(folder: Path, output: Path, weights: str) -> dict[str, list[Fall]]:
    """Train on a folder, and cover parts of its test images, or of the first of them."""
    trained = train_classifier(folder, output=output, weights=weights, holdout=HOLDOUT)
    classifier = trained.classifier
    with (output / "predictions.csv").open(encoding="utf-8", newline="") as file:
        paths = [folder / row["path"] for row in csv.DictReader(file)]
    generator = numpy.random.default_rng(0)
    falls = [_falls(classifier, path, generator) for path in paths[:MOST_IMAGES]]
    return {covering: [each[covering] for each in falls] for covering in COVERINGS}


def _falls(
    classifier: Classifier, path: Path, generator: numpy.random.Generator
) -> dict[str, Fall]:
    explanation = classifier.explain(path)
    label, pixels = explanation.best, explanation.pixels
    logits = explanation.seen(label)
    is_highest = logits >= numpy.quantile(logits, 1 - COVERED)
    is_random = numpy.roll(is_highest, generator.integers(0, 299, 2), axis=(0, 1))
    covered = [
        numpy.where(each[..., None], cover(pixels), pixels)
        for cover in COVERINGS.values()
        for each in (is_highest, is_random)
    ]
    scores = classifier.predict_proba(covered)[:, classifier.labels.index(label)]
    falls = explanation.score(label) - scores
    return {
        name: Fall(*map(float, pair))
        for name, pair in zip(COVERINGS, falls.reshape(-1, 2), strict=True)
    }


def _blurred(pixels: Pixels) -> Pixels:
    return numpy.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(BLUR)))


def _mean_colour(pixels: Pixels) -> Pixels:
    mean = pixels.mean(axis=(0, 1)).round().astype(numpy.uint8)
    return numpy.broadcast_to(mean, pixels.shape)


COVERINGS = {"blurred": _blurred, "mean colour": _mean_colour}


if __name__ == "__main__":
    main()
