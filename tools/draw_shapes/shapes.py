"""The four shapes, each as a signed distance and as the points of its outline."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.geometry import (
    Distance,
    FloatArray,
    box_distance,
    polygon_distance,
    polyline_distance,
    rotate,
)


@dataclass(frozen=True)
class Shape:
    """One figure of about unit radius around the origin.

    Attributes:
        name: the class it teaches.
        distance: signed distance in the plane.
        lines: what a pen draws, each an array (n, 2) of the points of a line. This is the outline,
            closed by giving its first point again, or the two bars of a plus.
    """

    name: str
    distance: Distance
    lines: tuple[FloatArray, ...]

    @property
    def is_outline(self) -> bool:
        """Whether the lines go round the shape."""
        return len(self.lines) == 1

    def line_distance(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Give the distance, never negative, to the lines that a pen draws."""
        if self.is_outline:
            return np.abs(self.distance(x, y))
        return polyline_distance(x, y, self.lines)

    def placed(self, scale: float, centre: tuple[float, float], radians: float = 0.0) -> "Shape":
        """Give the same figure scaled, then turned, then moved."""

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            local_x, local_y = rotate(x - centre[0], y - centre[1], -radians)
            return scale * self.distance(local_x / scale, local_y / scale)

        lines = (np.stack(rotate(line[:, 0], line[:, 1], radians), axis=1) for line in self.lines)
        moved = tuple(scale * line + np.asarray(centre) for line in lines)
        return Shape(self.name, distance, moved)


def _tilt(rng: Generator, share: float) -> float:
    """Give a turn of at most 20 degrees, and none at all in all but `share` of the cases."""
    return float(np.radians(rng.uniform(-20, 20))) if rng.random() < share else 0.0


def _corner_radius(rng: Generator, largest: float) -> float:
    return float(rng.uniform(0.15, 1) * largest) if rng.random() < 0.45 else 0.0


def circle(rng: Generator) -> Shape:
    """Draw a circle, whose line starts anywhere."""
    angles = np.linspace(0, 2 * np.pi, 97) + rng.uniform(0, 2 * np.pi)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Shape("circle", lambda x, y: np.hypot(x, y) - 1, (outline,))


def plus(rng: Generator) -> Shape:
    """Draw a plus with arms from thin to fat; an x at 45 degrees is no plus, so it turns little.

    Who draws a plus with a pen draws its outline or, more often, two bars.
    """
    half_arm = float(rng.choice([rng.uniform(0.07, 0.2), rng.uniform(0.2, 0.42)]))
    radius = _corner_radius(rng, half_arm)

    def distance(x: FloatArray, y: FloatArray) -> FloatArray:
        lying = box_distance(x, y, 1, half_arm, radius)
        return np.minimum(lying, box_distance(x, y, half_arm, 1, radius))

    quarter = np.array([[1, -half_arm], [1, half_arm], [half_arm, half_arm]])
    arms = [np.stack(rotate(quarter[:, 0], quarter[:, 1], turn), axis=1) for turn in _QUARTER_TURNS]
    bars = (np.array([[-1.0, 0], [1, 0]]), np.array([[0.0, -1], [0, 1]]))
    lines = bars if rng.random() < 0.6 else (_closed(np.concatenate(arms)),)
    return Shape("plus", distance, lines).placed(1, (0, 0), _tilt(rng, 0.2))


def square(rng: Generator) -> Shape:
    """Draw a square, mostly upright, sometimes with round corners, now and then on its corner."""
    turn = np.pi / 4 if rng.random() < 0.03 else _tilt(rng, 0.2)
    half = 0.95 / (np.cos(turn) + abs(np.sin(turn)))
    radius = _corner_radius(rng, 0.36 * half)
    corners = half * np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])
    shape = Shape(
        "square", lambda x, y: box_distance(x, y, half, half, radius), (_closed(corners),)
    )
    return shape.placed(1, (0, 0), turn)


def triangle(rng: Generator) -> Shape:
    """Draw an equilateral, isosceles or right-angled triangle, mostly pointing up."""
    kind = rng.choice(["equilateral", "isosceles", "right-angled"], p=[0.6, 0.26, 0.14])
    if kind == "right-angled":
        corners = np.array([[-0.8, -0.75], [rng.uniform(0.6, 0.9), -0.75], [-0.8, 0.85]])
        corners[:, 0] *= rng.choice([-1, 1])
    else:
        height = np.sqrt(3) if kind == "equilateral" else rng.uniform(1.3, 2.3)
        corners = np.array([[-1, -height / 2], [1, -height / 2], [0, height / 2]])
    turn = rng.choice([0, np.pi, np.pi / 2, -np.pi / 2, rng.uniform(-np.pi, np.pi)],
                      p=[0.74, 0.1, 0.03, 0.1, 0.03])  # fmt: skip
    corners = _fitted(_counter_clockwise(corners), float(turn) + _tilt(rng, 0.2))
    incentre, inradius = _incircle(corners)
    radius = _corner_radius(rng, 0.45 * inradius)
    inset = incentre + (corners - incentre) * (1 - radius / inradius)
    return Shape(
        "triangle", lambda x, y: polygon_distance(x, y, inset) - radius, (_closed(corners),)
    )


def _fitted(corners: FloatArray, radians: float) -> FloatArray:
    """Turn corners, then move and scale them to fill a square of 2 by 2 about the origin."""
    turned = np.stack(rotate(corners[:, 0], corners[:, 1], radians), axis=1)
    centred = turned - (turned.min(axis=0) + turned.max(axis=0)) / 2
    return np.asarray(centred / np.abs(centred).max())


def _closed(corners: FloatArray) -> FloatArray:
    return np.concatenate([corners, corners[:1]])


def _counter_clockwise(corners: FloatArray) -> FloatArray:
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    is_clockwise = first[0] * second[1] - first[1] * second[0] < 0
    return corners[::-1].copy() if is_clockwise else corners


def _incircle(corners: FloatArray) -> tuple[FloatArray, float]:
    """Give the centre and radius of the largest circle in a triangle."""
    opposite = np.linalg.norm(np.roll(corners, -1, axis=0) - np.roll(corners, -2, axis=0), axis=1)
    centre = opposite @ corners / opposite.sum()
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    area = abs(first[0] * second[1] - first[1] * second[0]) / 2
    return centre, float(2 * area / opposite.sum())


_QUARTER_TURNS = (0, np.pi / 2, np.pi, 3 * np.pi / 2)

SHAPES: dict[str, Callable[[Generator], Shape]] = {
    "circle": circle,
    "plus": plus,
    "square": square,
    "triangle": triangle,
}
