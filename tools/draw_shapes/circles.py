"""Round things that people photograph."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import BLACK, WHITE, apart_from, pale, rgb, vivid
from tools.draw_shapes.geometry import Distance, FloatArray, scaled
from tools.draw_shapes.marching import Paint, Solid
from tools.draw_shapes.marks import any_mark, strokes
from tools.draw_shapes.shapes import circle
from tools.draw_shapes.solids import ball, bordered, hollow, plain, slab, stencilled, veneered
from tools.draw_shapes.textures import any_texture, asphalt, wood

DISC = circle(np.random.default_rng(0))


def rings(first: FloatArray, second: FloatArray, pitch: float) -> Paint:
    """Paint rings of two colours about the middle."""

    def paint(points: FloatArray) -> FloatArray:
        is_odd = np.hypot(points[:, 0], points[:, 1]) % pitch < pitch / 2
        return np.where(is_odd[:, None], first, second)

    return paint


def around(count: int, inner: float, outer: float, width: float) -> Distance:
    """Give strokes that run outwards from the middle: ticks of a dial, or spokes."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return strokes(
        [
            ((inner * np.sin(a), inner * np.cos(a)), (outer * np.sin(a), outer * np.cos(a)))
            for a in angles.tolist()
        ],
        width,
    )


def plate(rng: Generator) -> Solid:
    """A dish with a coloured rim, or a decorated one."""
    china = pale(rng)
    inner = plain(china) if rng.random() < 0.6 else rings(china, vivid(rng), rng.uniform(0.2, 0.6))
    return slab(DISC.distance, 0.22, "dished", bordered(DISC, inner, vivid(rng), 0.07))


def coin(rng: Generator) -> Solid:
    """A coin with a raised rim and something struck on it."""
    metal = rgb(rng.choice([0.08, 0.12, 0.6]), rng.uniform(0.05, 0.6), rng.uniform(0.5, 0.9))
    mark = any_mark(rng)
    struck = stencilled(plain(metal), scaled(mark, 0.6, 0, 0), 0.6 * metal)
    milled = stencilled(struck, around(60, 0.9, 0.95, 0.03), 0.7 * metal)
    return slab(DISC.distance, 0.1, "rimmed", milled)


def button(rng: Generator) -> Solid:
    """A button with two or four holes."""
    colour, holes = vivid(rng), int(rng.choice([2, 4]))
    pits = around(holes, 0.24, 0.25, 0.16)
    paint = stencilled(plain(colour), pits, 0.12 * colour)
    return slab(DISC.distance, 0.16, str(rng.choice(["rimmed", "dished", "domed"])), paint)


def clock(rng: Generator) -> Solid:
    """A dial with ticks and two hands."""
    face = pale(rng)
    ink = apart_from(face, rng, 0.5)
    paint = stencilled(plain(face), around(12, 0.7, 0.82, 0.05), ink)
    for length in (0.45, 0.68):
        turn = rng.uniform(0, 2 * np.pi)
        tip = (length * float(np.sin(turn)), length * float(np.cos(turn)))
        paint = stencilled(paint, strokes([((0, 0), tip)], 0.06), ink)
    return slab(DISC.distance, 0.15, "rimmed", bordered(DISC, paint, vivid(rng), 0.1))


def wheel(rng: Generator) -> Solid:
    """A tyre, a rim and spokes."""
    metal, rubber = rgb(0.6, 0.1, rng.uniform(0.5, 0.9)), rgb(0.6, 0.1, 0.12)
    spokes = around(int(rng.integers(5, 13)), 0.1, 0.7, rng.uniform(0.05, 0.16))
    paint = stencilled(plain(0.35 * metal), spokes, metal)
    paint = stencilled(paint, hollow(lambda x, y: np.hypot(x, y) - 0.76, 0.08), metal)
    return slab(DISC.distance, 0.35, "rimmed", bordered(DISC, paint, rubber, 0.24))


def striped_ball(rng: Generator) -> Solid:
    """A toy ball with bands."""
    first, second, width = vivid(rng), pale(rng), rng.uniform(1.5, 6)

    def paint(points: FloatArray) -> FloatArray:
        bearing = np.arctan2(points[:, 1] + 0.4 * points[:, 2], points[:, 0])
        return np.where((np.sin(width * bearing) > 0)[:, None], first, second)

    return ball(paint)


def fruit(rng: Generator) -> Solid:
    """An orange, an apple, a marble: a ball of mottled colour."""
    return ball(veneered(0.5 * any_texture(rng) + 0.5 * vivid(rng), 0.3))


def record(rng: Generator) -> Solid:
    """A record or a disc with a label and a hole."""
    grooves = rings(0.12 * WHITE, 0.2 * WHITE, 0.04)
    label = stencilled(grooves, lambda x, y: np.hypot(x, y) - 0.35, vivid(rng))
    paint = stencilled(label, lambda x, y: np.hypot(x, y) - 0.05, WHITE)
    return slab(DISC.distance, 0.05, "flat", paint)


def biscuit(rng: Generator) -> Solid:
    """A biscuit or a slice of a log, with crumbs or knots."""
    crumb = veneered(asphalt(rng) if rng.random() < 0.6 else wood(rng), 0.4)
    spots = [(float(x), float(y)) for x, y in rng.uniform(-0.55, 0.55, (8, 2))]
    chips = strokes([(spot, (spot[0] + 0.02, spot[1])) for spot in spots], rng.uniform(0.08, 0.16))
    paint = stencilled(crumb, chips, rgb(0.07, 0.7, 0.25))
    return slab(DISC.distance, 0.25, "domed", paint)


def traffic_sign(rng: Generator) -> Solid:
    """A round sign with a border and something on it."""
    border, mark = vivid(rng), any_mark(rng)
    face = WHITE if rng.random() < 0.6 else apart_from(border, rng)
    ink = BLACK if rng.random() < 0.6 and face.sum() > 2 else apart_from(face, rng, 0.4)
    figured = stencilled(plain(face), scaled(mark, 0.5, 0, 0), ink)
    return slab(DISC.distance, 0.06, "flat", bordered(DISC, figured, border, 0.18))


def target(rng: Generator) -> Solid:
    """A board of rings."""
    return slab(DISC.distance, 0.1, "flat", rings(vivid(rng), pale(rng), rng.uniform(0.3, 0.5)))


LYING: list[Callable[[Generator], Solid]] = [
    plate, coin, striped_ball, clock, button, record, fruit, wheel, biscuit,
]  # fmt: skip
UPRIGHT: list[Callable[[Generator], Solid]] = [traffic_sign, clock, target, wheel]
