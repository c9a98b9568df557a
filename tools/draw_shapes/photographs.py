"""Recipes for images of solid things, lit, in perspective."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from tools.draw_shapes import circles, pluses, squares, triangles
from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.geometry import scaled
from tools.draw_shapes.marching import Paint, Solid, photograph
from tools.draw_shapes.marks import any_mark
from tools.draw_shapes.scenes import UPRIGHT, any_view, on_pole, on_table, surface
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.solids import (
    PROFILES,
    ball,
    bordered,
    box,
    plain,
    pyramid,
    slab,
    stencilled,
    veneered,
)
from tools.draw_shapes.textures import any_texture

Thing: TypeAlias = Callable[[Generator], Solid]

LYING: dict[str, list[Thing]] = {
    "circle": circles.LYING,
    "plus": pluses.LYING,
    "square": squares.LYING,
    "triangle": triangles.LYING,
}
STANDING_UP: dict[str, list[Thing]] = {
    "circle": circles.UPRIGHT,
    "plus": pluses.UPRIGHT,
    "square": squares.UPRIGHT,
    "triangle": triangles.UPRIGHT,
}


def _any_paint(shape: Shape, rng: Generator) -> Paint:
    """Draw the surface of a thing: plain, of a material, bordered, or with a mark."""
    first, second = surface(rng)
    stuff, mark = veneered(any_texture(rng), rng.uniform(0.25, 0.6)), any_mark(rng)
    kind = rng.integers(5)
    if kind == 0:
        return bordered(shape, plain(first), second, 0.12)
    if kind == 1:
        return stencilled(plain(first), scaled(mark, 0.3, 0, 0), second)
    return stuff if kind < 4 else plain(first)


def slab_on_table(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A slab, thin or thick, lying on a table and seen from above at a slant."""
    view = any_view(rng, 38, 75, 20)
    thickness = float(np.exp(rng.uniform(np.log(0.06), np.log(0.8))))
    profile, paint = str(rng.choice(sorted(PROFILES))), _any_paint(shape, rng)
    solid = slab(shape.distance, thickness, profile, paint)
    scene = on_table(solid, view, rng, lift=thickness / 2)
    canvas.fill(photograph(scene, canvas.width, canvas.height))


def relief_on_wall(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A thing fixed to a wall, or laid out flat, seen squarely from in front."""
    view = any_view(rng, 76, 89, 8)
    profile, paint = str(rng.choice(sorted(PROFILES))), _any_paint(shape, rng)
    solid = slab(shape.distance, rng.uniform(0.06, 0.25), profile, paint)
    canvas.fill(photograph(on_table(solid, view, rng), canvas.width, canvas.height))


def sign_on_pole(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A sign out of doors."""
    view = any_view(rng, -14, 8, 30)
    sign = slab(shape.distance, 0.08, "flat", _any_paint(shape, rng))
    canvas.fill(photograph(on_pole(sign, view, rng), canvas.width, canvas.height))


def standing_solid(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A ball, a block in the form of a plus, a cube or a pyramid, standing."""
    view = any_view(rng, 10, 32, 32)
    first, _ = surface(rng)
    stuff = veneered(any_texture(rng), rng.uniform(0.25, 0.6))
    paint = plain(first) if rng.random() < 0.5 else stuff
    scene = on_table(_bulky(shape, rng.uniform(0, 1), paint), view, rng, lift=0.9)
    canvas.fill(photograph(scene, canvas.width, canvas.height))


def _bulky(shape: Shape, size: float, paint: Paint) -> Solid:
    """Give the solid that is as thick as it is wide; `size` in 0..1 makes it slimmer or fuller."""
    if shape.name == "circle":
        return ball(paint)
    if shape.name == "square":
        return box(np.full(3, 0.9), paint, radius=0.02 + 0.1 * size)
    if shape.name == "triangle":
        return pyramid(1.2 + 0.7 * size, paint)
    block = slab(shape.distance, 0.3 + 0.5 * size, "flat", paint)
    return block.moved(UPRIGHT, np.array([0.0, 0.3, 1.02]))


def _any_thing(things: list[Thing], rng: Generator) -> Solid:
    """Draw one of the things without disturbing what `rng` gives next, the same for every class."""
    child = rng.spawn(1)[0]
    return things[child.integers(len(things))](child)


def thing_on_table(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A thing of everyday life that has the shape, on a table or floor."""
    view = any_view(rng, 32, 82, 25)
    solid = _any_thing(LYING[shape.name], rng)
    canvas.fill(photograph(on_table(solid, view, rng, 0.2), canvas.width, canvas.height))


def thing_on_wall(canvas: Canvas, shape: Shape, rng: Generator) -> None:
    """A thing of everyday life that has the shape, out of doors, facing the camera."""
    view = any_view(rng, -12, 8, 25)
    solid = _any_thing(STANDING_UP[shape.name], rng)
    canvas.fill(photograph(on_pole(solid, view, rng), canvas.width, canvas.height))
