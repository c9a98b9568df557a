"""Triangular things that people photograph."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import BLACK, WHITE, any_colour, apart_from, pale, rgb, vivid
from tools.draw_shapes.geometry import FloatArray, polygon_distance, scaled
from tools.draw_shapes.marching import Paint, Solid
from tools.draw_shapes.marks import any_mark, strokes
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.solids import bordered, hollow, plain, pyramid, slab, stencilled, veneered
from tools.draw_shapes.textures import any_texture, asphalt, brick, wood


def _triangle(corners: FloatArray, radius: float) -> Shape:
    """Make a triangle with rounded corners out of counter-clockwise ones, a little larger."""
    middle = corners.mean(axis=0)
    inner = middle + (corners - middle) * (1 - 1.5 * radius)
    return Shape("triangle", lambda x, y: polygon_distance(x, y, inner) - radius, ())


def _equilateral(radius: float = 0.0, height: float = 0.9) -> Shape:
    return _triangle(np.array([[-1, -height], [1, -height], [0, height]]), radius)


def _slice() -> Shape:
    return _triangle(np.array([[-0.75, 0.95], [0.0, -1.0], [0.75, 0.95]]), 0.04)


def _right_angled(radius: float = 0.0) -> Shape:
    return _triangle(np.array([[-0.85, -0.85], [0.9, -0.85], [-0.85, 0.9]]), radius)


def _spots(
    rng: Generator, count: int, size: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    places = rng.uniform(-0.5, 0.5, (count, 2)).tolist()
    return [((x, y), (x + size, y)) for x, y in places]


def pizza(rng: Generator) -> Solid:
    """A slice of pizza, or of pie: a crust at the wide end and things on it."""
    cheese = veneered(0.5 * asphalt(rng) + 0.5 * rgb(0.12, 0.6, 0.95), 0.3)
    topping = strokes(
        [((-0.25, 0.45), (-0.24, 0.45)), ((0.25, 0.3), (0.26, 0.3)), ((0, -0.2), (0.01, -0.2))], 0.3
    )
    topped = stencilled(cheese, topping, rgb(rng.choice([0.0, 0.3]), 0.8, 0.7))
    paint = stencilled(topped, lambda x, y: 0.78 - y, rgb(0.08, 0.6, 0.65))
    return slab(_slice().distance, 0.15, "flat", paint)


def cake(rng: Generator) -> Solid:
    """A slice of cake or of cheese, thick, in layers."""
    first, second, layers = any_colour(rng), pale(rng), rng.uniform(8, 20)

    def paint(points: FloatArray) -> FloatArray:
        return np.where((np.sin(layers * points[:, 2]) > 0)[:, None], first, second)

    return slab(_slice().distance, rng.uniform(0.4, 0.8), "flat", paint)


def set_square(rng: Generator) -> Solid:
    """A set-square with a hole and a scale."""
    body, width = any_colour(rng), rng.uniform(0.18, 0.3)
    ticks = [((-0.7 + 0.1 * step, -0.85), (-0.7 + 0.1 * step, -0.75)) for step in range(14)]
    paint = stencilled(plain(body), strokes(ticks, 0.025), apart_from(body, rng))
    shape = _right_angled() if rng.random() < 0.6 else _equilateral()
    return slab(hollow(shape.distance, width), 0.06, "flat", paint)


def sandwich(rng: Generator) -> Solid:
    """Half a sandwich: bread, something green, bread."""
    bread = veneered(0.5 * asphalt(rng) + 0.5 * rgb(0.1, 0.35, 0.95), 0.4)
    filling = vivid(rng)

    def paint(points: FloatArray) -> FloatArray:
        is_filling = np.abs(points[:, 2] - 0.25) < 0.08
        return np.where(is_filling[:, None], filling, bread(points))

    return slab(_right_angled(0.05).distance, 0.5, "flat", paint)


def chip(rng: Generator) -> Solid:
    """A tortilla chip, a pastry or a pebble."""
    crust = veneered(0.6 * asphalt(rng) + 0.4 * rgb(rng.uniform(0.05, 0.15), 0.6, 0.9), 0.4)
    seasoning = strokes(_spots(rng, 7, 0.02), 0.06)
    paint = stencilled(crust, seasoning, rgb(0.05, 0.8, 0.4))
    return slab(_equilateral(0.12).distance, 0.2, "domed", paint)


def rack(rng: Generator) -> Solid:
    """A frame of wood, metal or plastic: a rack, a breakdown triangle, an instrument."""
    paint = veneered(wood(rng), 0.5) if rng.random() < 0.4 else plain(vivid(rng))
    return slab(hollow(_equilateral(0.1).distance, rng.uniform(0.12, 0.25)), 0.15, "flat", paint)


def stone_pyramid(rng: Generator) -> Solid:
    """A pyramid of stones, of sand or of glass."""
    stuff = veneered(brick(rng) if rng.random() < 0.5 else asphalt(rng), 0.5)
    return pyramid(rng.uniform(1.0, 1.8), stuff)


def tent(rng: Generator) -> Solid:
    """A tent or a roof of two colours, a pyramid with bands."""
    first, second, pitch = vivid(rng), pale(rng), rng.uniform(4, 12)

    def paint(points: FloatArray) -> FloatArray:
        return np.where((np.sin(pitch * points[:, 2]) > 0)[:, None], first, second)

    return pyramid(rng.uniform(1.0, 1.6), paint)


def tile(rng: Generator) -> Solid:
    """A glazed tile or a guitar pick."""
    shape, mark = _equilateral(float(rng.choice([0.0, 0.2]))), any_mark(rng)
    glaze = any_colour(rng)
    paint = veneered(any_texture(rng), 0.4) if rng.random() < 0.4 else plain(glaze)
    if rng.random() < 0.5:
        paint = stencilled(paint, scaled(mark, 0.35, 0, -0.3), apart_from(glaze, rng))
    return slab(shape.distance, 0.14, "bevelled", paint)


def _sign_face(shape: Shape, up: float, rng: Generator) -> Paint:
    border, mark = vivid(rng), any_mark(rng)
    face = WHITE if rng.random() < 0.5 else apart_from(border, rng, 0.25)
    ink = BLACK if face.sum() > 2 else apart_from(face, rng, 0.4)
    figured = stencilled(plain(face), scaled(mark, 0.36, 0, up), ink)
    return bordered(shape, figured, border, 0.16)


def warning_sign(rng: Generator) -> Solid:
    """A warning sign: a border, and something that threatens."""
    shape = _equilateral(rng.uniform(0, 0.15))
    return slab(shape.distance, 0.06, "flat", _sign_face(shape, -0.3, rng))


def yield_sign(rng: Generator) -> Solid:
    """A sign that stands on its point."""
    corners = -np.array([[-1, -0.9], [1, -0.9], [0, 0.9]])
    shape = _triangle(corners, 0.08)
    paint = bordered(shape, plain(WHITE), vivid(rng), rng.uniform(0.15, 0.3))
    return slab(shape.distance, 0.06, "flat", paint)


def pennant(rng: Generator) -> Solid:
    """A gable, a sail or a pennant of one stuff."""
    shape = _right_angled() if rng.random() < 0.4 else _equilateral(0.0, rng.uniform(0.6, 1))
    return slab(shape.distance, 0.06, "flat", veneered(any_texture(rng), 0.4))


LYING: list[Callable[[Generator], Solid]] = [
    pizza, set_square, stone_pyramid, sandwich, tile, rack, tent, chip, cake,
]  # fmt: skip
UPRIGHT: list[Callable[[Generator], Solid]] = [warning_sign, pennant, yield_sign, warning_sign]
