"""Misclassified images, the most confident mistakes first, and what may tell why."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch_inception.classifier.classifier import Classifier
from torch_inception.engines.protocol import GivesMaps
from torch_inception.errors import ImageError, ModelError
from torch_inception.heads.coverage import label_set
from torch_inception.images.overlay import shaded
from torch_inception.report.gallery import Gallery, Tile, data_address, small_jpeg
from torch_inception.report.results_folder import JudgedPart, ResultsFolder
from torch_inception.training.evaluation import ImageAnswer

log = logging.getLogger(__name__)

MOST_SHOWN = 200
"""Misclassified images in a page."""

MOST_MAPS = 24
"""Of which so many have their maps."""

NEIGHBOURS = 3

COVERAGE = 0.95
"""Probability that a set of labels holds the true one."""

MAP_SIDE = 128
"""Pixels of a map."""


class Near(NamedTuple):
    """A training image that is like another."""

    tile: Tile
    label: str
    similarity: float


class Mistake(NamedTuple):
    """A misclassified image.

    Attributes:
        tile: of the image.
        answer: to it.
        part: what the image was for, in a word or two.
        labels: the set that holds the true one with a probability of `COVERAGE`; none where that
            is not known.
        map: address of an image: what speaks for the prediction, and what for the image's own
            label; "" for none.
        neighbours: the nearest training images.
    """

    tile: Tile
    answer: ImageAnswer
    part: str
    labels: Sequence[str]
    map: str
    neighbours: Sequence[Near]


class Mistakes(NamedTuple):
    """Those that are shown, how many there are, and how many have maps."""

    shown: Sequence[Mistake]
    all_of_them: int
    maps: int


_PARTS: Mapping[JudgedPart, str] = {
    "test": "test image",
    "leave_one_out": "left out",
    "validation": "validation image",
}


def find_mistakes(
    results: ResultsFolder, training: ResultsFolder, classifier: Classifier, gallery: Gallery
) -> Mistakes:
    """Return the misclassified images of all parts.

    Args:
        results: whose images these are.
        training: the run that the classifier comes from.
        classifier: for maps, sets and neighbours.
        gallery: for thumbnails; without them there are no maps either, nor where the classifier's
            engine gives none.
    """
    wrong = [
        (answer, judged)
        for judged in results.judged
        for answer in judged.answers
        if answer.label != answer.prediction
    ]
    wrong.sort(key=lambda each: -each[0].score)
    # Another engine, to stand in for one that gives no maps, may be far to get.
    with_maps = gallery.is_open and isinstance(classifier.engine, GivesMaps)
    shown = wrong[:MOST_SHOWN]
    tiles = gallery.tiles(results, [answer.path for answer, _ in shown])
    found = [
        Mistake(
            tile,
            answer,
            _PARTS[judged.part],
            _label_set(results, classifier, answer.path),
            _map(results, classifier, answer) if with_maps and place < MOST_MAPS else "",
            _neighbours(results, training, classifier, gallery, answer.path),
        )
        for place, (tile, (answer, judged)) in enumerate(zip(tiles, shown, strict=True))
    ]
    return Mistakes(found, len(wrong), sum(bool(each.map) for each in found))


def _label_set(results: ResultsFolder, classifier: Classifier, path: str) -> list[str]:
    scores = results.scores and results.scores.of(path)
    if not scores or COVERAGE not in classifier.model.coverage:
        return []
    return label_set(scores, classifier.coverage_threshold(COVERAGE))


def _map(results: ResultsFolder, classifier: Classifier, answer: ImageAnswer) -> str:
    """Return the map of why an image was taken for what it is not; "" where it cannot be read."""
    try:
        explanation = classifier.explain(results.file_of(answer.path))
    except ImageError as error:
        log.info("report: no map of %s: %s", answer.path, error)
        return ""
    logits = explanation.seen(answer.prediction, versus=answer.label)
    return data_address(small_jpeg(shaded(explanation.pixels, logits), MAP_SIDE))


def _neighbours(
    results: ResultsFolder,
    training: ResultsFolder,
    classifier: Classifier,
    gallery: Gallery,
    path: str,
) -> list[Near]:
    """Return the nearest training images, but for the image itself."""
    try:
        nearest = classifier.neighbours(results.file_of(path), NEIGHBOURS + 1)
    except (ImageError, ModelError) as error:
        log.info("report: no neighbours of %s: %s", path, error)
        return []
    own = results.digests.get(path)
    others = [each for each in nearest if training.digests.get(each.path) != own][:NEIGHBOURS]
    tiles = gallery.tiles(training, [each.path for each in others])
    return [
        Near(tile, each.label, each.similarity) for tile, each in zip(tiles, others, strict=True)
    ]
