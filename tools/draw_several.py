"""Draws images with one to three shapes each, and a table of what each of them has.

`python -m tools.draw_several --output DIRECTORY`, from the root of the repository, writes
`images/` and `labels.csv`, whose columns `path` and `labels` hold lines such as
`images/00017.jpg,circle|square`. The shapes are those of `tools/draw_shapes`; the same number of
images is drawn alike each time.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator, SeedSequence

from tools.draw_shapes.canvas import Canvas
from tools.draw_shapes.colours import any_colour, apart_from
from tools.draw_shapes.files import save
from tools.draw_shapes.geometry import FloatArray
from tools.draw_shapes.icons import lay_ground
from tools.draw_shapes.shapes import SHAPES, Shape
from tools.draw_shapes.textures import any_texture, sample

SEED = 20261129
IMAGES = 900
MOST_SHAPES = 3
SIDE = 240

_SHARE_TEXTURED = 0.3
_TRIES = 50


def draw(number: int) -> tuple[Canvas, list[str]]:
    """Draw one image.

    Args:
        number: which, from 0.

    Returns:
        The image, and the names of the shapes in it, in order, each once.
    """
    rng = np.random.default_rng(SeedSequence([SEED, number]))
    canvas = Canvas.blank(SIDE, SIDE)
    ground = any_colour(rng)
    if rng.random() < _SHARE_TEXTURED:
        texture = sample(any_texture(rng), *(0.5 * axis for axis in canvas.grid))
        canvas.fill(0.5 * texture + 0.5 * ground)
    else:
        lay_ground(canvas, ground, rng)
    count = int(rng.integers(1, MOST_SHAPES + 1))
    names = sorted(rng.choice(sorted(SHAPES), count, replace=False).tolist())
    for name, (scale, centre) in zip(names, _places(count, rng), strict=True):
        _paint(canvas, SHAPES[name](rng).placed(scale, centre), ground, rng)
    return canvas, names


def _places(count: int, rng: Generator) -> list[tuple[float, tuple[float, float]]]:
    """Return a radius and a centre for each shape, so that none covers another."""
    largest = {1: 0.75, 2: 0.5, 3: 0.42}[count]
    for _ in range(_TRIES):
        scales = rng.uniform(0.26, largest, count)
        centres = [rng.uniform(scale - 0.98, 0.98 - scale, 2) for scale in scales]
        # A shape reaches as far as the corners of a square about its circle.
        if all(
            np.abs(centres[i] - centres[j]).max() > scales[i] + scales[j]
            for i in range(count)
            for j in range(i)
        ):
            break
    else:  # a row of small ones
        scales = np.full(count, 0.28)
        centres = [np.array([0.64 * (place - 1), 0.0]) for place in range(count)]
    return [(float(s), (float(c[0]), float(c[1]))) for s, c in zip(scales, centres, strict=True)]


def _paint(canvas: Canvas, shape: Shape, ground: FloatArray, rng: Generator) -> None:
    """Paint a shape filled, as a line, or filled with a line around it."""
    ink = apart_from(ground, rng, 0.3)
    style = rng.choice(["filled", "outlined", "both"])
    if style != "outlined":
        canvas.paint(canvas.inside(shape.distance), ink)
    if style != "filled":
        line = canvas.line(shape.line_distance, float(rng.uniform(0.03, 0.09)))
        canvas.paint(line, ink if style == "outlined" else apart_from(ink, rng))


def write(output: Path, count: int) -> Path:
    """Draw images into a folder, and list them.

    Returns:
        The table.
    """
    (output / "images").mkdir(parents=True, exist_ok=True)
    table = output / "labels.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["path", "labels"])
        for number in range(count):
            canvas, names = draw(number)
            path = f"images/{number:05d}.jpg"
            save(canvas, output / path, quality=85, is_grey=False, has_palette=False)
            lines.writerow([path, "|".join(names)])
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.draw_several", description="Draw images with several shapes each."
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for them")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many (%(default)s)")
    arguments = parser.parse_args(argv)
    print(f"{arguments.images} images are listed in {write(arguments.output, arguments.images)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
