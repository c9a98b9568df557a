"""Accuracy on simulated cells of 12 bits, as microscopes write them, and of the same in 8 bits.

python -m benchmarks.deep_images

A cell has one round nucleus, two of them, or one that is lobed and granular. Its light is counted
(Poisson noise) on an uneven background, read with noise and cut off at 4095. The exposure differs
from image to image, as it does in practice. In 8 bits, the same counts are
what a camera gives whose gain was set for the exposure. Each cell is drawn by itself, so none is
kept together with another that looks like it.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import tifffile
from numpy.typing import NDArray
from PIL import Image

from benchmarks.table import markdown
from torch_inception import train_classifier

CLASSES = ("one", "two", "lobed")
SIDE = 160
SLICES = 7
BLACK, LARGEST = 100, 4095
BODY_EXPOSURE = 3

Plane = NDArray[numpy.float64]
Counts = NDArray[numpy.uint16]


class Cell(NamedTuple):
    """Counts of a cell: its nuclei in one plane, in slices, and its body; and its exposure."""

    nuclei: Counts
    slices: Counts
    body: Counts
    exposure: float


def draw_cell(label: str, number: int) -> Cell:
    """Draw a cell of a class; the number decides everything else."""
    dice = numpy.random.default_rng([number, CLASSES.index(label)])
    y, x = numpy.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + dice.uniform(-12, 12, (2, 1, 1))
    angle = dice.uniform(0, 2 * numpy.pi)
    body = _blob(x, y, radius=dice.uniform(48, 60), waviness=0.12, dice=dice)
    if label == "two":
        apart = dice.uniform(5, 8)
        shift_x, shift_y = apart * numpy.cos(angle), apart * numpy.sin(angle)
        radius = dice.uniform(13, 16)
        parts = [
            _blob(x - sign * shift_x, y - sign * shift_y, radius=radius, waviness=0.05, dice=dice)
            for sign in (-1, 1)
        ]
        nuclei = numpy.maximum(*parts)
    else:
        waviness = 0.15 if label == "lobed" else 0.1
        nuclei = _blob(x, y, radius=dice.uniform(19, 24), waviness=waviness, dice=dice)
    if label == "lobed":
        nuclei = nuclei * (0.8 + 0.2 * _texture(dice, coarseness=3))
    background = 0.1 + 0.1 * _texture(dice, coarseness=60)
    exposure = dice.uniform(200, 1000)
    depths = dice.integers(0, SLICES, 2).astype(numpy.float64)
    planes = [
        _counted(_out_of_focus(nuclei, x, depths, level) + background, exposure, dice)
        for level in range(SLICES)
    ]
    return Cell(
        _counted(nuclei + background, exposure, dice),
        numpy.stack(planes),
        _counted(0.3 * body, BODY_EXPOSURE * exposure, dice),
        exposure,
    )


def _blob(
    x: Plane, y: Plane, *, radius: float, waviness: float, dice: numpy.random.Generator
) -> Plane:
    """Draw a shape of soft edge, 0 to 1, whose radius goes up and down around it."""
    angle, distance = numpy.arctan2(y, x), numpy.hypot(x, y)
    waves = sum(
        dice.uniform(0.5, 1) * numpy.sin(times * angle + dice.uniform(0, 2 * numpy.pi)) / 2
        for times in (2, 3, 4)
    )
    edge = radius * (1 + waviness * waves)
    shape: Plane = 1 / (1 + numpy.exp((distance - edge) / 1.2))
    return shape


def _texture(dice: numpy.random.Generator, *, coarseness: int) -> Plane:
    """Draw smooth noise, 0 to 1."""
    small = dice.random((SIDE // coarseness + 2,) * 2).astype(numpy.float32)
    smooth = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return numpy.asarray(smooth).astype(numpy.float64).clip(0, 1)


def _out_of_focus(nuclei: Plane, x: Plane, depths: NDArray[numpy.float64], level: int) -> Plane:
    """Blur and darken what is away from a level, as confocal microscopes do.

    The left and the right half lie at different depths.
    """
    halves = []
    for depth in depths:
        away = abs(float(depth) - level)
        size = SIDE // (1 + round(4 * away))
        small = Image.fromarray(nuclei.astype(numpy.float32)).resize((size, size))
        blurred = numpy.asarray(small.resize((SIDE, SIDE))).astype(numpy.float64)
        halves.append(blurred.clip(0, 1) / (1 + away**2))
    seen: Plane = numpy.where(x < 0, *halves)
    return seen


def _counted(light: Plane, exposure: float, dice: numpy.random.Generator) -> Counts:
    counts = BLACK + dice.poisson(light * exposure) + dice.normal(0, 4, light.shape)
    return counts.round().clip(0, LARGEST).astype(numpy.uint16)


def eight_bits(counts: Counts, exposure: float) -> NDArray[numpy.uint8]:
    """Scale counts by a gain that has room for the brightest of an exposure."""
    shares = (counts - float(BLACK)) / (1.3 * exposure)
    return (shares * 255).round().clip(0, 255).astype(numpy.uint8)


def _save_grey(cell: Cell, path: Path) -> None:
    Image.fromarray(eight_bits(cell.nuclei, cell.exposure)).save(f"{path}.png")


def save_colour(cell: Cell, path: Path) -> None:
    """Write a cell as a PNG, whose ending is added to the path."""
    red = eight_bits(cell.nuclei, cell.exposure)
    green = eight_bits(cell.body, 0.3 * BODY_EXPOSURE * cell.exposure)
    Image.fromarray(numpy.dstack([red, green, red])).save(f"{path}.png")


def _save_uint16(cell: Cell, path: Path) -> None:
    Image.fromarray(cell.nuclei).save(f"{path}.tif")


def _save_float32(cell: Cell, path: Path) -> None:
    Image.fromarray(cell.nuclei.astype(numpy.float32)).save(f"{path}.tif")


def _save_stack(cell: Cell, path: Path) -> None:
    tifffile.imwrite(f"{path}.tif", cell.slices, imagej=True, metadata={"axes": "ZYX"})


def _save_ome(cell: Cell, path: Path) -> None:
    planes = numpy.stack([cell.nuclei, cell.body])
    tifffile.imwrite(f"{path}.ome.tif", planes, ome=True, metadata={"axes": "CYX"})


KINDS: dict[str, tuple[Callable[[Cell, Path], None], dict[str, Any]]] = {
    "8-bit grey PNG": (_save_grey, {}),
    "uint16 TIFF": (_save_uint16, {}),
    "uint16 TIFF, `--intensity dataset`": (_save_uint16, {"intensity": "dataset"}),
    "float32 TIFF": (_save_float32, {}),
    "z-stack, first slice": (_save_stack, {}),
    "z-stack, `--page max`": (_save_stack, {"page": "max"}),
    "8-bit colour PNG": (save_colour, {}),
    "OME-TIFF, `--channels 1,2`": (_save_ome, {"channels": "1,2"}),
}


def main() -> None:
    """Train on each kind of file, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="cells per class")
    arguments = parser.parse_args()
    cells = {
        (label, number): draw_cell(label, number)
        for label in CLASSES
        for number in range(arguments.count)
    }
    rows = []
    for name, (save, settings) in KINDS.items():
        with tempfile.TemporaryDirectory() as place:
            for (label, number), cell in cells.items():
                folder = Path(place, "cells", label)
                folder.mkdir(parents=True, exist_ok=True)
                save(cell, folder / f"{number:03}")
            result = train_classifier(
                Path(place, "cells"), output=Path(place, "run"), weights="npm:nsfwjs", holdout=0,
                near_duplicates="ignore", **settings,
            )  # fmt: skip
        found = result.metrics["leave_one_out"]
        rows.append([name, f"{found['accuracy']:.1%}"])
    print(markdown(["files", "accuracy, each image left out"], rows))


if __name__ == "__main__":
    main()
