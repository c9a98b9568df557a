"""See how many copies are found among images that are all nearly alike, and what else is.

    python -m benchmarks.near_copies

Drawings of fruits that differ in size, place and shade alone, simulated cells, and other icons than
those of `benchmarks.audit`. Of 15 % of them, copies are planted as there: half the size, JPEG
quality 30, or cropped to 95 %. No network is asked: each image is compared with the twelve whose
pixels are the nearest, and nearness is decided as an audit decides it.
"""

import io
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageDraw

from benchmarks.deep_images import CLASSES, draw_cell, save_colour
from benchmarks.icons import SIGNS, draw_icon
from benchmarks.table import markdown
from torch_inception.audit.duplicates import near_among
from torch_inception.features.alike import small_image
from torch_inception.images.thumbnail import make_thumbnail

COPIED = 0.15
NEAREST = 12

FRUITS = (
    ((200, 30, 40), 1.0), ((240, 140, 20), 1.15), ((250, 220, 40), 0.7),
    ((90, 160, 50), 0.95), ((120, 40, 120), 0.5), ((170, 90, 40), 0.85),
)  # fmt: skip
"""Colour, and width as a share of the height."""


def main() -> None:
    """Print the table."""
    drawn = {"fruits": _fruits(240), "cells": _cells(300), "icons": _icons(25)}
    rows = [[name, *map(str, _measure(images))] for name, images in drawn.items()]
    print(markdown(["", "images", "copies", "found", "wrong pairs"], rows))


def _measure(images: Sequence[Image.Image]) -> tuple[int, int, int, int]:
    """Return how many images and copies there are, pairs rightly found, and others."""
    count = len(images)
    chosen = random.Random(0).sample(range(count), round(COPIED * count))
    true = {(place, count + number) for number, place in enumerate(chosen)}
    everything = [*images, *(_copy(images[place], n % 3) for n, place in enumerate(chosen))]
    small = torch.stack([small_image(image, 8) for image in everything]).flatten(1)
    distances = torch.cdist(small, small).fill_diagonal_(torch.inf)
    nearest = distances.topk(NEAREST, largest=False).indices.tolist()
    pairs = {(min(one, two), max(one, two)) for one, some in enumerate(nearest) for two in some}
    thumbnails = {place: make_thumbnail(image) for place, image in enumerate(everything)}
    found = near_among(numpy.array(sorted(pairs)), thumbnails, len(everything))
    near = {(one, two) for one, two, _ in found}
    return len(everything), len(true), len(near & true), len(near - true)


def _copy(image: Image.Image, kind: int) -> Image.Image:
    width, height = image.size
    if kind == 0:
        return image.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    if kind == 1:
        content = io.BytesIO()
        image.save(content, "JPEG", quality=30)
        return Image.open(content).convert("RGB")
    x, y = round(0.025 * width), round(0.025 * height)
    return image.crop((x, y, width - x, height - y))


def _fruits(count: int) -> list[Image.Image]:
    return [_fruit(random.Random(number), *FRUITS[number % 6]) for number in range(count)]


def _fruit(dice: random.Random, colour: tuple[int, int, int], wide: float) -> Image.Image:
    image = Image.new("RGB", (384, 384), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    radius = 384 * dice.uniform(0.2, 0.4)
    x, y = 384 * dice.uniform(0.45, 0.55), 384 * dice.uniform(0.45, 0.55)
    shade = tuple(max(0, min(255, value + dice.randrange(-25, 26))) for value in colour)
    pen.ellipse([x - radius * wide, y - radius, x + radius * wide, y + radius], fill=shade)
    stem = [(x, y - radius), (x + radius * 0.2, y - radius * 1.25)]
    pen.line(stem, fill=(90, 60, 30), width=12)
    return image.resize((128, 128), Image.Resampling.BOX)


def _cells(count: int) -> list[Image.Image]:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "cell"
        images = []
        for number in range(count):
            save_colour(draw_cell(CLASSES[number % len(CLASSES)], number), file)
            images.append(Image.open(f"{file}.png").convert("RGB"))
    return images


def _icons(count: int) -> list[Image.Image]:
    """Draw so many of each sign."""
    dice = [
        (outlines, random.Random(f"other {label} {number}"))
        for label, outlines in SIGNS.items()
        for number in range(count)
    ]
    return [draw_icon(outlines(each), each) for outlines, each in dice]


if __name__ == "__main__":
    main()
