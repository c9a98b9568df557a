"""A class and its score, the distance to the training images, and the limits of both."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol

import numpy
from numpy.typing import NDArray

from torch_inception.errors import ConfigError
from torch_inception.images.preprocess import Pixels
from torch_inception.system.escape import listed, printable

LABELS_SHOWN = 20
"""Labels in a message at most."""

NO_LABEL = "none"
"""Is said of an image that may have several labels, and has none."""

Map = NDArray[numpy.float32]


class Prediction(NamedTuple):
    """One class and the probability (0 to 1) that the classifier gives it."""

    label: str
    score: float


class Distance(NamedTuple):
    """How far an image is from all that a classifier was trained on.

    Attributes:
        known: whether it is no further than the threshold; None where there were too few training
            images to tell.
        distance: a relative Mahalanobis distance, 0 or more, without a unit; see
            `heads/class_space.py`. Where an image may have several labels, that to the nearest
            training image; see `heads/nearest_space.py`.
        threshold: the distance over which the chosen share of images lies that are like the
            training images; None where there were too few of these.
    """

    known: bool | None
    distance: float
    threshold: float | None


class Explained(Protocol):
    """What of an image speaks for a class."""

    @property
    def pixels(self) -> Pixels:
        """What the network sees, (299, 299, 3) uint8."""

    def seen(self, label: str, *, versus: str = "") -> Map:
        """Return what speaks for a class, (299, 299) float32, in logits per pixel."""

    def score(self, label: str) -> float:
        """Return the probability of a class, 0 to 1."""


def class_number(labels: Sequence[str], label: str) -> int:
    """Return the number of a class.

    Raises:
        ConfigError: there is no such class.
    """
    try:
        return list(labels).index(label)
    except ValueError:
        known = listed([printable(each) for each in labels], LABELS_SHOWN)
        raise ConfigError(f"there is no class {label!r}. The model has: {known}.") from None


def check_count(name: str, value: object) -> None:
    """Do nothing if a value is a whole number, 1 or more.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ConfigError(f"{name} = {value!r} must be a whole number from 1.")


def check_thresholds(
    thresholds: Mapping[Any, Any], labels: Sequence[str], *, all_of_them: bool
) -> dict[str, float]:
    """Return the thresholds of classes that a file holds.

    Args:
        thresholds: whatever the file holds.
        labels: of the classes.
        all_of_them: whether each class needs one.

    Raises:
        ValueError: one is of no class, or out of its range; or a class has none.
    """
    if all_of_them and not set(labels) <= set(thresholds):
        raise ValueError("a class has no threshold")
    for label, threshold in thresholds.items():
        if label not in labels or not isinstance(threshold, float) or not 0 < threshold <= 1:
            raise ValueError("the thresholds of classes are not scores of its classes")
    return dict(thresholds)


def distance_to_training(
    distance: float, left_out: Sequence[float], *, judged: int, false_rejection: float
) -> Distance:
    """Return a distance with its threshold.

    Args:
        distance: of an image.
        left_out: as for `distance_threshold`.
        judged: as for `distance_threshold`.
        false_rejection: as for `distance_threshold`.

    Raises:
        ConfigError: the share is out of its range.
    """
    if not isinstance(false_rejection, Real) or not 0 < false_rejection < 1:
        raise ConfigError(
            f"false_rejection = {false_rejection!r} must be a number above 0 and below 1."
        )
    threshold = distance_threshold(left_out, judged=judged, false_rejection=false_rejection)
    known = None if threshold is None else distance <= threshold
    return Distance(known, distance, threshold)


def distance_threshold(
    left_out: Sequence[float], *, judged: int, false_rejection: float
) -> float | None:
    """Return the distance over which a share of images like the training images lies.

    It is the ceil((n + 1) (1 - share))-th smallest of n distances, as for sets of labels
    (`heads/coverage.py`).

    Args:
        left_out: distances of training images to classes that were fitted without them, in order.
        judged: how many images these stand for.
        false_rejection: the share, above 0 and below 1.

    Returns:
        the distance; None where there are too few training images to tell.
    """
    rank = math.ceil(round((judged + 1) * (1 - false_rejection), 9))
    if rank > judged:
        return None
    place = 0.0 if judged == 1 else (rank - 1) / (judged - 1)
    return float(left_out[math.ceil(round(place * (len(left_out) - 1), 9))])


def label_set(scores: Mapping[str, float], threshold: float) -> list[str]:
    """Return the labels that score a threshold or more, best first; the best one always.

    Args:
        scores: label -> probability, best first.
        threshold: of `heads.coverage.coverage_thresholds`.
    """
    best, *others = scores
    return [best, *(label for label in others if scores[label] >= threshold)]
