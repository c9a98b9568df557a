"""Where solid things are photographed: on a table, on a wall, on a pole, on the floor."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import any_colour, apart_from, luminance, rgb
from tools.draw_shapes.geometry import FloatArray, smoothstep
from tools.draw_shapes.marching import Paint, Scene, Solid, unit
from tools.draw_shapes.solids import plain, post
from tools.draw_shapes.textures import TEXTURES, any_texture, cloud_noise, grass, sample

LYING = np.eye(3)
UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""The axes of a thing that faces the camera: its x along x, its y up, its z to the camera."""


@dataclass(frozen=True)
class View:
    """How a photograph is taken: drawn once per image, the same for every class.

    Attributes:
        elevation: of the camera, in radians.
        yaw: how far the thing is turned about the vertical, in radians.
        fill: the part of the image's shorter side that the thing takes.
        focal_length: in halves of the shorter side.
        shift: (2,), how far the thing is off the centre.
    """

    elevation: float
    yaw: float
    fill: float
    focal_length: float
    shift: FloatArray


def any_view(rng: Generator, lowest: float, highest: float, yaw: float) -> View:
    """Draw a view, with the elevation between two angles in degrees."""
    fill = rng.uniform(0.5, 0.9)
    return View(
        elevation=float(np.radians(rng.uniform(lowest, highest))),
        yaw=float(np.radians(rng.uniform(-yaw, yaw))),
        fill=fill,
        focal_length=rng.uniform(2.2, 5),
        shift=rng.uniform(-1, 1, 2) * (0.95 - fill) * 0.8,
    )


def turned(axes: FloatArray, yaw: float) -> FloatArray:
    """Turn axes about the vertical."""
    cosine, sine = np.cos(yaw), np.sin(yaw)
    return np.asarray(axes @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]))


def any_sun(rng: Generator) -> FloatArray:
    """Draw the direction to the sun, from the left or the right, before or behind."""
    bearing, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.8)
    return unit(np.array([np.cos(bearing), 0.7 * np.sin(bearing) - 0.3, height]))


def textured_ground(texture: FloatArray, scale: float) -> Paint:
    """Lay a texture on the ground."""
    return lambda points: sample(texture, scale * points[:, 0], scale * points[:, 1])


def room(rng: Generator) -> Paint:
    """Dim surroundings: a wall that gets lighter upwards, with a window mirrored in gloss."""
    low, high = 0.5 * any_colour(rng), 0.4 + 0.5 * any_colour(rng)

    def sky(rays: FloatArray) -> FloatArray:
        share = smoothstep(-0.2, 0.8, rays[:, 2])[:, None]
        return np.asarray(np.clip(low + (high - low) * share, 0, 1))

    return sky


def outdoors(rng: Generator) -> Paint:
    """A sky, clear or clouded, over a line of trees, of houses or of nothing."""
    zenith = rgb(rng.uniform(0.55, 0.62), rng.uniform(0.05, 0.7), rng.uniform(0.6, 1))
    horizon = rgb(rng.uniform(0.5, 0.65), rng.uniform(0, 0.2), rng.uniform(0.8, 1))
    clouds = np.repeat(cloud_noise(rng, 1.5, 2)[..., None], 3, axis=2)
    leaves, skyline = grass(rng), cloud_noise(rng, 1.1)[0]
    tallest, darkness = rng.choice([0.0, 0.15, 0.3, 0.6]), rng.uniform(0.3, 0.9)
    overcast = rng.uniform(0, 1)

    def sky(rays: FloatArray) -> FloatArray:
        bearing, up = np.arctan2(rays[:, 0], rays[:, 1]), rays[:, 2]
        colour = horizon + (zenith - horizon) * smoothstep(0.0, 0.5, up)[:, None]
        cloud = sample(clouds, bearing, 1.5 * up)
        colour = colour + (1 - colour) * overcast * smoothstep(0.45, 0.75, cloud)
        tops = tallest * (0.4 + 0.6 * np.interp(bearing * 80 % 256, np.arange(256), skyline))
        foliage = darkness * sample(leaves, 2 * bearing, 3 * up)
        return np.asarray(np.where((up < tops)[:, None], foliage, np.clip(colour, 0, 1)))

    return sky


def on_table(solid: Solid, view: View, rng: Generator, lift: float = 0.0) -> Scene:
    """Lay a thing down and look at it from above.

    Args:
        solid: it stands on z = 0 and is about one unit wide to either side.
        view: the camera.
        rng: draws the table and the light.
        lift: the height of the point to look at.
    """
    texture = _contrasting_texture(solid, rng)
    target = np.array([*view.shift / view.fill, lift])
    return Scene(
        solid=solid.moved(turned(LYING, view.yaw), np.zeros(3)),
        ground=textured_ground(texture, rng.uniform(0.15, 0.4)),
        ground_height=0.0,
        sky=room(rng),
        camera=_camera(view, target),
        target=target,
        focal_length=view.focal_length,
        sun=any_sun(rng),
        ambient=rng.uniform(0.25, 0.6),
        gloss=float(rng.choice([0.0, 0.2, 0.6])),
    )


def _contrasting_texture(solid: Solid, rng: Generator) -> FloatArray:
    """Draw three textures and give the one whose brightness is farthest from the thing's."""
    places = np.array([[x, y, 0.3] for x in (-0.6, -0.3, 0, 0.3, 0.6) for y in (-0.6, 0, 0.6)])
    tone = luminance(solid.colour(places).mean(axis=0))
    textures = [any_texture(rng) for _ in range(3)]
    return max(textures, key=lambda each: abs(luminance(each.mean(axis=(0, 1))) - tone))


def _camera(view: View, target: FloatArray) -> FloatArray:
    away = view.focal_length / view.fill
    return target + away * np.array([0, -np.cos(view.elevation), np.sin(view.elevation)])


def on_pole(sign: Solid, view: View, rng: Generator) -> Scene:
    """Put a sign up on a pole out of doors and look at it from in front.

    Args:
        sign: its face looks along z, its middle is the origin.
        view: the camera, with an elevation about 0.
        rng: draws the pole, the ground and the sky.
    """
    grey = rgb(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.2, 0.8))
    has_pole = rng.random() < 0.75
    pole = post(rng.uniform(0.03, 0.08), 4.0, 0.1, plain(grey))
    solid = sign.joined(pole) if has_pole else sign
    target = np.array([view.shift[0], 0, view.shift[1]]) / view.fill
    lawn = TEXTURES[str(rng.choice(["grass", "asphalt", "brick"]))](rng)
    return Scene(
        solid=solid.moved(turned(UPRIGHT, view.yaw), np.zeros(3)),
        ground=textured_ground(lawn, 0.15),
        ground_height=-rng.uniform(1.6, 3.5),
        sky=outdoors(rng),
        camera=_camera(view, target),
        target=target,
        focal_length=view.focal_length,
        sun=unit(any_sun(rng) - np.array([0, 0.9, 0])),
        ambient=rng.uniform(0.35, 0.7),
        gloss=float(rng.choice([0.0, 0.25])),
    )


def surface(rng: Generator) -> tuple[FloatArray, FloatArray]:
    """Draw a colour for a thing and another that stands apart from it."""
    first = any_colour(rng)
    return first, apart_from(first, rng, 0.3)
