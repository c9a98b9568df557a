"""A run folder as a model of the server."""

import logging
from collections.abc import Sequence
from pathlib import Path

from torch_inception.answers.accuracy import accuracy_when_trained
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import Device
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ModelError, WeightsError
from torch_inception.features.image_rows import FeatureRow
from torch_inception.images.see import SeenImage
from torch_inception.service.image_model import ImageModel, ShownMap, file_version
from torch_inception.service.neighbour_images import NeighbourImages
from torch_inception.service.served_model import ModelFacts, Session, Values
from torch_inception.system.threads import compute_alone

log = logging.getLogger(__name__)


class ClassifierModel(ImageModel[FeatureRow]):
    """A classifier that torch or another engine runs.

    Args:
        classifier: the classifier.
        file: that it was loaded from.
        version: of the file.
    """

    def __init__(self, classifier: Classifier, file: Path, version: str) -> None:
        facts = ModelFacts(
            labels=classifier.labels,
            version=version,
            has_distance=classifier.knows_training_images,
            has_thresholds=bool(classifier.thresholds),
            has_maps=_has_maps(classifier),
            has_neighbours=_has_neighbours(classifier),
            accuracy=accuracy_when_trained(classifier.model.training),
            several_labels=classifier.independent,
        )
        super().__init__(classifier, classifier.model.preprocessing, facts)
        self._torch = classifier
        self._thumbnails = NeighbourImages(classifier, file.parent)

    @classmethod
    def load(
        cls, file: Path, *, weights: str = "", device: Device = "auto", engine: Engine | None = None
    ) -> "ClassifierModel":
        """Load a `model.pt`.

        Raises:
            ConfigError, ModelError, WeightsError: as `Classifier.load`.
        """
        classifier = Classifier.load(file, weights=weights, device=device, engine=engine)
        return cls(classifier, file, file_version(file))

    @property
    def batch_size(self) -> int:
        """Most images that a session takes at a time."""
        return self._torch.engine.batch_size

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""
        return self._torch.engine.workers

    def session(self) -> Session:
        """Return the engine's, for this thread."""
        compute_alone()
        run = self._torch.engine.session()
        return lambda images: run([image.pixels for image in images])

    def _map(self, image: SeenImage, row: FeatureRow, label: str) -> ShownMap:
        explanation = self._torch.explain_seen(image)
        return ShownMap(explanation.seen(label), explanation.placement)

    def _neighbours(self, row: FeatureRow, count: int) -> Sequence[Values] | None:
        if not self.facts.has_neighbours:
            return None
        return self._thumbnails.with_thumbnails(self._torch.neighbours_of(row, count))


def _has_maps(classifier: Classifier) -> bool:
    """Tell whether the network gives maps, or torch can stand in for it."""
    try:
        _ = classifier.engine_with_maps
    except WeightsError as error:
        reason = str(error).partition("\n")[0]
        log.warning("WARNING: there are no maps of this model: %s", reason)
        return False
    return True


def _has_neighbours(classifier: Classifier) -> bool:
    if not classifier.knows_training_images:
        return False
    try:
        _ = classifier.training_images
    except ModelError as error:
        log.warning("WARNING: there are no nearest training images: %s", error)
        return False
    return True
