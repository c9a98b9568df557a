"""What all classifiers have in common as models of the server."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy
from numpy.typing import NDArray

from torch_inception.answers.image_classifier import ImageClassifier
from torch_inception.answers.prediction import Map
from torch_inception.config import PredictConfig
from torch_inception.images.placement import Placement
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.see import SeenImage, see
from torch_inception.service.map_image import map_box, map_image
from torch_inception.service.served_model import ModelFacts, ServedModel, Values, Wishes

Row = TypeVar("Row")
"""What the classifier computes of an image."""

VERSION_CHARACTERS = 12
"""Of the SHA-256 of a model's file, in hexadecimal."""


class ShownMap(NamedTuple):
    """What of an image speaks for a class, (299, 299), and where that lies in the image."""

    values: Map
    placement: Placement


class ImageModel(ServedModel, Generic[Row]):
    """A classifier; its answers have the bits of its `predict`.

    Args:
        classifier: the classifier.
        preprocessing: how an image becomes 299 x 299.
        facts: of the model.
    """

    def __init__(
        self, classifier: ImageClassifier[Row], preprocessing: Preprocessing, facts: ModelFacts
    ) -> None:
        self._classifier, self._preprocessing, self._facts = classifier, preprocessing, facts

    @property
    def facts(self) -> ModelFacts:
        """What is told of it."""
        return self._facts

    @abstractmethod
    def _map(self, image: SeenImage, row: Row, label: str) -> ShownMap:
        """Return what speaks for the best class of an image."""

    def _neighbours(self, row: Row, count: int) -> Sequence[Values] | None:
        """Return the training images that an image is most like; None where none are known."""
        return None

    def see(self, image: bytes | Pixels) -> SeenImage:
        """Return what the network sees of an image."""
        return see(image, self._preprocessing)

    def tell(self, image: SeenImage, output: Row, wishes: Wishes) -> Values:
        """Return what `predict --format json` tells, and what was wished."""
        predictions = self._classifier.best(output, wishes.top)
        told: dict[str, object] = {"predictions": [each._asdict() for each in predictions]}
        if self.facts.has_distance:
            share = PredictConfig.false_rejection
            told |= self._classifier.distance_of(output, false_rejection=share)._asdict()
        if self._classifier.thresholds:
            told["over_threshold"] = self._classifier.over_threshold(output)
        if wishes.map and self.facts.has_maps:
            shown = self._map(image, output, predictions[0].label)
            told |= {"map": map_image(shown.values), "map_box": map_box(shown.placement)}
        if wishes.neighbours:
            told["neighbours"] = self._neighbours(output, wishes.neighbours)
        return told

    def probabilities(self, output: Row) -> NDArray[numpy.float64]:
        """Return the probability of each class."""
        return self._classifier.probabilities_of(output)


def file_version(file: Path) -> str:
    """Return what changes when the content of a model's file does."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:VERSION_CHARACTERS]
