"""Images of which each has some of three colours, or none, and a table that says so."""

import csv
from itertools import product
from pathlib import Path

import numpy
from PIL import Image

COLOURS = ("red", "green", "blue")


def draw_several(folder: Path, *, each: int = 9) -> Path:
    """Draw so many images of each of the eight sets of colours; a colour is there or it is dark.

    Returns:
        A table with the columns path and labels.
    """
    (folder / "images").mkdir(parents=True)
    random = numpy.random.default_rng(0)
    rows = []
    for flags in product((0, 1), repeat=3):
        for number in range(each):
            name = f"{''.join(map(str, flags))}_{number}.png"
            levels = numpy.array(flags) * 150 + random.integers(10, 70, 3)
            pixels = (levels + random.integers(-9, 10, (24, 24, 3))).clip(0, 255)
            Image.fromarray(pixels.astype(numpy.uint8)).save(folder / "images" / name)
            labels = [colour for colour, is_there in zip(COLOURS, flags, strict=True) if is_there]
            rows.append([f"images/{name}", "|".join(labels)])
    table = folder / "labels.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["path", "labels"], *rows])
    return table
