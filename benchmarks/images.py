"""Folders of labelled images that the benchmarks make from what well-kept packages ship."""

from pathlib import Path

import numpy
from PIL import Image

DIGIT_SIZE = 64
PATCH_SIZE = 64

PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "cat", "coffee", "coins",
    "grass", "gravel", "immunohistochemistry", "moon", "retina", "rocket",
)  # fmt: skip
"""Images inside the scikit-image package; a patch is to be told by the image it is cut from."""


def make_digits(folder: Path) -> Path:
    """Write scikit-learn's 1,797 handwritten digits (8 x 8 grey) as images of 64 x 64."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (values, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        grey = Image.fromarray((values * 255 / 16).round().astype(numpy.uint8))
        path = folder / str(label) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey.resize((DIGIT_SIZE, DIGIT_SIZE), Image.Resampling.NEAREST).save(path)
    return folder


def make_patches(folder: Path) -> Path:
    """Cut scikit-image's photographs into patches of 64 x 64 that do not overlap."""
    for name in PHOTOGRAPHS:
        image = photograph(name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for top in range(0, image.height - PATCH_SIZE + 1, PATCH_SIZE):
            for left in range(0, image.width - PATCH_SIZE + 1, PATCH_SIZE):
                patch = image.crop((left, top, left + PATCH_SIZE, top + PATCH_SIZE))
                patch.save(folder / name / f"{top:03d}_{left:03d}.png")
    return folder


def photograph(name: str) -> Image.Image:
    """Return one of the images inside the scikit-image package, as RGB."""
    import skimage.data

    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
