"""What a model answers to the row of features of an image: no image, no network."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.answers.image_classifier import ImageClassifier
from torch_inception.answers.prediction import Distance, check_count, distance_to_training
from torch_inception.classifier.model_file import Model
from torch_inception.classifier.training_images import (
    NEIGHBOURS_FILE,
    Neighbour,
    TrainingImages,
    load_training_images,
)
from torch_inception.errors import ModelError
from torch_inception.features.image_rows import FeatureRow
from torch_inception.heads.class_space import ImageSpace
from torch_inception.heads.head import IndependentHead
from torch_inception.heads.inputs import head_inputs
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes


class RowClassifier(ImageClassifier[FeatureRow]):
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

    @property
    def independent(self) -> bool:
        """Whether an image may have several labels, or none."""
        return isinstance(self.model.head, IndependentHead)

    @property
    def coverage(self) -> Mapping[float, float]:
        """Coverage -> lowest score of a label that belongs into a set; see `heads/coverage.py`."""
        return self.model.coverage

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Label -> score from which on an image is over the threshold of that class."""
        return self.model.thresholds

    @property
    def knows_training_images(self) -> bool:
        """Whether it can tell how far an image is from the training images."""
        return self.model.space is not None

    @default_modes()
    @one_thread()
    def distance_of(self, row: FeatureRow, *, false_rejection: float) -> Distance:
        """Return what `distance` does, by a row of features."""
        return distance_to_training(
            float(self._space.distances(self._features(row))),
            self._space.left_out.tolist(),
            judged=self._space.judged,
            false_rejection=false_rejection,
        )

    @default_modes()
    @one_thread()
    def neighbours_of(self, row: FeatureRow, k: int) -> list[Neighbour]:
        """Return what `neighbours` does, by a row of features."""
        check_count("k", k)
        return self.training_images.nearest(self.coordinates_of(row), k)

    @default_modes()
    @one_thread()
    def coordinates_of(self, row: FeatureRow) -> Tensor:
        """Return where an image lies in the space of the classes, (R,) float64.

        Raises:
            ModelError: the model was not trained by this package.
        """
        return self._space.coordinates(self._features(row))[0]

    @property
    def _space(self) -> ImageSpace:
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
    def probabilities_of(self, row: FeatureRow) -> NDArray[numpy.float64]:
        """Return the probabilities (C,) of an image's classes.

        They are computed row by row, so that the bits do not depend on the images beside it.
        """
        inputs = head_inputs(self._features(row), self.model.head)
        probabilities: NDArray[numpy.float64] = self.model.head.probabilities(inputs)[0].numpy()
        return probabilities
