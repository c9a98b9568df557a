"""What a model answers to the row of features of an image: no image, no network."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from torch_inception.classifier.model_file import Model
from torch_inception.classifier.training_images import (
    NEIGHBOURS_FILE,
    Neighbour,
    TrainingImages,
    load_training_images,
)
from torch_inception.errors import ConfigError, ModelError
from torch_inception.features.image_rows import FeatureRow
from torch_inception.heads.class_space import ClassSpace
from torch_inception.heads.coverage import label_set
from torch_inception.heads.inputs import head_inputs
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes


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
            `heads/class_space.py`.
        threshold: the distance over which the chosen share of images lies that are like the
            training images; None where there were too few of these.
    """

    known: bool | None
    distance: float
    threshold: float | None


class RowClassifier:
    """Names images by their rows of features, as `Classifier.stream_rows` gives them.

    Args:
        model: labels, head and preprocessing.
        path: of the model, where it was loaded from a file; the training images lie beside it.
    """

    def __init__(self, model: Model, *, path: str | Path = "") -> None:
        self.model = model
        self._path = path

    @property
    def labels(self) -> list[str]:
        """The class names, in the order of the head's rows."""
        return self.model.labels

    @default_modes()
    @one_thread()
    def best(self, row: FeatureRow, top: int) -> list[Prediction]:
        """Return the best classes of an image, by its row of features."""
        scores = self._probabilities(row)
        order = torch.sort(scores, descending=True, stable=True).indices[:top]
        return [Prediction(self.labels[number], float(scores[number])) for number in order]

    @default_modes()
    @one_thread()
    def distance_of(self, row: FeatureRow, *, false_rejection: float) -> Distance:
        """Return what `distance` does, by a row of features."""
        if not 0 < false_rejection < 1:
            raise ConfigError(f"false_rejection = {false_rejection:g} must be above 0 and below 1.")
        distance = float(self._space.distances(self._features(row)))
        threshold = self._space.threshold(false_rejection)
        known = None if threshold is None else distance <= threshold
        return Distance(known, distance, threshold)

    @default_modes()
    @one_thread()
    def neighbours_of(self, row: FeatureRow, k: int) -> list[Neighbour]:
        """Return what `neighbours` does, by a row of features."""
        if k < 1:
            raise ConfigError(f"neighbours = {k} must be 1 or more.")
        (coordinates,) = self._space.coordinates(self._features(row))
        return self.training_images.nearest(coordinates, k)

    @property
    def _space(self) -> ClassSpace:
        if self.model.space is None:
            raise ModelError(
                "the model knows nothing of its training images: it was not trained by "
                "torch-inception. Name one that was."
            )
        return self.model.space

    @cached_property
    def training_images(self) -> TrainingImages:
        """The training images, which `neighbours` compares images with.

        Raises:
            ModelError: as for `neighbours`.
        """
        path = Path(self._path)
        folder = path if path.is_dir() else path.parent
        return load_training_images(folder / NEIGHBOURS_FILE, self._space)

    def _features(self, row: FeatureRow) -> Tensor:
        """Return a row (1, 4096) as the head was fitted on such."""
        features = row.astype(numpy.float16) if self.model.half_features else row
        return torch.from_numpy(features)[None]

    @default_modes()
    @one_thread()
    def _probabilities(self, row: FeatureRow) -> Tensor:
        """Return the probabilities (C,) float64 of an image's classes.

        They are computed row by row, so that the bits do not depend on the images beside it.
        """
        inputs = head_inputs(self._features(row), self.model.head)
        return self.model.head.probabilities(inputs)[0]

    def label_set(self, answer: Sequence[Prediction], *, coverage: float = 0.9) -> list[str]:
        """Return the smallest set of labels that holds the true one with a chosen probability.

        Args:
            answer: to an image, with every class: `predict(image, top=len(labels))`.
            coverage: 0.9 or 0.95.

        Returns:
            the labels, best first; one at least.

        Raises:
            ConfigError: the model has no threshold for it (it was not trained by this package), or
                the answer does not have every class.
        """
        if {getattr(each, "label", None) for each in answer} != set(self.labels):
            raise ConfigError(
                "a set of labels needs the answer to one image, with every class: "
                "predict(image, top=len(classifier.labels))."
            )
        best_first = sorted(answer, key=lambda each: -each.score)
        return label_set(dict(best_first), self.coverage_threshold(coverage))

    def coverage_threshold(self, coverage: float) -> float:
        """Return the lowest score of a label that belongs into a set.

        Args:
            coverage: 0.9 or 0.95.

        Raises:
            ConfigError: the model has none: it was not trained by this package.
        """
        threshold = self.model.coverage.get(coverage)
        if threshold is None:
            known = ", ".join(map(str, self.model.coverage)) or "none: it was not trained here"
            raise ConfigError(
                f"coverage = {coverage}: the model has no threshold for it (it has {known}). Leave "
                "it out, or name a model that torch-inception trained."
            )
        return threshold
