"""The confusion matrix: how many images of a class were taken for which, and which these are."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch_inception.report.gallery import Gallery, Tile
from torch_inception.report.results_folder import Judged, ResultsFolder
from torch_inception.training.evaluation import ImageAnswer

Pair = tuple[str, str]
"""An image's own class, and what it was taken for."""

MOST_CLASSES = 40
"""Classes up to which there is a table; with more, there is a list of what was mistaken."""

MOST_PAIRS = 200
"""Lines of that list."""

SHOWN_IN_CELL = 24
"""Images that a cell shows at most."""

SHOWN_IN_ALL = 3000
"""Images that all cells together show at most, or one each."""

LEVELS = 5
"""Shades of a cell."""


class Cell(NamedTuple):
    """Images of one class that were taken for one class.

    Attributes:
        name: of the cell, in the page.
        label: their own class.
        prediction: what they were taken for.
        images: how many they are.
        level: 0 to `LEVELS`, the share of the class.
        tiles: some of them, with the score of the prediction: if that is wrong, the highest first,
            otherwise the lowest.
    """

    name: str
    label: str
    prediction: str
    images: int
    level: int
    tiles: Sequence[tuple[Tile, float]]


class Matrix(NamedTuple):
    """Either a table or a list.

    Attributes:
        labels: class names.
        rows: a row per class, a cell per class; none where there are too many.
        pairs: cells of mistakes, the most frequent first, where there are no rows.
        left_out: pairs that are not in the list.
    """

    labels: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    pairs: Sequence[Cell]
    left_out: int


def make_matrix(judged: Judged[ImageAnswer], results: ResultsFolder, gallery: Gallery) -> Matrix:
    """Return the matrix of a part's answers."""
    labels: list[str] = results.metrics["classes"]
    answers: defaultdict[Pair, list[ImageAnswer]] = defaultdict(list)
    for answer in judged.answers:
        answers[answer.label, answer.prediction].append(answer)
    wrong = sorted(filter(_is_wrong, answers), key=lambda pair: -len(answers[pair]))
    if len(labels) > MOST_CLASSES:
        cells = _cells(
            judged, results, gallery, {pair: answers[pair] for pair in wrong[:MOST_PAIRS]}
        )
        return Matrix(labels, [], list(cells.values()), len(wrong) - len(cells))
    # Mistakes are the first to have thumbnails.
    right = [pair for pair in answers if not _is_wrong(pair)]
    cells = _cells(judged, results, gallery, {pair: answers[pair] for pair in [*wrong, *right]})
    rows = [
        [cells.get((label, other)) or Cell("", label, other, 0, 0, []) for other in labels]
        for label in labels
    ]
    return Matrix(labels, rows, [], 0)


def _is_wrong(pair: Pair) -> bool:
    return pair[0] != pair[1]


def _cells(
    judged: Judged[ImageAnswer],
    results: ResultsFolder,
    gallery: Gallery,
    answers: Mapping[Pair, Sequence[ImageAnswer]],
) -> dict[Pair, Cell]:
    """Return the cells of some pairs, with some images each."""
    number = {label: place for place, label in enumerate(results.metrics["classes"])}
    totals = Counter(answer.label for answer in judged.answers)
    most = max(1, min(SHOWN_IN_CELL, SHOWN_IN_ALL // max(1, len(answers))))
    cells = {}
    for pair, found in answers.items():
        label, prediction = pair
        ordered = sorted(found, key=lambda each: each.score, reverse=_is_wrong(pair))[:most]
        tiles = gallery.tiles(results, [each.path for each in ordered])
        cells[pair] = Cell(
            f"{judged.part}-{number[label]}-{number[prediction]}",
            label,
            prediction,
            len(found),
            math.ceil(LEVELS * len(found) / totals[label]),
            [(tile, each.score) for tile, each in zip(tiles, ordered, strict=True)],
        )
    return cells
