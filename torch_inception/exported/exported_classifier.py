"""A classifier that is a file of `torch-inception export`: no torch, no weights, no cache."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.answers.image_classifier import ImageClassifier
from torch_inception.answers.prediction import (
    Distance,
    Map,
    class_number,
    distance_to_training,
)
from torch_inception.config import expand_home
from torch_inception.errors import ConfigError, ImageError, ModelError
from torch_inception.exported.description import Description
from torch_inception.exported.session import Session
from torch_inception.images.facts import FACTS, ImageFacts
from torch_inception.images.facts_tally import FactsTally
from torch_inception.images.image_input import ImageInput, image_name, is_path_of_something
from torch_inception.images.preprocess import Pixels
from torch_inception.images.see import SeenImage, see_named, see_or_say
from torch_inception.system.cores import usable_cores
from torch_inception.system.ordered_map import ordered_map


class ExportedRow(NamedTuple):
    """What the file answers to an image.

    Attributes:
        probabilities: (C,), 0 to 1.
        distance: from the training images; None where the model does not know them.
        facts: of the image.
    """

    probabilities: NDArray[numpy.float64]
    distance: float | None
    facts: ImageFacts


@dataclass(frozen=True)
class ExportedExplanation:
    """What of an image speaks for its best class, and what against it.

    Attributes:
        labels: class names.
        probabilities: (C,), 0 to 1.
        map: (299, 299) float32, in logits per pixel, of the best class.
        pixels: (299, 299, 3) uint8, what the network sees.
    """

    labels: Sequence[str]
    probabilities: NDArray[numpy.float64]
    map: Map
    pixels: Pixels

    @property
    def best(self) -> str:
        """Label of the class with the highest score."""
        return self.labels[int(self.probabilities.argmax())]

    def seen(self, label: str, *, versus: str = "") -> Map:
        """Return the map of the best class.

        Args:
            label: of the best class.
            versus: not for exported files.

        Raises:
            ConfigError: the map of another class is asked for.
        """
        if versus or label != self.best:
            raise ConfigError(
                f"an exported file has the map of the best class alone, here {self.best!r}. Load "
                "the run folder with Classifier for that of others."
            )
        return self.map

    def score(self, label: str) -> float:
        """Return the probability of a class, 0 to 1."""
        return float(self.probabilities[class_number(self.labels, label)])


class ExportedClassifier(ImageClassifier[ExportedRow]):
    """Names images as the classifier does that was exported, but without torch.

    Any number of threads may use it at once.

    Args:
        session: with the file.
        workers: threads that decode and compute when there are several images.
    """

    def __init__(self, session: Session, *, workers: int) -> None:
        self._session, self._workers = session, workers

    @classmethod
    def load(cls, path: str | Path, *, for_one: bool = False) -> "ExportedClassifier":
        """Load an ONNX file that `torch-inception export` wrote.

        Args:
            path: of the file.
            for_one: whether it is for one image: it is loaded in less time then, and computes on
                all cores at once, but a second image takes longer.

        Raises:
            InstallationError: onnxruntime is not installed.
            ModelError: there is no such file, it is damaged, or another program wrote it.
        """
        file = Path(expand_home("model", os.fspath(path)))
        workers = 1 if for_one else usable_cores()
        return cls(Session(file, for_one=for_one), workers=workers)

    @property
    def description(self) -> Description:
        """What the file says of itself."""
        return self._session.description

    @property
    def labels(self) -> list[str]:
        """The class names, in the order of the scores."""
        return self.description.labels

    @property
    def independent(self) -> bool:
        """Whether an image may have several labels, or none."""
        return self.description.independent

    @property
    def coverage(self) -> Mapping[float, float]:
        """Coverage -> lowest score of a label that belongs into a set."""
        return self.description.coverage

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Label -> score from which on an image is over the threshold of that class."""
        return self.description.thresholds

    @property
    def knows_training_images(self) -> bool:
        """Whether it can tell how far an image is from the training images."""
        return self.description.left_out is not None

    def probabilities_of(self, row: ExportedRow) -> NDArray[numpy.float64]:
        """Return the probabilities (C,) of an image's classes."""
        return row.probabilities

    def distance_of(self, row: ExportedRow, *, false_rejection: float) -> Distance:
        """Return what `distance` does, by what was computed of an image."""
        left_out = self.description.left_out
        if row.distance is None or left_out is None:
            raise ModelError(
                "the model knows nothing of its training images: it was not trained by "
                "torch-inception. Name one that was."
            )
        return distance_to_training(
            row.distance, left_out, judged=self.description.judged, false_rejection=false_rejection
        )

    def explain(self, image: ImageInput) -> ExportedExplanation:
        """Tell what of an image speaks for its best class.

        Args:
            image: as in `predict`; one.

        Raises:
            ImageError: the image cannot be read.
            TypeError: what is given is not an image.
        """
        return self.explain_seen(see_named(image, self.description.preprocessing))

    def explain_seen(self, seen: SeenImage) -> ExportedExplanation:
        """Do as `explain`, of an image that is decoded."""
        return ExportedExplanation(self.labels, *self._session.with_map(seen.pixels), seen.pixels)

    def stream_rows(self, images: Iterable[ImageInput]) -> Iterator[ExportedRow | ImageError]:
        """Yield what is computed of each image, as they come; a bad one yields its error.

        At the end it is told what was odd about the images.
        """
        preprocessing = self.description.preprocessing
        tally, names = FactsTally(preprocessing), deque[Path | str]()

        def taken() -> Iterator[Path | SeenImage | ImageError]:
            # Paths are decoded by the workers; what is in memory at once, before the next one.
            for number, item in enumerate(images):
                path = Path(item) if is_path_of_something(item) else None
                names.append(path or image_name(item, number))
                yield path or see_or_say(item, preprocessing)

        rows = ordered_map(lambda: self._work, taken(), workers=self._workers, batch_size=1)
        for row in rows:
            name = names.popleft()
            if isinstance(row, ExportedRow):
                tally.add([name], numpy.array([row.facts], FACTS))
            yield row
        tally.tell(with_plain=True)

    def _work(
        self, batch: Sequence[Path | SeenImage | ImageError]
    ) -> list[ExportedRow | ImageError]:
        return [self._row_or_error(item) for item in batch]

    def _row_or_error(self, item: Path | SeenImage | ImageError) -> ExportedRow | ImageError:
        preprocessing = self.description.preprocessing
        seen = see_or_say(item, preprocessing) if isinstance(item, Path) else item
        return self.row_of_seen(seen) if isinstance(seen, SeenImage) else seen

    def row_of_seen(self, seen: SeenImage) -> ExportedRow:
        """Return what is computed of an image that is decoded, on the calling thread."""
        return ExportedRow(*self._session(seen.pixels), seen.facts)
