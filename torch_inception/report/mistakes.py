"""Misclassified images, the most confident mistakes first, and what may tell why."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from torch_inception.answers.prediction import label_set
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.training_images import Neighbour
from torch_inception.engines.protocol import GivesMaps
from torch_inception.errors import ImageError, ModelError
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.data_uri import data_uri
from torch_inception.images.overlay import shaded
from torch_inception.images.read import read_file
from torch_inception.report.gallery import Gallery, Tile, small_jpeg
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


class Asked(NamedTuple):
    """An image to be shown: what of it speaks for a label, and not for another where one is named.

    Attributes:
        path: of the image, as tables have it.
        label: that the map is of.
        versus: that it is compared with; "" for none.
    """

    path: str
    label: str
    versus: str = ""


class Illustrated(NamedTuple):
    """What is shown of an image: its thumbnail, the map ("" for none) and its neighbours."""

    tile: Tile
    map: str
    neighbours: Sequence[Near]


AnyMistake = TypeVar("AnyMistake")


class Mistakes(NamedTuple, Generic[AnyMistake]):
    """Those that are shown, how many there are, and how many have maps."""

    shown: Sequence[AnyMistake]
    all_of_them: int
    maps: int


PART_NAMES: Mapping[JudgedPart, str] = {
    "test": "test image",
    "leave_one_out": "left out",
    "validation": "validation image",
}


def find_mistakes(
    results: ResultsFolder,
    training: ResultsFolder | None,
    classifier: Classifier,
    gallery: Gallery,
) -> Mistakes[Mistake]:
    """Return the misclassified images of all parts.

    Args:
        results: whose images these are.
        training: the run that the classifier comes from; where it is not at hand, no neighbours
            are shown.
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
    shown = wrong[:MOST_SHOWN]
    asked = [Asked(answer.path, answer.prediction, answer.label) for answer, _ in shown]
    found = [
        Mistake(
            each.tile,
            answer,
            PART_NAMES[judged.part],
            _label_set(results, classifier, answer.path),
            each.map,
            each.neighbours,
        )
        for (answer, judged), each in zip(
            shown, illustrated(asked, results, training, classifier, gallery), strict=True
        )
    ]
    return Mistakes(found, len(wrong), sum(bool(each.map) for each in found))


def illustrated(
    asked: Sequence[Asked],
    results: ResultsFolder,
    training: ResultsFolder | None,
    classifier: Classifier,
    gallery: Gallery,
) -> list[Illustrated]:
    """Return what is shown of images; the first `MOST_MAPS` have maps.

    Args:
        asked: the images, and what is asked of them.
        results: as for `find_mistakes`, and so are the others.
        training: see there.
        classifier: see there.
        gallery: see there.
    """
    paths = [each.path for each in asked]
    tiles, files = gallery.tiles(results, paths), _unchanged_files(results, paths)
    neighbours = _all_neighbours(files, results, training, classifier, gallery)
    # Another engine, to stand in for one that gives no maps, may be far to get.
    most_maps = MOST_MAPS if gallery.is_open and isinstance(classifier.engine, GivesMaps) else 0
    maps = [_map(files.get(each.path), classifier, each) for each in asked[:most_maps]]
    maps += [""] * (len(asked) - len(maps))
    return [
        Illustrated(tile, shown, neighbours.get(path, []))
        for path, tile, shown in zip(paths, tiles, maps, strict=True)
    ]


def _unchanged_files(results: ResultsFolder, paths: Sequence[str]) -> dict[str, Path]:
    """Return path -> file of the images that are there, and whose content is what it was."""
    files = {}
    for path in paths:
        file = results.file_of(path)
        try:
            digest = hashlib.sha256(read_file(file)).digest()
        except ImageError as error:
            log.info("report: no map and no neighbours of %s: %s", path, error)
            continue
        if digest == results.digests.get(path):
            files[path] = file
    return files


def _label_set(results: ResultsFolder, classifier: Classifier, path: str) -> list[str]:
    scores = results.scores and results.scores.of(path)
    if not scores or COVERAGE not in classifier.model.coverage:
        return []
    return label_set(scores, classifier.coverage_threshold(COVERAGE))


def _map(file: Path | None, classifier: Classifier, asked: Asked) -> str:
    """Return the map that is asked for; "" where the image cannot be read."""
    if file is None:
        return ""
    try:
        explanation = classifier.explain(file)
    except ImageError as error:  # it has changed by now
        log.info("report: no map of %s", error)  # which names the image
        return ""
    logits = explanation.seen(asked.label, versus=asked.versus)
    return data_uri("image/jpeg", small_jpeg(shaded(explanation.pixels, logits), MAP_SIDE))


def _all_neighbours(
    files: Mapping[str, Path],
    results: ResultsFolder,
    training: ResultsFolder | None,
    classifier: Classifier,
    gallery: Gallery,
) -> dict[str, list[Near]]:
    """Return path -> the nearest training images, but for the image itself."""
    if training is None:
        return {}
    try:
        _ = classifier.training_images
    except ModelError as error:
        log.info("report: no nearest training images: %s", error)
        return {}
    # Not `classifier.neighbours`, which tells what is odd about an image: that was told before.
    rows = stream_rows(
        classifier.engine,
        classifier.model.preprocessing,
        files.values(),
        from_cache=classifier.model.half_features,
    )
    return {
        path: _near(
            classifier.neighbours_of(row, NEIGHBOURS + 1), results.digests[path], training, gallery
        )
        for path, row in zip(files, rows, strict=True)
        if not isinstance(row, ImageError)
    }


def _near(
    nearest: Sequence[Neighbour], own: bytes, training: ResultsFolder, gallery: Gallery
) -> list[Near]:
    others = [each for each in nearest if training.digests.get(each.path) != own][:NEIGHBOURS]
    tiles = gallery.tiles(training, [each.path for each in others])
    return [
        Near(tile, each.label, each.similarity) for tile, each in zip(tiles, others, strict=True)
    ]
