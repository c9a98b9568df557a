"""Small marks that icons carry within them: ticks, letters, dots."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.geometry import Distance, FloatArray, segment_distance

Segment: TypeAlias = tuple[tuple[float, float], tuple[float, float]]


def _joined(*points: tuple[float, float]) -> list[Segment]:
    return list(pairwise(points))


MARKS: dict[str, list[Segment]] = {
    "arrow": [((0, -0.8), (0, 0.8)), *_joined((-0.6, 0.2), (0, 0.8), (0.6, 0.2))],
    "bars": [((-0.35, -0.6), (-0.35, 0.6)), ((0.35, -0.6), (0.35, 0.6))],
    "bolt": _joined((0.2, 0.9), (-0.4, -0.05), (0.4, 0.05), (-0.2, -0.9)),
    "cross": [((-0.55, -0.55), (0.55, 0.55)), ((-0.55, 0.55), (0.55, -0.55))],
    "dot": [((0, 0), (0, 0.01))],
    "dots": [((-0.6, 0), (-0.59, 0)), ((0, 0), (0.01, 0)), ((0.6, 0), (0.61, 0))],
    "exclamation": [((0, -0.05), (0, 0.8)), ((0, -0.75), (0, -0.74))],
    "i": [((0, -0.8), (0, 0.1)), ((0, 0.75), (0, 0.76))],
    "letter A": [*_joined((-0.6, -0.8), (0, 0.8), (0.6, -0.8)), ((-0.35, -0.2), (0.35, -0.2))],
    "letter E": [
        *_joined((0.5, 0.8), (-0.4, 0.8), (-0.4, -0.8), (0.5, -0.8)), ((-0.4, 0), (0.3, 0)),
    ],
    "letter H": [((-0.5, -0.8), (-0.5, 0.8)), ((0.5, -0.8), (0.5, 0.8)), ((-0.5, 0), (0.5, 0))],
    "letter N": _joined((-0.5, -0.8), (-0.5, 0.8), (0.5, -0.8), (0.5, 0.8)),
    "letter P": _joined((-0.4, -0.8), (-0.4, 0.8), (0.4, 0.7), (0.5, 0.35), (0.3, 0.05), (-0.4, 0)),
    "minus": [((-0.7, 0), (0.7, 0))],
    "one": _joined((-0.35, 0.45), (0.05, 0.8), (0.05, -0.8)),
    "play": _joined((-0.4, 0.6), (0.6, 0), (-0.4, -0.6), (-0.4, 0.6)),
    "plus": [((-0.6, 0), (0.6, 0)), ((0, -0.6), (0, 0.6))],
    "question": [
        *_joined((-0.4, 0.5), (0, 0.8), (0.4, 0.5), (0, 0.1), (0, -0.2)), ((0, -0.75), (0, -0.74)),
    ],
    "slash": [((-0.6, -0.6), (0.6, 0.6))],
    "tick": _joined((-0.6, 0.05), (-0.15, -0.45), (0.65, 0.5)),
    "two": _joined((-0.45, 0.5), (0, 0.8), (0.45, 0.45), (-0.45, -0.8), (0.5, -0.8)),
}  # fmt: skip


def strokes(segments: Sequence[Segment], width: float) -> Distance:
    """Give the signed distance to straight strokes with round ends, `width` wide."""

    def distance(x: FloatArray, y: FloatArray) -> FloatArray:
        nearest = [segment_distance(x, y, start, end) for start, end in segments]
        return np.asarray(np.minimum.reduce(nearest) - width / 2)

    return distance


def any_mark(rng: Generator) -> Distance:
    """Draw one of the marks, within unit radius of the origin."""
    name = str(rng.choice(sorted(MARKS)))
    width = rng.uniform(0.5, 0.9) if name == "dot" else rng.uniform(0.18, 0.4)
    return strokes(MARKS[name], float(width))
