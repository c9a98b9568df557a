"""Images made by hand: pen, chalk, brush and scissors."""

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.colours import BLACK, apart_from, dark, pale, vivid
from tools.draw_shapes.geometry import FloatArray
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.strokes import (
    hatching,
    joined_zigzag,
    line_mask,
    lines_mask,
    resampled,
    union,
    wobbled,
)
from tools.draw_shapes.textures import (
    SIDE,
    any_texture,
    asphalt,
    cloud_noise,
    paper,
    plaster,
    sample,
)


def _ground(canvas: Canvas, texture: FloatArray, scale: float = 0.5) -> None:
    x, y = canvas.grid
    canvas.fill(sample(texture, scale * x, scale * y))


def _field(canvas: Canvas, field: FloatArray, scale: float = 0.5) -> FloatArray:
    """Look a field up at every pixel, as `sample` does a texture."""
    x, y = canvas.grid
    columns, rows = (scale * x % 1 * SIDE).astype(int), (scale * y % 1 * SIDE).astype(int)
    return np.asarray(field[rows % SIDE, columns % SIDE])


def _shaky_outlines(shape: Shape, rng: Generator) -> list[FloatArray]:
    """Go round the shape once or more, never quite the same way."""
    amount = rng.uniform(0.01, 0.05)
    turns = int(rng.integers(1, 4))
    lines = [shape.lines[turn % len(shape.lines)] for turn in range(max(turns, len(shape.lines)))]
    return [wobbled(resampled(line, 128), rng, amount) for line in lines]


def pen(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """Pencil, pen or marker on paper, sometimes hatched."""
    _ground(canvas, paper(rng))
    ink = dark(rng) if rng.random() < 0.6 else 0.7 * vivid(rng)
    width = float(np.exp(rng.uniform(np.log(0.015), np.log(0.12))))
    pressure = rng.uniform(0.7, 1)
    outlines = _shaky_outlines(shape, rng)
    is_hatched, lines = rng.random() < 0.4, hatching(rng, rng.uniform(0.06, 0.14))
    if is_hatched:
        mask = lines_mask(canvas, lines, 0.6 * width) * canvas.inside(shape.distance)
        canvas.paint(0.7 * mask, ink)
    canvas.paint(pressure * lines_mask(canvas, outlines, width), ink)


def chalk(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """Chalk or crayon that catches only the grain of a board, of card or of the road."""
    is_board = rng.random() < 0.6
    board = asphalt(rng)
    _ground(canvas, 0.35 * board if is_board else board)
    ink = pale(rng) if is_board else apart_from(board.mean(axis=(0, 1)), rng, 0.25)
    grain = 0.35 + 0.65 * (_field(canvas, cloud_noise(rng, 0.4), 1.0) > 0.42)
    width = rng.uniform(0.05, 0.14)
    outlines = _shaky_outlines(shape, rng)
    is_scribbled, lines = rng.random() < 0.5, hatching(rng, rng.uniform(0.08, 0.16))
    mask = lines_mask(canvas, outlines, width)
    if is_scribbled:
        scribble = line_mask(canvas, joined_zigzag(lines), 0.8 * width)
        mask = union([mask, 0.8 * scribble * canvas.inside(shape.distance)])
    canvas.paint(mask * grain, ink)


def brushed(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """Paint with a ragged edge, from a brush, a stencil or a stamp."""
    wall = any_texture(rng) if rng.random() < 0.5 else plaster(rng)
    _ground(canvas, wall)
    ink = apart_from(wall.mean(axis=(0, 1)), rng)
    ragged = 0.12 * (_field(canvas, cloud_noise(rng, 1.2)) - 0.5)
    hair = _field(canvas, cloud_noise(rng, 0.9, stretch=10))
    cover = np.clip(1.4 - rng.uniform(0.3, 1.0) * hair, 0, 1)
    width = rng.uniform(0.1, 0.25)
    is_outline = rng.random() < 0.4
    if is_outline:
        mask = canvas.inside(lambda x, y: shape.line_distance(x, y) - width / 2 + ragged, 0.02)
    else:
        mask = canvas.inside(lambda x, y: shape.distance(x, y) + ragged, 0.02)
    canvas.paint(mask * cover, ink)


def cut_out(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """Card or stuff cut with scissors and laid on a table, lit from one side."""
    table, card = any_texture(rng), any_texture(rng)
    _ground(canvas, table)
    plain = apart_from(table.mean(axis=(0, 1)), rng, 0.25)
    is_plain, reach = rng.random() < 0.6, rng.uniform(0.02, 0.1)
    moved = shape.placed(1, (reach * rng.choice([-1, 1]), -reach))
    canvas.paint(0.6 * canvas.inside(moved.distance, rng.uniform(0.03, 0.2)), BLACK)
    x, y = canvas.grid
    contrast = apart_from(card.mean(axis=(0, 1)), rng)
    if is_plain:
        canvas.paint(canvas.inside(shape.distance), plain)
    else:
        canvas.paint(canvas.inside(lambda x, y: shape.distance(x, y) - 0.04), contrast)
        canvas.paint(canvas.inside(shape.distance), sample(card, 0.4 * x, 0.4 * y))
