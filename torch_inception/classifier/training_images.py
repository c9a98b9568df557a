"""`neighbours.pt`: where the training images of a model lie, so that the nearest can be found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_inception.errors import ModelError
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.class_space import ImageSpace, all_coordinates
from torch_inception.system.escape import brief
from torch_inception.system.tensor_file import load_tensors, plain_tensor, save_whole

NEIGHBOURS_FILE = "neighbours.pt"

FORMAT = 1
"""Number of the layout of the file."""

AXES = 256
"""Coordinates by which images are compared with each other; with more, the neighbours are no more
often of the same class."""

PORTION = 8192
"""Images that are compared at a time: 8 MB in float32."""


class Neighbour(NamedTuple):
    """A training image that an image is like.

    Attributes:
        path: relative to the data folder.
        label: its own.
        similarity: cosine of the angle between both as seen from the mean image, -1 to 1, in
            coordinates in which the images of a class spread alike in every direction.
    """

    path: str
    label: str
    similarity: float


@dataclass(frozen=True)
class TrainingImages:
    """The training images of a model.

    Attributes:
        paths: relative to the data folder.
        labels: as many.
        directions: (N, R) float16, their first coordinates, of length 1.
        space: fingerprint of the space that these are in.
    """

    paths: list[str]
    labels: list[str]
    directions: Tensor
    space: str

    def nearest(self, coordinates: Tensor, count: int) -> list[Neighbour]:
        """Return the images that are most like one, the most similar first.

        Args:
            coordinates: (R,) float64, its own (`ImageSpace.coordinates`).
            count: how many, 1 or more.
        """
        query = _directions(coordinates[None])[0]
        parts = [part.float() @ query for part in torch.split(self.directions, PORTION)]
        similarities = torch.cat(parts)
        found = similarities.sort(descending=True, stable=True)
        return [
            Neighbour(self.paths[place], self.labels[place], max(-1.0, min(1.0, similarity)))
            for similarity, place in zip(
                found.values[:count].tolist(), found.indices[:count].tolist(), strict=True
            )
        ]


def training_images(
    space: ImageSpace, features: RowSelection, names: Sequence[tuple[str, str]]
) -> TrainingImages:
    """Return the training images of a model.

    Args:
        space: of the model.
        features: N rows, of images as they are.
        names: the path, relative to the data folder, and the label of each.
    """
    return TrainingImages(
        [path for path, _ in names],
        [label for _, label in names],
        _directions(all_coordinates(space, features, AXES)).half(),
        space.fingerprint,
    )


def save_training_images(images: TrainingImages, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    save_whole({"format": FORMAT, **vars(images)}, path)


def load_training_images(path: Path, space: ImageSpace) -> TrainingImages:
    """Read the file; nothing in it is executed.

    Args:
        path: of the file.
        space: of the model that it belongs to.

    Raises:
        ModelError: there is none, it is damaged, or it belongs to another model.
    """
    try:
        content = load_tensors(path)
        images = _images(content)
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"the training images cannot be compared with: {path} is missing or damaged "
            f"({brief(error)}). It lies beside the model.pt that training saved. Train again."
        ) from error
    count = min(AXES, space.size)
    if images.space != space.fingerprint or images.directions.shape[1] != count:
        raise ModelError(f"{path} belongs to another model than the one beside it. Train again.")
    return images


def _images(content: Any) -> TrainingImages:  # noqa: ANN401 - whatever a file holds
    if type(content) is not dict or content.pop("format", None) != FORMAT:
        raise ValueError("it is of another format")
    images = TrainingImages(**content | {"directions": plain_tensor(content["directions"])})
    count = len(images.directions)
    for names in (images.paths, images.labels):
        if type(names) is not list or len(names) != count:
            raise ValueError("its names do not fit its numbers")
        if not all(isinstance(name, str) for name in names):
            raise ValueError("a name is none")
    if images.directions.dtype != torch.float16 or images.directions.dim() != 2:
        raise ValueError("its numbers are of another kind")
    if not images.directions.isfinite().all():
        raise ValueError("its numbers are not finite")
    return images


def _directions(coordinates: Tensor) -> Tensor:
    """Return the first coordinates (N, R) of images, divided by their length, as float32."""
    found = torch.nn.functional.normalize(coordinates[:, :AXES].float(), dim=1)
    return found
