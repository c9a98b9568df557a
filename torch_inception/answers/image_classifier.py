"""What names images, whatever runs the network: torch and the engines, or an exported file."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar, overload

import numpy
from numpy.typing import NDArray

from torch_inception.answers.prediction import (
    Distance,
    Explained,
    Prediction,
    check_count,
    label_set,
)
from torch_inception.config import PredictConfig
from torch_inception.errors import ConfigError, ImageError
from torch_inception.images.image_input import ImageInput, check_list, image_name, is_list

Item = TypeVar("Item", bound=ImageInput)

_ONE_LABEL = (
    "sets of labels that hold the true one need a model of one label per image, and this one gives "
    "several"
)

Row = TypeVar("Row")
"""What is computed of an image: the answers are told from it without seeing the image again."""


class ImageClassifier(ABC, Generic[Row]):
    """Names images."""

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """The class names, in the order of their numbers."""

    @property
    def independent(self) -> bool:
        """Whether an image may have several labels, or none: each class has a score by itself."""
        return False

    @property
    @abstractmethod
    def coverage(self) -> Mapping[float, float]:
        """Coverage -> lowest score of a label that belongs into a set; see `heads/coverage.py`."""

    @property
    @abstractmethod
    def thresholds(self) -> Mapping[str, float]:
        """Label -> score from which on an image is over the threshold of that class."""

    @property
    @abstractmethod
    def knows_training_images(self) -> bool:
        """Whether it can tell how far an image is from the training images."""

    @abstractmethod
    def stream_rows(self, images: Iterable[ImageInput]) -> Iterator[Row | ImageError]:
        """Yield what is computed of each image, as they come; a bad one yields its error.

        At the end it is told what was odd about the images.
        """

    @abstractmethod
    def probabilities_of(self, row: Row) -> NDArray[numpy.float64]:
        """Return the probabilities (C,) of an image's classes."""

    @abstractmethod
    def distance_of(self, row: Row, *, false_rejection: float) -> Distance:
        """Return what `distance` does, by a row."""

    @abstractmethod
    def explain(self, image: ImageInput) -> Explained:
        """Tell what of an image speaks for its class."""

    @overload
    def predict(  # type: ignore[overload-overlap]  # a str is one image, not many characters
        self, images: ImageInput, *, top: int = 5
    ) -> list[Prediction]: ...

    @overload
    def predict(self, images: Iterable[ImageInput], *, top: int = 5) -> list[list[Prediction]]: ...

    def predict(
        self, images: ImageInput | Iterable[ImageInput], *, top: int = 5
    ) -> list[Prediction] | list[list[Prediction]]:
        """Name one image or several.

        Args:
            images: a path, the content of a file, a binary file object (it is read from where it
                stands), a PIL image, a uint8 array (H, W, 3) of RGB or a uint8 tensor (3, H, W);
                or a list of such.
            top: how many classes to give, best first.

        Returns:
            the best classes of the image, or of each image of a list.

        Raises:
            ImageError: an image cannot be read.
            TypeError: what is given is not an image, or not a list of images.
        """
        if not is_list(images):
            return self.predict([images], top=top)[0]  # type: ignore[list-item]
        check_count("top", top)
        return [self.best(row, top) for row in self._rows(images)]  # type: ignore[arg-type]

    def predict_proba(self, images: ImageInput | Iterable[ImageInput]) -> NDArray[numpy.float64]:
        """Return the probability of every class for images.

        Args:
            images: as in `predict`; one image is a list of one.

        Returns:
            (N, C) float64 from 0 to 1, the scores of `predict`; each row sums to 1, unless an image
            may have several labels, and column j belongs to `labels[j]`.

        Raises:
            ImageError: an image cannot be read.
            TypeError: what is given is not an image, or not a list of images.
        """
        if not is_list(images):
            return self.predict_proba([images])  # type: ignore[list-item]
        found = [self.probabilities_of(row) for row in self._rows(images)]  # type: ignore[arg-type]
        return numpy.array(found, numpy.float64).reshape(-1, len(self.labels))

    def predict_stream(
        self, images: Iterable[ImageInput], *, top: int = 5
    ) -> Iterator[list[Prediction] | ImageError]:
        """Name images one after another, as they come; a bad one yields its error.

        Raises:
            TypeError: what is given is not a list or stream of images.
        """
        check_list(images)
        check_count("top", top)
        return (
            row if isinstance(row, ImageError) else self.best(row, top)
            for row in self.stream_rows(images)
        )

    def distance(
        self, image: ImageInput, *, false_rejection: float = PredictConfig.false_rejection
    ) -> Distance:
        """Tell how far an image is from all that the classifier was trained on.

        Args:
            image: as in `predict`; one.
            false_rejection: the share of images like the training images that lie over the
                threshold, above 0 and below 1.

        Raises:
            ConfigError: the share is out of its range.
            ImageError: the image cannot be read.
            ModelError: the model was not trained by this package.
            TypeError: what is given is not an image.
        """
        (row,) = self._rows([image])
        return self.distance_of(row, false_rejection=false_rejection)

    def best(self, row: Row, top: int) -> list[Prediction]:
        """Return the best classes of an image, by its row."""
        scores = self.probabilities_of(row)
        order = numpy.argsort(-scores, kind="stable")[:top]
        return [Prediction(self.labels[number], float(scores[number])) for number in order]

    def over_threshold(self, row: Row) -> list[str]:
        """Return the labels whose thresholds an image reaches, best first, by its row."""
        return [each.label for each in self._over_threshold(row)]

    def _over_threshold(self, row: Row) -> list[Prediction]:
        return [
            each
            for each in self.best(row, len(self.labels))
            if each.label in self.thresholds and each.score >= self.thresholds[each.label]
        ]

    def named(self, row: Row, top: int) -> list[Prediction]:
        """Return the classes that an image is named with, by its row.

        Args:
            row: of the image.
            top: how many; where an image may have several labels, these are all that reach their
                thresholds.
        """
        return self._over_threshold(row) if self.independent else self.best(row, top)

    def label_set(self, answer: Sequence[Prediction], *, coverage: float = 0.9) -> list[str]:
        """Return the smallest set of labels that holds the true one with a chosen probability.

        Args:
            answer: to an image, with every class: `predict(image, top=len(labels))`.
            coverage: 0.9 or 0.95.

        Returns:
            the labels, best first; one at least.

        Raises:
            ConfigError: the model has no threshold for it (it was not trained by this package), it
                gives several labels per image, or the answer does not have every class.
        """
        if self.independent:
            raise ConfigError(
                f"{_ONE_LABEL}. Take the labels that score their classifier.thresholds or more."
            )
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
            ConfigError: the model has none for it, or none at all: it was not trained by this
                package.
        """
        if self.independent:
            raise ConfigError(
                f"coverage = {coverage}: {_ONE_LABEL}. Leave it out: what reaches its threshold is "
                "shown."
            )
        threshold = self.coverage.get(coverage)
        if threshold is None:
            rest = (
                f". Give {' or '.join(map(str, self.coverage))}."
                if self.coverage
                else " (it has none: it was not trained here). Leave it out, or name a model that "
                "torch-inception trained."
            )
            raise ConfigError(f"coverage = {coverage}: the model has no threshold for it{rest}")
        return threshold

    def stream_with_rows(self, images: Iterable[Item]) -> Iterator[tuple[Item, Row | ImageError]]:
        """Yield each image with what `stream_rows` yields of it."""
        begun: deque[Item] = deque()

        def noted() -> Iterator[Item]:
            for image in images:
                begun.append(image)
                yield image

        for row in self.stream_rows(noted()):
            yield begun.popleft(), row

    def _rows(self, images: Iterable[ImageInput]) -> Iterator[Row]:
        """Yield the row of each image; raise an error that names the first that has none."""
        for number, (image, row) in enumerate(self.stream_with_rows(images)):
            if isinstance(row, ImageError):
                raise ImageError(f"{image_name(image, number)}: {row}") from row
            yield row
