"""Photographs of solid things: rays marched through a field of distances.

A ray may always step as far as the nearest surface is away, so it needs a few dozen steps to reach
a surface, and the same field gives the direction of the surface and the shadow on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tools.draw_shapes.geometry import FloatArray, pixel_grid

SpaceDistance: TypeAlias = Callable[[FloatArray], FloatArray]
"""Signed distances (n,) of points (n, 3)."""
Paint: TypeAlias = Callable[[FloatArray], FloatArray]
"""Colours (n, 3) of points or of directions (n, 3)."""

REACH = 40.0
HIT = 2e-3
STEPS = 70
SUPERSAMPLING = 2
DARKEST = 0.12
"""No material is quite black: even soot shows its shape."""


@dataclass(frozen=True)
class Solid:
    """A thing: where its surface is, and what colour each point of it has."""

    distance: SpaceDistance
    colour: Paint

    def joined(self, other: "Solid") -> "Solid":
        """Give both things as one."""

        def colour(points: FloatArray) -> FloatArray:
            is_first = self.distance(points) < other.distance(points)
            return np.where(is_first[:, None], self.colour(points), other.colour(points))

        return Solid(lambda p: np.minimum(self.distance(p), other.distance(p)), colour)

    def moved(self, axes: FloatArray, offset: FloatArray) -> "Solid":
        """Give the same thing in another pose.

        Args:
            axes: (3, 3), whose rows are the thing's own axes in the world.
            offset: (3,), where the thing's origin goes.
        """

        def local(points: FloatArray) -> FloatArray:
            return (points - offset) @ axes.T

        return Solid(lambda p: self.distance(local(p)), lambda p: self.colour(local(p)))


@dataclass(frozen=True)
class Scene:
    """A thing on a level ground under a sky, seen by a camera.

    Attributes:
        solid: the thing.
        ground: colour of the points of the ground.
        ground_height: where the ground is along z.
        sky: colour of the directions that meet nothing.
        camera: (3,), where the camera is.
        target: (3,), the point in the middle of the image.
        focal_length: in halves of the shorter side of the image.
        sun: (3,), the direction to the sun, of unit length.
        ambient: the part of the light that comes from everywhere.
        gloss: how strongly the thing mirrors the sun, in 0..1.
    """

    solid: Solid
    ground: Paint
    ground_height: float
    sky: Paint
    camera: FloatArray
    target: FloatArray
    focal_length: float
    sun: FloatArray
    ambient: float
    gloss: float


def unit(vectors: FloatArray) -> FloatArray:
    """Scale vectors to length 1 along the last axis."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def photograph(scene: Scene, width: int, height: int) -> FloatArray:
    """Render a scene.

    Returns:
        (height, width, 3), in 0..1.
    """
    wide, high = width * SUPERSAMPLING, height * SUPERSAMPLING
    rays = _rays(scene, wide, high)
    light = _trace(scene, rays).reshape(height, SUPERSAMPLING, width, SUPERSAMPLING, 3)
    return np.asarray(np.clip(light.mean(axis=(1, 3)), 0, 1) ** (1 / 2.2))


def _rays(scene: Scene, width: int, height: int) -> FloatArray:
    """Give the direction of the ray of every pixel, (height * width, 3)."""
    x, y = pixel_grid(width, height)
    forward = unit(scene.target - scene.camera)
    # Straight down there is no horizon to be level with; the tiny y keeps north up.
    right = unit(np.cross(forward, np.array([0.0, 1e-6, 1.0])))
    up = np.cross(right, forward)
    rays = scene.focal_length * forward + x[..., None] * right + y[..., None] * up
    return unit(rays.reshape(-1, 3))


