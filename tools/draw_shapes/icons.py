"""Flat images as icons are: filled, outlined, framed, marked, dashed, of two tones."""

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.colours import WHITE, any_colour, apart_from, blend, ink_and_ground, pale
from tools.draw_shapes.geometry import FloatArray, box_distance, scaled, shrunk
from tools.draw_shapes.marks import any_mark
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.strokes import dashes, length_of, lines_mask

SMALLEST_MARK = 0.04
"""A mark of a smaller radius, in halves of the shorter side, would be a speck."""


def line_width(rng: Generator) -> float:
    """Draw the width of an icon's line, thin and thick ones equally often."""
    return float(np.exp(rng.uniform(np.log(0.025), np.log(0.2))))


def lay_ground(canvas: Canvas, colour: FloatArray, rng: Generator) -> None:
    """Cover the canvas with one colour, or now and then with a shift from it to another tone."""
    x, y = canvas.grid
    direction, other = rng.uniform(0, 2 * np.pi), 0.7 * colour + 0.3 * any_colour(rng)
    reach = 0.5 if rng.random() < 0.2 else 0.0
    share = reach * (1 + x * np.cos(direction) + y * np.sin(direction))
    canvas.fill(blend(colour, other, share))


def filled(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A shape of one colour on a ground of another."""
    ink, ground = ink_and_ground(rng)
    lay_ground(canvas, ground, rng)
    canvas.paint(canvas.inside(shape.distance), ink)


def outlined(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """The outline alone, thin to thick."""
    ink, ground = ink_and_ground(rng)
    lay_ground(canvas, ground, rng)
    _draw_outline(canvas, shape, ink, rng)


def _draw_outline(canvas: Canvas, shape: Shape, ink: FloatArray, rng: Generator) -> None:
    """Draw the line on the edge, which rounds its corners, or inside it, which keeps them."""
    width, is_inside = line_width(rng), rng.random() < 0.5
    if is_inside and shape.is_outline:
        canvas.paint(canvas.line(shrunk(shape.distance, width / 2), width), ink)
    else:
        canvas.paint(canvas.line(shape.line_distance, width), ink)


def see_through(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """An icon, filled or outlined, without a ground."""
    ink = apart_from(WHITE, rng, gap=0.3)
    if rng.random() < 0.5:
        canvas.paint(canvas.inside(shape.distance), ink)
    else:
        _draw_outline(canvas, shape, ink, rng)


def framed(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A shape on the tile of an application, on a disc, or within a thin border."""
    paper = pale(rng)
    canvas.fill(paper)
    radius = float(rng.choice([0.1, 0.3, 0.45, 0.95], p=[0.25, 0.3, 0.25, 0.2]))
    is_border = rng.random() < 0.3
    tile = apart_from(paper, rng, 0.25)

    def frame(x: FloatArray, y: FloatArray) -> FloatArray:
        return box_distance(x, y, 0.95, 0.95, radius)

    smaller = shape.placed(0.72, (0, 0))
    canvas.paint(canvas.line(frame, 0.04) if is_border else canvas.inside(frame), tile)
    ink = apart_from(paper if is_border else tile, rng)
    if rng.random() < 0.6:
        canvas.paint(canvas.inside(smaller.distance), ink)
    else:
        _draw_outline(canvas, smaller, ink, rng)


def _paint_mark(canvas: Canvas, shape: Shape, colour: FloatArray, rng: Generator) -> None:
    """Put a small mark where the shape has the most room."""
    x, y = canvas.grid
    depth = -shape.distance(x, y)
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    room = float(depth[row, column])
    mark, size = any_mark(rng), rng.uniform(0.6, 0.95) * room
    if room < SMALLEST_MARK:
        return
    placed = scaled(mark, size, float(x[row, column]), float(y[row, column]))
    canvas.paint(canvas.inside(placed), colour)


def filled_with_mark(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A filled shape with a sign in it; the outer shape is the subject."""
    ink, ground = ink_and_ground(rng)
    lay_ground(canvas, ground, rng)
    canvas.paint(canvas.inside(shape.distance), ink)
    _paint_mark(canvas, shape, apart_from(ink, rng) if rng.random() < 0.5 else ground, rng)


def outlined_with_mark(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """An outline with a sign in it; the outer shape is the subject."""
    ink, ground = ink_and_ground(rng)
    lay_ground(canvas, ground, rng)
    width = min(line_width(rng), 0.12)
    canvas.paint(canvas.line(shape.distance, width), ink)
    _paint_mark(canvas, Shape(shape.name, shrunk(shape.distance, width), shape.lines), ink, rng)


def nested(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """The same outline several times, each within the other, or rings of two colours."""
    ink, ground = ink_and_ground(rng)
    canvas.fill(ground)
    step = rng.uniform(0.06, 0.16)
    rings = int(rng.integers(2, 6))
    other = apart_from(ink, rng) if rng.random() < 0.4 else ground
    for ring in range(rings):
        colour = other if ring % 2 else ink
        canvas.paint(canvas.inside(shrunk(shape.distance, ring * step)), colour)


def dashed(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """An outline of dashes or dots, sometimes with a faint filling."""
    ink, ground = ink_and_ground(rng)
    canvas.fill(ground)
    width, share = rng.uniform(0.03, 0.13), rng.choice([0.1, 0.45, 0.6])
    is_filled, pitch = rng.random() < 0.3, width * rng.uniform(2.2, 5)
    phase = rng.choice([0.0, rng.random()])
    if is_filled:
        canvas.paint(0.3 * canvas.inside(shape.distance), ink)
    for line in shape.lines:
        count = max(6, round(length_of(line) / pitch))
        canvas.paint(lines_mask(canvas, dashes(line, count, share, phase), width), ink)


def two_toned(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A pale filling and a strong outline, or a shape of which one half is filled."""
    ink, ground = ink_and_ground(rng)
    canvas.fill(ground)
    mask = canvas.inside(shape.distance)
    if rng.random() < 0.5:
        canvas.paint(rng.uniform(0.15, 0.45) * mask, ink)
    else:
        direction = rng.choice([0, np.pi / 2, np.pi / 4])
        x, y = canvas.grid
        canvas.paint(mask * (x * np.cos(direction) + y * np.sin(direction) > 0), ink)
    canvas.paint(canvas.line(shape.distance, min(line_width(rng), 0.12)), ink)
