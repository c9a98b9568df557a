"""Which image is drawn how.

The image number decides the recipe, the format, the size and the place in the image, the same
for every class. Colours and grounds are drawn anew for every image, from the same choice for
every class. So nothing but the shape tells the classes apart. Only the few everyday things, a plate
or a slice of pizza, have colours of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator, SeedSequence

from tools.draw_shapes import artwork, handmade, icons, lens, photographs
from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.files import FORMATS
from tools.draw_shapes.shapes import SHAPES, Shape

SEED = 20171103
IMAGES_PER_CLASS = 180

Recipe: TypeAlias = Callable[[Canvas, Shape, Generator], None]

ICONS: tuple[Recipe, ...] = (
    icons.filled,
    icons.outlined,
    icons.see_through,
    icons.outlined,
    icons.filled,
    icons.outlined_with_mark,
    icons.see_through,
    icons.outlined,
    icons.filled,
    icons.two_toned,
    icons.outlined,
    icons.filled,
    artwork.glossy,
    icons.outlined,
    icons.see_through,
    icons.filled,
    icons.outlined,
    icons.dashed,
    icons.filled,
    icons.outlined,
    artwork.cartoon,
    icons.see_through,
    icons.outlined,
    icons.filled,
    icons.framed,
    icons.outlined,
    icons.see_through,
    icons.filled_with_mark,
    icons.outlined,
    icons.two_toned,
    artwork.patterned,
    icons.see_through,
    icons.nested,
    artwork.glowing,
)
BY_HAND: tuple[Recipe, ...] = (
    artwork.on_busy_ground,
    handmade.pen,
    handmade.chalk,
    handmade.brushed,
    handmade.cut_out,
)
SOLID: tuple[Recipe, ...] = (
    photographs.slab_on_table,
    photographs.relief_on_wall,
    photographs.sign_on_pole,
    photographs.standing_solid,
    photographs.thing_on_table,
    photographs.thing_on_wall,
)
RECIPES = ICONS + BY_HAND + SOLID
"""A whole number of times `FORMATS` long, so that every recipe is seen in several formats."""


@dataclass(frozen=True)
class Plan:
    """What an image is like apart from its shape.

    Attributes:
        recipe: how it is drawn.
        suffix: the format of its file.
        width: in pixels.
        height: in pixels.
        scale: the radius of the shape, in halves of the shorter side.
        centre: where the shape is, in halves of the shorter side from the middle.
        quality: of JPEG and WebP.
        is_grey: whether it has no colours.
        has_palette: whether its colours are few enough to be numbered.
    """

    recipe: Recipe
    suffix: str
    width: int
    height: int
    scale: float
    centre: tuple[float, float]
    quality: int
    is_grey: bool
    has_palette: bool


def plan(number: int, rng: Generator) -> Plan:
    """Decide what image `number` of every class is like."""
    turn, place = divmod(number, len(RECIPES))
    recipe = RECIPES[place]
    suffix = FORMATS[(place + turn) % len(FORMATS)]
    side = _longer_side(suffix, recipe in ICONS, rng)
    shorter = round(side * rng.choice([1.0, rng.uniform(0.8, 1)]))
    width, height = (side, shorter) if rng.random() < 0.5 else (shorter, side)
    scale = float(rng.choice([rng.uniform(0.6, 1.0), rng.uniform(0.35, 0.6)], p=[0.88, 0.12]))
    room = max(0.97 - scale, 0) * rng.choice([0.1, 1.0])
    horizontal, vertical = rng.uniform(-room, room, 2).tolist()
    return Plan(
        recipe=recipe,
        suffix=suffix,
        width=width,
        height=height,
        scale=scale,
        centre=(horizontal, vertical),
        quality=int(rng.integers(60, 90)),
        is_grey=bool(rng.random() < 0.07),
        has_palette=recipe in ICONS,
    )


def _longer_side(suffix: str, is_icon: bool, rng: Generator) -> int:
    """Draw a size; formats that do not compress, and grainy images, are kept small."""
    photograph = {"jpg": 300, "png": 130, "webp": 300, "gif": 150, "bmp": 96}
    icon = {"jpg": 300, "png": 300, "webp": 300, "gif": 260, "bmp": 128}
    largest = (icon if is_icon else photograph)[suffix]
    return int(rng.integers(round(0.4 * largest) if largest > 240 else 96, largest + 1))


def draw(name: str, number: int) -> tuple[Canvas, Plan]:
    """Draw one image.

    Args:
        name: the class, one of `SHAPES`.
        number: which image of the class, from 0.

    Returns:
        The image, and how its file is to be written.
    """
    shared = np.random.default_rng(SeedSequence([SEED, number]))
    own = np.random.default_rng(SeedSequence([SEED, number, 1 + sorted(SHAPES).index(name)]))
    planned = plan(number, shared)
    shape = SHAPES[name](own)
    canvas = Canvas.blank(planned.width, planned.height)
    # A scene has a camera of its own that decides on size and place.
    if planned.recipe not in SOLID:
        shape = shape.placed(planned.scale, planned.centre)
    planned.recipe(canvas, shape, own)
    if planned.recipe not in ICONS:
        lens.flawed(canvas, own)
    if planned.is_grey:
        lens.grey(canvas)
    return canvas, planned
