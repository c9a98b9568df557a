"""What TensorBoard's projector shows: a point per image, with its thumbnail and its labels.

The files and their formats are those of TensorBoard's projector plug-in (`ProjectorConfig`).
"""

import io
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy
import torch
from PIL import Image
from torch import Tensor

from torch_inception.config import Layers
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.inputs import fit_inputs
from torch_inception.system.escape import printable
from torch_inception.system.write import write_text

MOST_POINTS = 5000
"""Images that are shown at most. A browser lays so many out by t-SNE in a minute or two."""

COMPONENTS = 64
"""Numbers that are kept of an image's row: its principal components."""

TILE = 64
"""Pixels of a thumbnail's side. The sprite of 5,000 images has 4,544; a browser takes 8,192."""

TENSORS, METADATA, SPRITE = "tensors.tsv", "metadata.tsv", "sprite.jpg"
CONFIG = "projector_config.pbtxt"
PROJECTOR_FILES = (TENSORS, METADATA, SPRITE, CONFIG)

_HEADER = ("label", "prediction", "part", "path")
_QUALITY = 85
_PAPER = (255, 255, 255)


class Point(NamedTuple):
    """An image in the projector.

    Attributes:
        path: relative to the data folder.
        label: name of its class.
        prediction: of a head that was not fitted on it; "" where there is none.
        part: what it is for.
        digest: SHA-256 of its content.
    """

    path: str
    label: str
    prediction: str
    part: str
    digest: bytes


def sample_points(points: Sequence[Point], *, seed: int, most: int = MOST_POINTS) -> list[int]:
    """Return the places of the images that are shown: of each class as many, while it has them."""
    order = list(range(len(points)))
    random.Random(seed).shuffle(order)
    seen: Counter[str] = Counter()
    ranks: dict[int, int] = {}
    for place in order:
        seen[points[place].label] += 1
        ranks[place] = seen[points[place].label]
    return sorted(sorted(order, key=ranks.__getitem__)[:most])


def principal_components(rows: RowSelection, layers: Layers) -> tuple[Tensor, float]:
    """Return the principal components of what a head reads of rows, scaled as for fitting it.

    They are found by random projection: Halko, Martinsson and Tropp 2011, "Finding Structure with
    Randomness" (SIAM Review 53), algorithm 4.4, which is torch's `pca_lowrank`.

    Args:
        rows: N, N >= 1.
        layers: that the head reads.

    Returns:
        (N, K) float32, K at most `COMPONENTS`, and the share of the variance that they hold.
    """
    inputs = fit_inputs(layers, rows)(rows.tensor())
    inputs -= inputs.mean(dim=0)
    variance = float(inputs.square().sum())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        left, sizes, _ = torch.pca_lowrank(inputs, min(COMPONENTS, *inputs.shape), center=False)
    components = left * sizes
    return components, float(components.square().sum()) / variance if variance else 1.0


def write_projector(
    folder: Path,
    points: Sequence[Point],
    components: Tensor,
    thumbnails: Mapping[bytes, bytes],
) -> None:
    """Write the files of `PROJECTOR_FILES`.

    Args:
        folder: for them.
        points: the images that are shown, N.
        components: (N, K) of their rows.
        thumbnails: digest -> JPEG, of those images that have one.
    """
    numpy.savetxt(folder / TENSORS, components.numpy(), fmt="%.4g", delimiter="\t")
    write_text(folder / METADATA, "".join(_metadata_lines(points)))
    # It takes the place of an earlier run's even where there is nothing to show.
    _sprite([thumbnails.get(point.digest) for point in points]).save(
        folder / SPRITE, quality=_QUALITY
    )
    write_text(folder / CONFIG, _config(with_sprite=bool(thumbnails)))


def _metadata_lines(points: Sequence[Point]) -> Iterator[str]:
    """Yield the header and a line per image; tabs and line breaks in names are escaped."""
    for row in (_HEADER, *((p.label, p.prediction, p.part, p.path) for p in points)):
        yield "\t".join(printable(cell) for cell in row) + "\n"


def _sprite(thumbnails: Sequence[bytes | None]) -> Image.Image:
    """Return all thumbnails in one square, row by row; the tile of one that is missing is empty."""
    columns = math.ceil(math.sqrt(len(thumbnails)))
    sheet = Image.new("RGB", (columns * TILE, columns * TILE), _PAPER)
    for number, content in enumerate(thumbnails):
        if content is not None:
            image = Image.open(io.BytesIO(content))
            image.thumbnail((TILE, TILE))
            row, column = divmod(number, columns)
            place = (
                column * TILE + (TILE - image.width) // 2,
                row * TILE + (TILE - image.height) // 2,
            )
            sheet.paste(image, place)
    return sheet


def _config(*, with_sprite: bool) -> str:
    lines = ['tensor_name: "images"', f'tensor_path: "{TENSORS}"', f'metadata_path: "{METADATA}"']
    if with_sprite:
        size = f"single_image_dim: {TILE}"
        lines.append(f'sprite {{ image_path: "{SPRITE}" {size} {size} }}')
    inside = "".join(f"  {line}\n" for line in lines)
    return f"embeddings {{\n{inside}}}\n"
