"""Labelled images without files, for tests of groups and splits."""

import hashlib

from torch_inception.training.grouping import LabelledImage


def image(path: str, content: str | None = None) -> LabelledImage:
    """Make an image of the class that its path begins with; content is told by a word."""
    label = path.split("/")[0]
    return LabelledImage(path, label, hashlib.sha256((content or path).encode()).digest())


def images_of(classes: dict[str, int], *, seed: int = 0) -> list[LabelledImage]:
    """Make so many images of each class; another seed gives other contents."""
    return [
        image(f"{label}/{number}.png", f"{seed} {label} {number}")
        for label, count in classes.items()
        for number in range(count)
    ]
