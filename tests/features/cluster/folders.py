"""Folders of images, good and odd, that tests of the cluster share."""

import os
from pathlib import Path

from PIL import Image

from tests.robustness.zoo import Animal, small_files, zoo

SLOW = 200_000
"""Bytes of a file that is left out here: it is decoded or refused elsewhere."""


def odd_animals() -> list[Animal]:
    """Return bad and odd files that take no time, and what is no file at all."""
    small = small_files()
    animals = [a for a in zoo() if os.fsdecode(a.name) in small and len(a.content) < SLOW]  # type: ignore[arg-type]
    others = (b"not UTF-8 \xff\xfe.jpg", b"back\\slash.jpg", b"pipe.jpg", b"broken link.jpg")
    return animals + [a for a in zoo() if a.name in (*others, b"folder.jpg", b"loop of links.jpg")]


def draw_shades(folder: Path, count: int, *, start: int = 0) -> list[Path]:
    """Draw images of plain colours, of which no two are the same."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"shade {number:04d}.bmp" for number in range(start, start + count)]
    for number, path in enumerate(paths, start):
        Image.new("RGB", (6, 4), (number % 256, number // 256, 99)).save(path)
    return paths