def _trace(scene: Scene, rays: FloatArray) -> FloatArray:
    """Give the light, in linear units, that comes back along each ray."""
    origin = np.broadcast_to(scene.camera, rays.shape)
    to_solid = march(scene.solid.distance, origin, rays)
    fall = np.where(rays[:, 2] < -1e-6, rays[:, 2], -1e-6)
    to_ground = (scene.ground_height - scene.camera[2]) / fall
    is_solid = to_solid < np.minimum(to_ground, REACH)
    is_ground = ~is_solid & (to_ground < REACH)
    light = scene.sky(rays) ** 2.2
    light[is_solid] = _lit_solid(scene, rays[is_solid], to_solid[is_solid])
    light[is_ground] = _lit_ground(scene, rays[is_ground], to_ground[is_ground], light[is_ground])
    return light


def march(distance: SpaceDistance, origin: FloatArray, rays: FloatArray) -> FloatArray:
    """Give how far along each ray the surface is; infinite where there is none."""
    travelled = np.zeros(len(rays))
    found = np.full(len(rays), np.inf)
    active = np.arange(len(rays))
    for _ in range(STEPS):
        gap = distance(origin[active] + travelled[active, None] * rays[active])
        is_hit = gap < HIT
        found[active[is_hit]] = travelled[active[is_hit]]
        travelled[active] += gap
        active = active[~is_hit & (travelled[active] < REACH)]
    return found


def _shadow(scene: Scene, points: FloatArray) -> FloatArray:
    """Give how much of the sun each point sees, with a soft edge."""
    seen = np.ones(len(points))
    travelled = np.full(len(points), 0.03)
    active = np.arange(len(points))
    for _ in range(40):
        gap = scene.solid.distance(points[active] + travelled[active, None] * scene.sun)
        seen[active] = np.minimum(seen[active], np.clip(14 * gap / travelled[active], 0, 1))
        travelled[active] += np.maximum(gap, 0.02)
        active = active[(seen[active] > 0.01) & (travelled[active] < 8)]
    return seen


def _normals(distance: SpaceDistance, points: FloatArray) -> FloatArray:
    steps = 1e-3 * np.eye(3)
    slopes = [distance(points + step) - distance(points - step) for step in steps]
    return unit(np.stack(slopes, axis=1) + 1e-9)


def _lit_solid(scene: Scene, rays: FloatArray, depth: FloatArray) -> FloatArray:
    points = scene.camera + depth[:, None] * rays
    normals = _normals(scene.solid.distance, points)
    facing = np.clip(normals @ scene.sun, 0, 1)
    sunlight = facing * _shadow(scene, points + 0.01 * normals)
    room = np.clip(scene.solid.distance(points + 0.15 * normals) / 0.15, 0.3, 1)
    skylight = scene.ambient * room * (0.65 + 0.35 * normals[:, 2])
    halfway = unit(scene.sun - rays)
    glint = scene.gloss * np.clip(np.sum(normals * halfway, axis=1), 0, 1) ** 40 * sunlight
    mirrored = rays - 2 * np.sum(rays * normals, axis=1)[:, None] * normals
    grazing = (1 - np.clip(-np.sum(rays * normals, axis=1), 0, 1)) ** 4
    share = (scene.gloss * (0.12 + 0.5 * grazing))[:, None]
    albedo = np.maximum(scene.solid.colour(points), DARKEST) ** 2.2
    body = albedo * (skylight + (1 - scene.ambient) * 1.3 * sunlight)[:, None]
    return np.asarray(body * (1 - share) + share * scene.sky(mirrored) ** 2.2 + glint[:, None])


def _lit_ground(
    scene: Scene, rays: FloatArray, depth: FloatArray, behind: FloatArray
) -> FloatArray:
    points = scene.camera + depth[:, None] * rays
    room = np.clip(0.35 + 1.6 * scene.solid.distance(points), 0.35, 1)
    sunlight = scene.sun[2] * _shadow(scene, points)
    light = scene.ambient * room + (1 - scene.ambient) * 1.3 * sunlight
    haze = np.clip((depth - 14) / (REACH - 14), 0, 1)[:, None]
    return np.asarray(scene.ground(points) ** 2.2 * light[:, None] * (1 - haze) + haze * behind)
