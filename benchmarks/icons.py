"""Icons, drawn: twelve signs in many styles, each image with dice of its own."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

IMAGES = 60
"""Of each class."""

SIDE = 96
_FINE = 4
"""How many times as large icons are drawn, and then made smaller, so that edges are smooth."""

Point = tuple[float, float]
Outline = list[Point]
"""Corners; an icon is about 2 wide and high, its middle at (0, 0), and y goes down."""


def make_icons(folder: Path) -> Path:
    """Draw icons into one folder per sign."""
    for label, outlines in SIGNS.items():
        for number in range(IMAGES):
            path = folder / label / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            dice = random.Random(f"{label} {number}")
            draw_icon(outlines(dice), dice).save(path)
    return folder


def draw_icon(outlines: Sequence[Outline], dice: random.Random) -> Image.Image:
    """Draw an icon in a style: filled, lines alone or both; on a plain ground, turned a little."""
    ground, ink, second = _colours(dice)
    side = SIDE * _FINE
    image = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(image)
    scale, angle = side * dice.uniform(0.26, 0.38), math.radians(dice.uniform(-12, 12))
    middle = [side * dice.uniform(0.45, 0.55) for _ in range(2)]
    width, style = round(side * dice.uniform(0.02, 0.05)), dice.choice(("filled", "lines", "both"))
    wide = dice.uniform(0.85, 1.15)
    for outline in outlines:
        corners = [
            (
                middle[0] + scale * (wide * x * math.cos(angle) - y * math.sin(angle)),
                middle[1] + scale * (wide * x * math.sin(angle) + y * math.cos(angle)),
            )
            for x, y in outline
        ]
        if style != "lines":
            pen.polygon(corners, fill=ink if style == "filled" else second)
        if style != "filled" or len(outlines) > 1:
            # Between parts that are filled alike, a thin line of the ground.
            line, thick = (ground, width // 3) if style == "filled" else (ink, width)
            pen.line([*corners, corners[0], corners[1]], fill=line, width=thick, joint="curve")
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def _colours(dice: random.Random) -> list[tuple[int, int, int]]:
    """Return colours of the ground, of lines and of what they enclose, as far apart as can be."""
    grounds = [(255, 255, 255)] * 3 + [(245, 243, 238), (24, 26, 32), (30, 60, 110), (250, 220, 90)]
    ground = dice.choice(grounds)
    found = [ground]
    while len(found) < 3:
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        if all(math.dist(colour, other) > 110 for other in found):
            found.append(colour)
    return found


def _ring(radius: float, *, at: Point = (0, 0), turn: Point = (0, 360), steps: int = 48) -> Outline:
    start, end = turn
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(at[0] + radius * math.cos(each), at[1] + radius * math.sin(each)) for each in angles]


def _box(left: float, top: float, right: float, bottom: float) -> Outline:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _house(dice: random.Random) -> list[Outline]:
    eaves, wall = dice.uniform(-0.3, 0.1), dice.uniform(0.6, 0.85)
    door = dice.uniform(0.12, 0.25)
    at = dice.uniform(-0.3, 0.3)
    return [
        [
            (-1, eaves),
            (0, -1),
            (1, eaves),
            (wall, eaves),
            (wall, 0.9),
            (-wall, 0.9),
            (-wall, eaves),
        ],
        _box(at - door, dice.uniform(0.2, 0.45), at + door, 0.9),
    ]


def _star(dice: random.Random) -> list[Outline]:
    points, inner = dice.choice((5, 5, 6)), dice.uniform(0.35, 0.55)
    angles = [math.pi * (number / points - 0.5) for number in range(2 * points)]
    radii = [1 if number % 2 == 0 else inner for number in range(2 * points)]
    return [[(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]]


def _heart(dice: random.Random) -> list[Outline]:
    depth = dice.uniform(0.8, 1.1)
    steps = [2 * math.pi * number / 60 for number in range(60)]
    return [
        [
            (
                math.sin(t) ** 3,
                -depth
                * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
                / 16,
            )
            for t in steps
        ]
    ]


def _arrow(dice: random.Random) -> list[Outline]:
    shaft, head, neck = dice.uniform(0.15, 0.35), dice.uniform(0.6, 0.9), dice.uniform(-0.2, 0.3)
    return [
        [
            (-1, -shaft),
            (neck, -shaft),
            (neck, -head),
            (1, 0),
            (neck, head),
            (neck, shaft),
            (-1, shaft),
        ]
    ]


def _cloud(dice: random.Random) -> list[Outline]:
    high, low = dice.uniform(0.45, 0.6), dice.uniform(0.28, 0.4)
    return [
        [
            *_ring(low, at=(-0.65, 0.2), turn=(90, 260), steps=16),
            *_ring(high, at=(dice.uniform(-0.15, 0.1), -0.1), turn=(200, 330), steps=16),
            *_ring(0.35, at=(0.6, 0.2), turn=(-80, 90), steps=16),
        ]
    ]


def _moon(dice: random.Random) -> list[Outline]:
    far, open_at = dice.uniform(0.3, 0.6), dice.uniform(50, 70)
    inside = math.hypot(math.cos(math.radians(open_at)) - far, math.sin(math.radians(open_at)))
    end = math.degrees(
        math.atan2(math.sin(math.radians(open_at)), math.cos(math.radians(open_at)) - far)
    )
    return [
        [
            *_ring(1, turn=(open_at, 360 - open_at)),
            *_ring(inside, at=(far, 0), turn=(360 - end, end)),
        ]
    ]


def _sun(dice: random.Random) -> list[Outline]:
    rays, radius = dice.randrange(7, 12), dice.uniform(0.4, 0.55)
    found = [_ring(radius)]
    for number in range(rays):
        turn = 2 * math.pi * number / rays
        along, across = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
        found.append(
            [
                (r * along[0] + w * across[0], r * along[1] + w * across[1])
                for r, w in ((radius + 0.15, -0.09), (1, -0.05), (1, 0.05), (radius + 0.15, 0.09))
            ]
        )
    return found


def _letter(dice: random.Random) -> list[Outline]:
    high, fold = dice.uniform(0.55, 0.75), dice.uniform(-0.1, 0.3)
    return [_box(-1, -high, 1, high), [(-1, -high), (0, fold), (1, -high)]]


def _lock(dice: random.Random) -> list[Outline]:
    top, wide, radius = dice.uniform(-0.2, 0.1), dice.uniform(0.6, 0.8), dice.uniform(0.35, 0.5)
    bow = _ring(radius, at=(0, top), turn=(180, 360), steps=24)
    inner = _ring(radius - 0.15, at=(0, top), turn=(360, 180), steps=24)
    return [
        [*bow, *inner],
        _box(-wide, top, wide, 0.95),
        _ring(dice.uniform(0.1, 0.2), at=(0, (top + 0.95) / 2)),
    ]


def _flag(dice: random.Random) -> list[Outline]:
    low, cut = dice.uniform(-0.1, 0.25), dice.uniform(-0.4, 0.3)
    cloth = [(-0.7, -1), (0.95, -1), (0.95 + min(cut, 0), (low - 1) / 2), (0.95, low), (-0.7, low)]
    return [cloth, _box(-0.85, -1, -0.7, 1)]


def _key(dice: random.Random) -> list[Outline]:
    bow, bit = dice.uniform(0.3, 0.45), dice.uniform(0.2, 0.4)
    return [
        [
            (-0.3, -0.09),
            (1, -0.09),
            (1, bit),
            (0.85, bit),
            (0.85, 0.09),
            (0.65, 0.09),
            (0.65, bit * 0.8),
            (0.5, bit * 0.8),
            (0.5, 0.09),
            (-0.3, 0.09),
        ],
        _ring(bow, at=(-0.6, 0)),
        _ring(bow * dice.uniform(0.35, 0.6), at=(-0.6, 0)),
    ]


def _cup(dice: random.Random) -> list[Outline]:
    foot, rim = dice.uniform(0.35, 0.6), dice.uniform(-0.8, -0.5)
    return [
        _ring(dice.uniform(0.25, 0.4), at=(0.6, 0.0)),
        [(-0.75, rim), (0.65, rim), (foot, 0.8), (-foot - 0.1, 0.8)],
    ]


SIGNS: Mapping[str, Callable[[random.Random], list[Outline]]] = {
    "arrow": _arrow, "cloud": _cloud, "cup": _cup, "flag": _flag, "heart": _heart,
    "house": _house, "key": _key, "letter": _letter, "lock": _lock, "moon": _moon,
    "star": _star, "sun": _sun,
}  # fmt: skip
"""Class -> what draws the outlines of one of its icons."""
