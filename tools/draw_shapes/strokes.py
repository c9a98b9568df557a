"""Lines drawn by hand or broken into dashes, along the outline of a shape."""

from itertools import pairwise

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.geometry import FloatArray

SUPERSAMPLING = 4
"""Lines are drawn at so many times the size, then scaled down, for smooth edges."""


def resampled(line: FloatArray, count: int) -> FloatArray:
    """Walk along a line in `count` equal steps.

    Args:
        line: (n, 2) points.
        count: how many steps to take.

    Returns:
        (count + 1, 2), from the first point of the line to its last.
    """
    reached = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    wanted = np.linspace(0, reached[-1], count + 1)
    return np.stack([np.interp(wanted, reached, line[:, axis]) for axis in (0, 1)], axis=1)


def wobbled(points: FloatArray, rng: Generator, amount: float) -> FloatArray:
    """Shake a line as a hand does: slowly along it, `amount` units at most, its ends apart."""
    steps = np.linspace(0, 1, len(points))
    shaken = points.copy()
    for axis in (0, 1):
        for waves in (0.5, 1.3, 2.7, 5.1, 9.7):
            strength = amount * rng.normal() / waves**0.7 / 2
            phase = rng.uniform(0, 2 * np.pi)
            shaken[:, axis] += strength * np.sin(2 * np.pi * waves * steps + phase)
    return shaken


def line_mask(canvas: Canvas, points: FloatArray, width: float) -> FloatArray:
    """Rasterise an open line with round joints, `width` units wide.

    Returns:
        The mask, (height, width) of the canvas.
    """
    scale = SUPERSAMPLING * min(canvas.width, canvas.height) / 2
    size = (canvas.width * SUPERSAMPLING, canvas.height * SUPERSAMPLING)
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    columns = points[:, 0] * scale + size[0] / 2
    rows = size[1] / 2 - points[:, 1] * scale
    path = list(zip(columns.tolist(), rows.tolist(), strict=True))
    thickness = max(SUPERSAMPLING, round(width * scale))
    draw.line(path, fill=255, width=thickness, joint="curve")
    for column, row in (path[0], path[-1]):
        end = thickness / 2
        draw.ellipse((column - end, row - end, column + end, row + end), fill=255)
    small = image.resize((canvas.width, canvas.height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255


def dashes(line: FloatArray, count: int, share: float, phase: float) -> list[FloatArray]:
    """Cut a line into dashes.

    Args:
        line: (n, 2) points.
        count: how many dashes to make.
        share: the part of the line that they cover.
        phase: how far the first dash is from the start, in 0..1 of the way to the second.

    Returns:
        The dashes, each an array (k, 2).
    """
    steps = 12
    points = resampled(line, count * steps)
    length = max(2, round(share * steps))
    starts = range(int(phase * steps), count * steps, steps)
    return [points[start : start + length] for start in starts]


def hatching(rng: Generator, spacing: float) -> list[FloatArray]:
    """Give parallel shaky lines that cover the plane around the origin."""
    direction = rng.uniform(0, np.pi)
    along = np.array([np.cos(direction), np.sin(direction)])
    across = np.array([-along[1], along[0]])
    lines = []
    for offset in np.arange(-1.5, 1.5, spacing):
        start, end = offset * across - 1.5 * along, offset * across + 1.5 * along
        line = np.linspace(start, end, 24) + rng.normal(0, 0.15 * spacing, 2)
        lines.append(wobbled(line, rng, 0.2 * spacing))
    return lines


def joined_zigzag(lines: list[FloatArray]) -> FloatArray:
    """Draw hatching without lifting the pen."""
    turned = [line if index % 2 else line[::-1] for index, line in enumerate(lines)]
    return np.concatenate(turned)


def union(masks: list[FloatArray]) -> FloatArray:
    """Put several masks together."""
    return np.asarray(np.maximum.reduce(masks))


def lines_mask(canvas: Canvas, lines: list[FloatArray], width: float) -> FloatArray:
    """Rasterise several lines, see `line_mask`."""
    return union([line_mask(canvas, line, width) for line in lines])


def length_of(points: FloatArray) -> float:
    """Give the length of a line."""
    return float(sum(np.hypot(*(end - start)) for start, end in pairwise(points)))
