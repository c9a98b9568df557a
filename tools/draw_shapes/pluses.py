"""Plus-shaped things that people photograph."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import WHITE, any_colour, apart_from, pale, rgb, vivid
from tools.draw_shapes.geometry import FloatArray, box_distance, scaled
from tools.draw_shapes.marching import Solid
from tools.draw_shapes.marks import any_mark, strokes
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.solids import bordered, box, hollow, plain, slab, stencilled, veneered
from tools.draw_shapes.textures import any_texture, asphalt, plaster, wood


def _plus(half_arm: float, radius: float = 0.0) -> Shape:
    def distance(x: FloatArray, y: FloatArray) -> FloatArray:
        lying = box_distance(x, y, 1, half_arm, radius)
        return np.minimum(lying, box_distance(x, y, half_arm, 1, radius))

    return Shape("plus", distance, ())


def crossed_boards(rng: Generator) -> Solid:
    """Two boards, or two bands, one laid across the other."""
    half_arm, thickness = rng.uniform(0.12, 0.3), rng.uniform(0.06, 0.14)
    under = box(np.array([1, half_arm, thickness]), veneered(wood(rng), 0.5), 0.01)
    paint = veneered(wood(rng), 0.5) if rng.random() < 0.6 else plain(any_colour(rng))
    over = box(np.array([half_arm, 1, thickness]), paint, 0.01)
    return under.joined(over.moved(np.eye(3), np.array([0, 0, 0.6 * thickness])))


def plasters(rng: Generator) -> Solid:
    """Two sticking plasters, or strips of tape, across each other."""
    shape, skin = _plus(0.26, 0.25), rgb(rng.uniform(0.02, 0.12), rng.uniform(0.2, 0.6), 0.9)
    pad = stencilled(plain(skin), lambda x, y: box_distance(x, y, 0.26, 0.26), 0.85 * skin)
    holes = strokes([((x, 0.0), (x + 0.01, 0.0)) for x in (-0.8, -0.5, 0.5, 0.8)], 0.06)
    return slab(shape.distance, 0.05, "flat", stencilled(pad, holes, 0.6 * skin))


def wrench(rng: Generator) -> Solid:
    """A wheel wrench, a pipe crossing: thin rods of metal."""
    metal = rgb(0.6, rng.uniform(0, 0.2), rng.uniform(0.4, 0.9))
    half_arm = rng.uniform(0.08, 0.16)
    return slab(_plus(half_arm, half_arm).distance, 2 * half_arm, "domed", plain(metal))


def first_aid(rng: Generator) -> Solid:
    """A cross raised on the lid of a first-aid box; the lid is cut by the edge of the image."""
    cross = vivid(rng) if rng.random() < 0.4 else rgb(0.0, 0.9, rng.uniform(0.6, 0.9))
    face = WHITE if rng.random() < 0.6 else apart_from(cross, rng)
    lid = box(np.array([1.7, 1.7, 0.1]), plain(face), 0.05)
    emblem = slab(_plus(rng.uniform(0.28, 0.38)).distance, 0.1, "flat", plain(cross))
    return lid.joined(emblem.moved(np.eye(3), np.array([0, 0, 0.2])))


def button_pad(rng: Generator) -> Solid:
    """The pad of a game, with an arrow on each arm."""
    body, shape = any_colour(rng), _plus(0.36, 0.08)
    tips = [
        ((0.0, 0.75), (0.0, 0.8)),
        ((0.0, -0.75), (0.0, -0.8)),
        ((0.75, 0.0), (0.8, 0.0)),
        ((-0.75, 0.0), (-0.8, 0.0)),
    ]
    paint = stencilled(plain(body), strokes(tips, 0.2), apart_from(body, rng))
    return slab(shape.distance, 0.3, str(rng.choice(["bevelled", "domed"])), paint)


def biscuit(rng: Generator) -> Solid:
    """A biscuit, a piece of soap or of a toy, swollen."""
    crumb = veneered(0.6 * asphalt(rng) + 0.4 * vivid(rng), 0.4)
    return slab(_plus(rng.uniform(0.28, 0.42), 0.15).distance, 0.3, "domed", crumb)


def block(rng: Generator) -> Solid:
    """A block of a building set, with studs painted on it."""
    colour, shape = vivid(rng), _plus(0.33)
    places = [(0.0, 0.0), (0.66, 0.0), (-0.66, 0.0), (0.0, 0.66), (0.0, -0.66)]
    studs = strokes([(place, (place[0] + 0.01, place[1])) for place in places], 0.36)
    rims = hollow(studs, 0.05)
    paint = stencilled(stencilled(plain(colour), studs, 0.9 * colour), rims, 0.6 * colour)
    return slab(shape.distance, rng.uniform(0.3, 0.6), "flat", paint)


def tile(rng: Generator) -> Solid:
    """A glazed tile, perhaps with a figure in the middle."""
    shape, mark = _plus(rng.uniform(0.3, 0.42)), any_mark(rng)
    glaze = any_colour(rng)
    paint = veneered(any_texture(rng), 0.4) if rng.random() < 0.4 else plain(glaze)
    if rng.random() < 0.5:
        paint = stencilled(paint, scaled(mark, 0.25, 0, 0), apart_from(glaze, rng))
    return slab(shape.distance, 0.14, "bevelled", paint)


def key(rng: Generator) -> Solid:
    """The sign on a key of a calculator, near enough that the key fills the image."""
    cap = any_colour(rng)
    sign = slab(
        _plus(rng.uniform(0.12, 0.22), 0.05).distance,
        0.03,
        "flat",
        plain(apart_from(cap, rng, 0.4)),
    )
    body = box(np.array([1.5, 1.5, 0.3]), plain(cap), 0.15)
    return body.joined(sign.moved(np.eye(3), np.array([0, 0, 0.58])))


def chemist_sign(rng: Generator) -> Solid:
    """The cross of a chemist's or a hospital: bands of light, one within the other."""
    shape, light, body = _plus(rng.uniform(0.3, 0.4)), vivid(rng), pale(rng)
    lamps = stencilled(plain(light), lambda x, y: shape.distance(x, y) + 0.16, body)
    return slab(shape.distance, 0.2, "flat", bordered(shape, lamps, body, 0.06))


def stone_cross(rng: Generator) -> Solid:
    """A cross of stone or of painted wood."""
    stuff = asphalt(rng) if rng.random() < 0.5 else plaster(rng)
    return slab(
        _plus(rng.uniform(0.15, 0.32)).distance,
        rng.uniform(0.15, 0.4),
        "flat",
        veneered(stuff, 0.4),
    )


def emblem_sign(rng: Generator) -> Solid:
    """A sign in the form of a plus, with a border."""
    shape = _plus(rng.uniform(0.3, 0.4), 0.04)
    border = vivid(rng)
    return slab(
        shape.distance, 0.06, "flat", bordered(shape, plain(apart_from(border, rng)), border, 0.08)
    )


LYING: list[Callable[[Generator], Solid]] = [
    crossed_boards, wrench, first_aid, button_pad, key, plasters, block, biscuit, tile,
]  # fmt: skip
UPRIGHT: list[Callable[[Generator], Solid]] = [chemist_sign, stone_cross, emblem_sign, chemist_sign]
