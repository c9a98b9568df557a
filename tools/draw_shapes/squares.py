"""Square things that people photograph."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import BLACK, WHITE, any_colour, apart_from, pale, rgb, vivid
from tools.draw_shapes.geometry import Distance, FloatArray, box_distance, scaled
from tools.draw_shapes.marching import Paint, Solid
from tools.draw_shapes.marks import any_mark, strokes
from tools.draw_shapes.shapes import Shape
from tools.draw_shapes.solids import bordered, box, plain, slab, stencilled, veneered
from tools.draw_shapes.textures import any_texture, asphalt, wood


def _square(radius: float = 0.0) -> Shape:
    return Shape("square", lambda x, y: box_distance(x, y, 0.9, 0.9, radius), ())


def bars(panes: int, width: float) -> Distance:
    """Give the bars between so many panes each way."""

    def distance(x: FloatArray, y: FloatArray) -> FloatArray:
        pitch = 1.8 / panes
        across = np.abs((x + 0.9) % pitch - pitch / 2)
        along = np.abs((y + 0.9) % pitch - pitch / 2)
        return np.asarray(pitch / 2 - np.maximum(across, along) - width / 2)

    return distance


def tile(rng: Generator) -> Solid:
    """A glazed tile, plain or with a figure."""
    glaze = any_colour(rng)
    shape, mark = _square(), any_mark(rng)
    paint = veneered(any_texture(rng), 0.4) if rng.random() < 0.4 else plain(glaze)
    if rng.random() < 0.5:
        paint = stencilled(paint, scaled(mark, 0.5, 0, 0), apart_from(glaze, rng))
    return slab(shape.distance, 0.14, "bevelled", paint)


def note(rng: Generator) -> Solid:
    """A sticky note with a few lines of writing."""
    sheet = rgb(rng.choice([0.15, 0.3, 0.55, 0.9]), rng.uniform(0.3, 0.7), 1)
    ends = rng.uniform(0.1, 0.6, 4)
    lines = [
        ((-0.6, 0.5 - 0.3 * row), (float(end), 0.5 - 0.3 * row)) for row, end in enumerate(ends)
    ]
    return slab(
        _square().distance,
        0.03,
        "flat",
        stencilled(plain(sheet), strokes(lines, 0.05), 0.3 * sheet),
    )


def die(rng: Generator) -> Solid:
    """A die with as many pips on each side as it likes."""
    body, count = any_colour(rng), int(rng.integers(1, 5))
    ink = apart_from(body, rng, 0.45)
    places = [(-0.45, -0.45), (0.45, 0.45), (-0.45, 0.45), (0.45, -0.45)][:count]
    pips = strokes([(place, (place[0] + 0.01, place[1])) for place in places], 0.34)

    def paint(points: FloatArray) -> FloatArray:
        across, along, up = points[:, 0], points[:, 1], points[:, 2] - 0.85
        top = np.stack([across, along], 1) * (np.abs(up) > 0.83)[:, None]
        front = np.stack([across, up], 1) * (np.abs(along) > 0.83)[:, None]
        side = np.stack([along, up], 1) * (np.abs(across) > 0.83)[:, None]
        face = top + front + side
        return np.where((pips(face[:, 0], face[:, 1]) < 0)[:, None], ink, body)

    return box(np.full(3, 0.85), paint, radius=0.12)


def carton(rng: Generator) -> Solid:
    """A box of card, wood or stuff, with or without a band of tape."""
    paint = veneered(any_texture(rng), 0.3)
    if rng.random() < 0.5:
        paint = stencilled(paint, lambda x, y: np.abs(x) - 0.1, vivid(rng))
    half = np.array([0.88, 0.88, rng.uniform(0.3, 0.88)])
    return box(half, paint, radius=0.03)


def painting(rng: Generator) -> Solid:
    """A painting, or a mirror, in a frame."""
    shape, view = _square(), veneered(any_texture(rng), rng.uniform(0.1, 0.5))
    mounted = bordered(shape, view, pale(rng), rng.uniform(0.2, 0.4))
    frame = veneered(wood(rng), 0.5) if rng.random() < 0.5 else plain(any_colour(rng))

    def paint(points: FloatArray) -> FloatArray:
        is_frame = -shape.distance(points[:, 0], points[:, 1]) < 0.12
        return np.where(is_frame[:, None], frame(points), mounted(points))

    return slab(shape.distance, 0.14, "rimmed", paint)


def cushion(rng: Generator) -> Solid:
    """A cushion, a sweet or a cap of a keyboard."""
    shape = _square(radius=0.2)
    return slab(shape.distance, rng.uniform(0.2, 0.5), "domed", veneered(any_texture(rng), 0.3))


def key(rng: Generator) -> Solid:
    """A key with a letter."""
    cap, mark = any_colour(rng), any_mark(rng)
    ink = apart_from(cap, rng, 0.45)
    paint = stencilled(plain(cap), scaled(mark, 0.35, 0, 0), ink)
    return slab(_square(radius=0.15).distance, 0.4, "bevelled", paint)


def cracker(rng: Generator) -> Solid:
    """A cracker or a piece of a game with rows of pits."""
    pits = strokes([((x, y), (x + 0.01, y)) for x in (-0.5, 0, 0.5) for y in (-0.5, 0, 0.5)], 0.1)
    paint = stencilled(veneered(asphalt(rng), 0.4), pits, 0.2 * WHITE)
    return slab(_square(radius=0.08).distance, 0.12, "flat", paint)


def screen(rng: Generator) -> Solid:
    """A lit screen in a dark rim."""
    glow = _window_light(rng)
    shape = _square(radius=float(rng.choice([0.0, 0.1])))
    rim = BLACK + rng.uniform(0, 0.2)
    return slab(shape.distance, 0.1, "flat", bordered(shape, glow, rim, rng.uniform(0.06, 0.16)))


def _window_light(rng: Generator) -> Paint:
    low, high = any_colour(rng), pale(rng)

    def paint(points: FloatArray) -> FloatArray:
        share = np.clip(0.5 + 0.4 * points[:, 0] + 0.5 * points[:, 1], 0, 1)[:, None]
        return low + (high - low) * share

    return paint


def window(rng: Generator) -> Solid:
    """A window with one to three panes each way."""
    frame, shape = any_colour(rng), _square()
    sash = stencilled(_window_light(rng), bars(int(rng.integers(1, 4)), 0.08), frame)
    return slab(shape.distance, 0.15, "rimmed", bordered(shape, sash, frame, 0.12))


def traffic_sign(rng: Generator) -> Solid:
    """A square sign with a border and something on it."""
    face, mark = vivid(rng), any_mark(rng)
    shape, ink = _square(radius=0.1), WHITE if rng.random() < 0.6 else apart_from(face, rng)
    figured = stencilled(plain(face), scaled(mark, 0.55, 0, 0), ink)
    return slab(
        shape.distance, 0.06, "flat", bordered(shape, figured, ink, rng.choice([0.0, 0.07]))
    )


LYING: list[Callable[[Generator], Solid]] = [
    tile, note, die, painting, key, carton, cushion, screen, cracker,
]  # fmt: skip
UPRIGHT: list[Callable[[Generator], Solid]] = [traffic_sign, window, painting, screen]
