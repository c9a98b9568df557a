"""Solid things made from the shapes: slabs, coins, dishes, balls, boxes and pyramids."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tools.draw_shapes.geometry import Distance, FloatArray, box_distance, smoothstep
from tools.draw_shapes.marching import Paint, Solid
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.textures import sample

Profile: TypeAlias = Callable[[FloatArray], FloatArray]
"""How high a slab is, as a part of its thickness, so deep within its outline."""

CAUTION = 0.6
"""Steep profiles bring the surface nearer than the formulas say; so rays step shorter."""


def _flat(depth: FloatArray) -> FloatArray:
    return smoothstep(-0.05, 0.04, depth) * 0.12 + 0.88


def _rimmed(depth: FloatArray) -> FloatArray:
    return 1 - 0.4 * smoothstep(0.08, 0.12, depth)


def _domed(depth: FloatArray) -> FloatArray:
    rise = np.clip(depth / 0.45, 0, 1)
    return 0.25 + 0.75 * np.sqrt(rise * (2 - rise))


def _bevelled(depth: FloatArray) -> FloatArray:
    return 0.35 + 0.65 * np.clip(depth / 0.14, 0, 1)


def _dished(depth: FloatArray) -> FloatArray:
    return 0.35 + 0.65 * (1 - smoothstep(0.0, 0.35, depth))


def _stepped(depth: FloatArray) -> FloatArray:
    return 0.5 + 0.5 * smoothstep(0.16, 0.19, depth)


PROFILES: dict[str, Profile] = {
    "bevelled": _bevelled,
    "dished": _dished,
    "domed": _domed,
    "flat": _flat,
    "rimmed": _rimmed,
    "stepped": _stepped,
}


def slab(distance: Distance, thickness: float, profile: str, paint: Paint) -> Solid:
    """Raise a plane figure along z to a solid that stands on z = 0."""
    height = PROFILES[profile]

    def space_distance(points: FloatArray) -> FloatArray:
        edge = distance(points[:, 0], points[:, 1])
        over = points[:, 2] - thickness * height(np.maximum(-edge, 0))
        outside = np.hypot(np.maximum(edge, 0), np.maximum(over, 0))
        near = outside + np.minimum(np.maximum(edge, over), 0)
        return np.asarray(CAUTION * np.maximum(near, -points[:, 2]))

    return Solid(space_distance, paint)


def ball(paint: Paint) -> Solid:
    """A ball of unit radius that rests on z = 0."""
    centre = np.array([0.0, 0.0, 1.0])
    return Solid(lambda p: np.asarray(np.linalg.norm(p - centre, axis=1) - 1), paint)


def box(half: FloatArray, paint: Paint, radius: float = 0.04) -> Solid:
    """A box of the given half sizes that rests on z = 0."""

    def distance(points: FloatArray) -> FloatArray:
        gap = np.abs(points - np.array([0, 0, half[2]])) - (half - radius)
        outside = np.linalg.norm(np.maximum(gap, 0), axis=1)
        return np.asarray(outside + np.minimum(gap.max(axis=1), 0) - radius)

    return Solid(distance, paint)


def pyramid(height: float, paint: Paint) -> Solid:
    """A pyramid on a base of 2 by 2 that rests on z = 0."""
    slope = np.hypot(height, 1)

    def distance(points: FloatArray) -> FloatArray:
        reach = np.maximum(np.abs(points[:, 0]), np.abs(points[:, 1]))
        side = (height * reach + points[:, 2] - height) / slope
        return np.asarray(CAUTION * np.maximum(side, -points[:, 2]))

    return Solid(distance, paint)


def hollow(distance: Distance, width: float) -> Distance:
    """Leave only a band of the figure along its outline."""
    return lambda x, y: np.maximum(distance(x, y), -distance(x, y) - width)


def plain(colour: FloatArray) -> Paint:
    """Paint everything in one colour."""
    return lambda points: np.broadcast_to(colour, points.shape).copy()


def veneered(texture: FloatArray, scale: float) -> Paint:
    """Paint with a texture, which runs down the sides too."""

    def paint(points: FloatArray) -> FloatArray:
        across, along, up = scale * points.T
        return sample(texture, across + 0.7 * up, along + 0.9 * up)

    return paint


def bordered(shape: Shape, inner: Paint, border: FloatArray, width: float) -> Paint:
    """Paint a band of another colour along the outline."""

    def paint(points: FloatArray) -> FloatArray:
        depth = -shape.distance(points[:, 0], points[:, 1])
        return np.where((depth < width)[:, None], border, inner(points))

    return paint


def stencilled(under: Paint, figure: Distance, colour: FloatArray) -> Paint:
    """Paint a plane figure, as seen along z, over what is there."""

    def paint(points: FloatArray) -> FloatArray:
        is_inside = figure(points[:, 0], points[:, 1]) < 0
        return np.where(is_inside[:, None], colour, under(points))

    return paint


def post(half_width: float, below: float, behind: float, paint: Paint) -> Solid:
    """A post for an upright sign whose face looks along z: from y = 0 down, behind z = 0."""

    def distance(points: FloatArray) -> FloatArray:
        middle = -below / 2
        side = box_distance(points[:, 0], points[:, 2] + behind, half_width, half_width, 0.02)
        return np.maximum(side, np.abs(points[:, 1] - middle) - below / 2)

    return Solid(distance, paint)
