"""Images made on a computer with more show than an icon: shading, patterns, light, litter."""

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.canvas import Canvas, blurred
from tools.draw_shapes.colours import BLACK, WHITE, any_colour, apart_from, blend, pale, vivid
from tools.draw_shapes.geometry import scaled, shrunk, smoothstep
from tools.draw_shapes.icons import lay_ground, line_width
from tools.draw_shapes.marks import any_mark
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.textures import any_texture, sample


def glossy(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A button with a sheen, a rim and a shadow under it."""
    ground, face = pale(rng), vivid(rng)
    lay_ground(canvas, ground, rng)
    x, y = canvas.grid
    mask = canvas.inside(shape.distance)
    _drop_shadow(canvas, shape, rng)
    canvas.paint(mask, blend(face, 0.45 * face, 0.5 - 0.6 * y))
    if rng.random() < 0.6:
        sheen = smoothstep(-0.1, 0.8, y + 0.3 * x) * canvas.inside(shrunk(shape.distance, 0.06))
        canvas.paint(0.6 * sheen, WHITE)
    canvas.paint(0.7 * canvas.line(shape.distance, 0.03), 0.4 * face)


def _drop_shadow(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """Cast a soft or a hard shadow to one side."""
    softness, reach = rng.choice([0.02, 0.12, 0.25]), rng.uniform(0.03, 0.12)
    moved = shape.placed(1, (reach * rng.choice([-1, 1]), -reach))
    canvas.paint(rng.uniform(0.3, 0.6) * canvas.inside(moved.distance, softness), BLACK)


def cartoon(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A sticker or emoji: a bold filling, a dark line round it, a light rim, a highlight."""
    ground, face = any_colour(rng), vivid(rng)
    lay_ground(canvas, ground, rng)
    line = 0.3 * face if rng.random() < 0.7 else WHITE
    width = rng.uniform(0.04, 0.14)
    _drop_shadow(canvas, shape, rng)
    canvas.paint(canvas.inside(shrunk(shape.distance, -width)), line)
    canvas.paint(canvas.inside(shape.distance), face)
    shade = shape.placed(1, (-0.08, 0.1))
    inner = canvas.inside(shape.distance) * (1 - canvas.inside(shade.distance))
    canvas.paint(0.35 * inner, BLACK)
    x, y = canvas.grid
    glint = np.exp(-(((x + 0.3) / 0.25) ** 2 + ((y - 0.3) / 0.15) ** 2))
    canvas.paint(0.6 * glint * canvas.inside(shrunk(shape.distance, 0.08)), WHITE)


def patterned(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A shape filled with stripes, checks, dots or a shift from one colour to another."""
    ground = any_colour(rng)
    canvas.fill(ground)
    first, second = apart_from(ground, rng, 0.25), apart_from(ground, rng, 0.25)
    x, y = canvas.grid
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(12, 30)
    along = np.sin(pitch * (x * np.cos(turn) + y * np.sin(turn)))
    across = np.sin(pitch * (y * np.cos(turn) - x * np.sin(turn)))
    kind = rng.choice(["stripes", "checks", "dots", "shift"])
    share = {"stripes": 3 * along, "checks": 6 * along * across,
             "dots": 4 * (along + across) - 2, "shift": x + y}[str(kind)]  # fmt: skip
    canvas.paint(canvas.inside(shape.distance), blend(first, second, share + 0.5))
    if rng.random() < 0.5:
        canvas.paint(canvas.line(shape.distance, 0.04), apart_from(ground, rng))


def on_busy_ground(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A shape over a texture with odds and ends strewn about."""
    x, y = canvas.grid
    ground = sample(any_texture(rng), 0.5 * x, 0.5 * y)
    canvas.fill(ground)
    for _ in range(int(rng.integers(0, 9))):
        mark, size = any_mark(rng), rng.uniform(0.08, 0.2)
        left, low = rng.uniform(-1, 1, 2).tolist()
        canvas.paint(canvas.inside(scaled(mark, size, left, low)), any_colour(rng))
    ink = apart_from(ground.mean(axis=(0, 1)), rng)
    if rng.random() < 0.6:
        canvas.paint(canvas.inside(shape.distance), ink)
    else:
        canvas.paint(canvas.line(shape.line_distance, max(line_width(rng), 0.08)), ink)


def glowing(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A tube of light in the dark."""
    hue, width = vivid(rng), rng.uniform(0.03, 0.08)
    night = sample(any_texture(rng), *(0.5 * axis for axis in canvas.grid))
    canvas.fill(0.25 * night if rng.random() < 0.6 else 0.08 * WHITE)
    halo = canvas.line(shape.line_distance, 2 * width)
    unit = min(canvas.width, canvas.height) / 2
    canvas.paint(0.8 * blurred(halo, 0.15 * unit), hue)
    canvas.paint(blurred(halo, 0.03 * unit), hue)
    canvas.paint(canvas.line(shape.line_distance, width), 0.4 * hue + 0.6 * WHITE)
