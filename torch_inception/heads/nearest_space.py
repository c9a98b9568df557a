"""How far an image is from the nearest of those that a model was trained on.

Where an image may have several labels, no class has a middle that distances could be measured from.
The distance is the Euclidean one between two images, in coordinates in which all training images
spread alike in every direction, as the distances of k nearest neighbours are (Sun et al. 2022,
"Out-of-Distribution Detection with Deep Nearest Neighbors", arXiv:2204.06507; theirs are of vectors
of length 1, which tell less here): x is the square roots of the 1280 numbers of Mixed_7a, m their
mean, S the covariance with the mean eigenvalue v and the eigenvectors u_r of eigenvalues l_r,
s = 0.5, and the coordinates are

    (x - m)' u_r / sqrt((1 - s) l_r + s v)
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from torch_inception.answers.prediction import distance_threshold
from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.heads.class_space import LAYER, space_inputs
from torch_inception.heads.fit_class_space import AXES, STRENGTH, FittedSpace, spread_over_ranks
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance
from torch_inception.heads.solvers.ridge import mean_row
from torch_inception.heads.solvers.selection import sampled_rows
from torch_inception.network import LAYERS
from torch_inception.system.tensor_file import plain_tensor
from torch_inception.system.threads import on_cores

PARTS = 5
"""Parts of the images that are judged by a space of the others."""


@dataclass(frozen=True)
class NearestSpace:
    """Coordinates of images, and where the training images lie.

    Attributes:
        middle: (D,) float32, the mean training image.
        axes: (D, R) float32, maps (x - m) to coordinates.
        images: (M, R) float16, coordinates of training images.
        left_out: (Q,) float32, distances of training images to the nearest of others, by a space
            that was fitted without them, in order.
        judged: how many images these stand for.
    """

    middle: Tensor
    axes: Tensor
    images: Tensor
    left_out: Tensor
    judged: int

    def as_dict(self) -> dict[str, Any]:
        """Return tensors and plain values for `torch.save`."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Any) -> "NearestSpace":  # noqa: ANN401 - whatever a file holds
        """Read back what `as_dict` gave.

        Raises:
            TypeError, ValueError: it is something else.
        """
        if not isinstance(values, Mapping):
            raise TypeError("the space of the images is not a table of values")
        plain: dict[str, Any] = {
            name: plain_tensor(value) if isinstance(value, Tensor) else value
            for name, value in values.items()
        }
        space = cls(**plain)
        _check(space)
        return space

    @property
    def size(self) -> int:
        """Coordinates of an image, R."""
        return self.axes.shape[1]

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of what coordinates depend on."""
        parts = (self.middle, self.axes)
        return hashlib.sha256(b"".join(each.numpy().tobytes() for each in parts)).hexdigest()

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to coordinates (K, R) float64."""
        found: Tensor = (space_inputs(rows).double() - self.middle.double()) @ self.axes.double()
        return found

    def distances(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to distances (K,) float64, 0 or more."""
        own = self.coordinates(rows).float()
        return torch.cdist(own, self._images).min(dim=1).values.double()

    @cached_property
    def _images(self) -> Tensor:
        return self.images.float()

    def threshold(self, false_rejection: float) -> float | None:
        """Return `answers.prediction.distance_threshold` of the distances that are left out."""
        return distance_threshold(
            self.left_out.tolist(), judged=self.judged, false_rejection=false_rejection
        )


def fit_nearest_space(labelled: LabelledRows) -> FittedSpace[NearestSpace]:
    """Fit a space on training images; on a sample of them where they are very many.

    Each of five parts of the images is judged by a space that was fitted on the other four: in
    coordinates that were fitted on them too, training images are further apart than new ones.

    Args:
        labelled: rows of images as they are.
    """
    chosen = sampled_rows(labelled)
    some = labelled.subset(chosen)
    # With more axes, images that they were fitted on are further apart than new ones: these have
    # parts that no axis shows.
    axes = max(1, min(AXES, len(some) // 2))
    distances = _left_out_distances(some, axes)
    is_judged = distances.isfinite()
    found = distances[is_judged]
    space = dataclasses.replace(
        _fit(some, axes), left_out=spread_over_ranks(found.sort().values), judged=len(found)
    )
    return FittedSpace(space, chosen[is_judged], found)


def _fit(labelled: LabelledRows, count: int) -> NearestSpace:
    """Fit a space of so many axes, at most, that judges no images."""
    features = labelled.features
    inputs = dataclasses.replace(
        labelled, features=RowSelection.of(space_inputs(features.all_rows[features.numbers]))
    )
    middle = mean_row(inputs)
    covariance = Covariance(
        (rows.double() - middle for rows, _ in inputs.portions()),
        count=len(inputs),
        size=inputs.size,
    )
    values, axes = covariance.principal(count)
    spread = ((1 - STRENGTH) * values + STRENGTH * covariance.variance).sqrt()
    space = NearestSpace(
        middle.float(), (axes / spread).float(), torch.empty(0), torch.empty(0), judged=0
    )
    parts = on_cores(space.coordinates, torch.split(features.tensor(), SLICE))
    return dataclasses.replace(space, images=torch.cat(parts).half())


def _left_out_distances(labelled: LabelledRows, axes: int) -> Tensor:
    """Return the distance (N,) float64 of each image to those of the other parts; inf without any.

    All images of a group are in one part.
    """
    _, groups = torch.unique(labelled.group_numbers(), return_inverse=True)
    part = groups % PARTS
    distances = torch.full((len(labelled),), torch.inf, dtype=torch.float64)
    for number in range(PARTS):
        is_out = part == number
        if is_out.any() and (~is_out).sum() > 1:
            space = _fit(labelled.subset(~is_out), axes)
            rows = labelled.subset(is_out).features.tensor()
            distances[is_out] = torch.cat(on_cores(space.distances, torch.split(rows, SLICE)))
    return torch.where(distances.isnan(), torch.inf, distances)


def _check(space: NearestSpace) -> None:
    """Raise an error where parts do not fit together."""
    size = space.axes.shape[-1] if space.axes.dim() else 0
    wanted = {
        "middle": (torch.float32, (LAYERS[LAYER],)),
        "axes": (torch.float32, (LAYERS[LAYER], size)),
        "images": (torch.float16, (len(space.images), size)),
        "left_out": (torch.float32, (len(space.left_out),)),
    }
    for name, (dtype, shape) in wanted.items():
        tensor = getattr(space, name)
        if tensor.dtype != dtype or tensor.shape != shape or not torch.isfinite(tensor).all():
            raise ValueError(f"the space of the images: {name} does not fit")
    if size > AXES or not len(space.images):
        raise ValueError("the space of the images is empty")
    counts = range(len(space.left_out), 2**53) if len(space.left_out) else range(1)
    if type(space.judged) is not int or space.judged not in counts:
        raise ValueError("the number of the distances is not one")
