"""Where an image lies among those that a model was trained on, and how far from all of them.

Distances are relative Mahalanobis distances (Ren et al. 2021, "A Simple Fix to Mahalanobis Distance
for Improving Near-OOD Detection", arXiv:2106.09022): of the squared distance to the nearest class
mean, measured by the covariance within classes, that to the mean of all images is taken off,
measured by the covariance of all images. What sets every image apart from every class, such as how
it was taken, counts in both.

With x the square roots of the 1280 numbers of Mixed_7a, m the mean of the training images, m_k of
their classes, S and S0 the covariances within classes and of all (divisor N), v and v0 their mean
eigenvalues, and s = 0.5:

    W = (1 - s) S + s v I,    T = (1 - s) S0 + s v0 I
    d(x)^2 = min over k of (x - m_k)' W^-1 (x - m_k)  -  (x - m)' T^-1 (x - m)  +  c
    c      = max over k of (m_k - m)' (T - W)^-1 (m_k - m)

T - W is positive definite, and with c no d(x)^2 is negative: -c is the least that the difference
can be for the class with the largest c_k.

Stored are the first principal axes of S0. Across the others S and S0 count as multiples of
the identity: only the squared length of what is left of x is needed there.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from torch_inception.answers.prediction import distance_threshold
from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.network import COLUMNS, LAYERS
from torch_inception.system.tensor_file import plain_tensor
from torch_inception.system.threads import on_cores

LAYER = "Mixed_7a"
"""The layer that tells strangers apart best; docs/results.md."""


class ImageSpace(Protocol):
    """Where an image lies among the training images, and how far from them."""

    @property
    def left_out(self) -> Tensor:
        """Distances (Q,) float32 of training images, which give thresholds, in order."""

    @property
    def judged(self) -> int:
        """How many images these stand for."""

    @property
    def size(self) -> int:
        """Coordinates of an image, R."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of what coordinates depend on."""

    def as_dict(self) -> dict[str, Any]:
        """Return tensors and plain values for `torch.save`."""

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to coordinates (K, R) float64."""

    def distances(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to distances (K,) float64, 0 or more."""

    def threshold(self, false_rejection: float) -> float | None:
        """Return `answers.prediction.distance_threshold` of the distances that are left out."""


@dataclass(frozen=True)
class ClassSpace:
    """Coordinates in which the images of each class spread alike in every direction.

    Attributes:
        middle: (D,) float32, m.
        axes: (D, R) float32, the principal axes.
        whitening: (R, R) float32, maps (x - m) along the axes to coordinates: W^-1 is its square.
        shares: (R,) float32, the diagonal of T^-1 along the axes.
        rest: the difference of W^-1 and T^-1 across the axes.
        means: (C, R) float32, coordinates of the class means.
        offset: c.
        left_out: (Q,) float32, distances of training images to classes that were fitted without
            them, in order.
        judged: how many images these stand for.
    """

    middle: Tensor
    axes: Tensor
    whitening: Tensor
    shares: Tensor
    rest: float
    means: Tensor
    offset: float
    left_out: Tensor
    judged: int

    def as_dict(self) -> dict[str, Any]:
        """Return tensors and plain values for `torch.save`."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Any, *, classes: int) -> "ClassSpace":  # noqa: ANN401
        """Read back what `as_dict` gave.

        Args:
            values: whatever a file holds.
            classes: how many there are.

        Raises:
            TypeError, ValueError: it is something else.
        """
        if not isinstance(values, Mapping):
            raise TypeError("the space of the classes is not a table of values")
        plain: dict[str, Any] = {
            name: plain_tensor(value) if isinstance(value, Tensor) else value
            for name, value in values.items()
        }
        space = cls(**plain)
        _check(space, classes)
        return space

    @property
    def size(self) -> int:
        """Coordinates of an image, R."""
        return len(self.shares)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of what its coordinates depend on."""
        parts = (self.middle, self.axes, self.whitening)
        return hashlib.sha256(b"".join(each.numpy().tobytes() for each in parts)).hexdigest()

    def coordinates(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to coordinates (K, R) float64."""
        return self._along(_centred(rows, self.middle)) @ self.whitening.double().T

    def distances(self, rows: Tensor) -> Tensor:
        """Map rows of features (K, 4096) to distances (K,) float64, 0 or more."""
        centred = _centred(rows, self.middle)
        along = self._along(centred)
        across = (centred.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0)
        coordinates = along @ self.whitening.double().T
        to_classes = torch.cdist(coordinates, self.means.double()).min(dim=1).values.square()
        to_all = along.square() @ self.shares.double()
        difference = to_classes - to_all + self.rest * across
        return (difference + self.offset).clamp(min=0).sqrt()

    def _along(self, centred: Tensor) -> Tensor:
        along: Tensor = centred @ self.axes.double()
        return along

    def threshold(self, false_rejection: float) -> float | None:
        """Return `answers.prediction.distance_threshold` of the distances that are left out."""
        return distance_threshold(
            self.left_out.tolist(), judged=self.judged, false_rejection=false_rejection
        )


def all_distances(space: ImageSpace, features: RowSelection) -> Tensor:
    """Map all rows of features to distances (N,) float64."""
    return _of_all(space.distances, features)


def all_coordinates(space: ImageSpace, features: RowSelection, count: int) -> Tensor:
    """Map all rows of features to their first coordinates, (N, `count`) float32 at most."""
    return _of_all(lambda rows: space.coordinates(rows)[:, :count].float(), features)


def _of_all(work: Callable[[Tensor], Tensor], features: RowSelection) -> Tensor:
    """Do something for all rows, a few at a time, on several cores."""
    parts = (on_cores(work, torch.split(portion, SLICE)) for portion in features.portions())
    return torch.cat([part for portion in parts for part in portion])


def _check(space: ClassSpace, classes: int) -> None:
    """Raise an error where parts do not fit together."""
    count = len(space.shares)
    shapes = {
        "middle": (LAYERS[LAYER],),
        "axes": (LAYERS[LAYER], count),
        "whitening": (count, count),
        "shares": (count,),
        "means": (classes, count),
    }
    for name, shape in shapes.items():
        tensor = getattr(space, name)
        is_fit = tensor.shape == shape and tensor.dtype == torch.float32
        if not is_fit or not torch.isfinite(tensor).all():
            raise ValueError(f"the space of the classes: {name} does not fit")
    numbers = (space.rest, space.offset)
    if any(type(n) is not float or not 0 <= n < math.inf for n in numbers):
        raise ValueError("the space of the classes: a number is not one")
    known = space.left_out
    if known.dtype != torch.float32 or known.dim() != 1 or not torch.isfinite(known).all():
        raise ValueError("the distances of the training images are not numbers")
    counts = range(len(known), 2**53) if len(known) else range(1)
    if type(space.judged) is not int or space.judged not in counts:
        raise ValueError("the number of the distances is not one")


def _centred(rows: Tensor, middle: Tensor) -> Tensor:
    return space_inputs(rows).double() - middle.double()


def space_inputs(rows: Tensor) -> Tensor:
    """Return the square roots (K, D) float32 of the layer's numbers in rows (K, 4096)."""
    return rows[:, COLUMNS[LAYER]].float().clamp(min=0).sqrt()
