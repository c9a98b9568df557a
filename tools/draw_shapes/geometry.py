"""Arrays of positions, and the few formulas on them that every drawing needs."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Distance: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""A signed distance in the plane: negative inside the figure, positive outside."""


def pixel_grid(width: int, height: int) -> tuple[FloatArray, FloatArray]:
    """Give the x and y of every pixel centre.

    The origin is the middle of the image, y points up, and half the shorter side is 1.

    Returns:
        Two arrays of shape (height, width).
    """
    unit = min(width, height) / 2
    x = (np.arange(width) + 0.5 - width / 2) / unit
    y = (height / 2 - np.arange(height) - 0.5) / unit
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def smoothstep(low: float, high: float, value: FloatArray) -> FloatArray:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def rotate(x: FloatArray, y: FloatArray, radians: float) -> tuple[FloatArray, FloatArray]:
    """Turn positions counter-clockwise about the origin."""
    cosine, sine = np.cos(radians), np.sin(radians)
    return cosine * x - sine * y, sine * x + cosine * y


def shrunk(distance: Distance, inwards: float) -> Distance:
    """Shrink a figure by `inwards` all round."""
    return lambda x, y: distance(x, y) + inwards


def scaled(distance: Distance, scale: float, left: float, low: float) -> Distance:
    """Scale a figure about the origin, then move the origin to (left, low)."""
    return lambda x, y: scale * distance((x - left) / scale, (y - low) / scale)


def box_distance(
    x: FloatArray, y: FloatArray, half_width: float, half_height: float, radius: float = 0.0
) -> FloatArray:
    """Signed distance to a rectangle about the origin whose corners may be rounded."""
    dx = np.abs(x) - (half_width - radius)
    dy = np.abs(y) - (half_height - radius)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return np.asarray(outside + np.minimum(np.maximum(dx, dy), 0) - radius)


def polygon_distance(x: FloatArray, y: FloatArray, corners: FloatArray) -> FloatArray:
    """Signed distance to a convex polygon.

    Args:
        x: horizontal positions.
        y: vertical positions, of the same shape.
        corners: (n, 2), counter-clockwise.

    Returns:
        An array of the shape of `x`.
    """
    nearest = np.full(x.shape, np.inf)
    deepest = np.full(x.shape, -np.inf)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = end - start
        length_squared = float(edge @ edge)
        along = ((x - start[0]) * edge[0] + (y - start[1]) * edge[1]) / length_squared
        along = np.clip(along, 0.0, 1.0)
        gap_x, gap_y = x - start[0] - along * edge[0], y - start[1] - along * edge[1]
        nearest = np.minimum(nearest, gap_x**2 + gap_y**2)
        across = (x - start[0]) * edge[1] - (y - start[1]) * edge[0]
        deepest = np.maximum(deepest, across / np.sqrt(length_squared))
    return np.asarray(np.where(deepest > 0, np.sqrt(nearest), deepest))


def polyline_distance(x: FloatArray, y: FloatArray, lines: Sequence[FloatArray]) -> FloatArray:
    """Distance to the nearest of several lines, each an array (n, 2) of points."""
    nearest = [
        segment_distance(x, y, (start[0], start[1]), (end[0], end[1]))
        for line in lines
        for start, end in pairwise(line.tolist())
    ]
    return np.asarray(np.minimum.reduce(nearest))


def segment_distance(
    x: FloatArray, y: FloatArray, start: tuple[float, float], end: tuple[float, float]
) -> FloatArray:
    """Distance to the straight line between two points."""
    edge_x, edge_y = end[0] - start[0], end[1] - start[1]
    along = ((x - start[0]) * edge_x + (y - start[1]) * edge_y) / (edge_x**2 + edge_y**2)
    along = np.clip(along, 0.0, 1.0)
    return np.asarray(np.hypot(x - start[0] - along * edge_x, y - start[1] - along * edge_y))
