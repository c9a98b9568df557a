"""A file of `torch-inception export` as a model of the server, without torch."""

from pathlib import Path

from torch_inception.answers.accuracy import accuracy_when_trained
from torch_inception.exported.exported_classifier import ExportedClassifier, ExportedRow
from torch_inception.images.placement import placement
from torch_inception.images.see import SeenImage
from torch_inception.service.image_model import ImageModel, ShownMap, file_version
from torch_inception.service.served_model import ModelFacts, Session
from torch_inception.system.cores import usable_cores


class ExportedModel(ImageModel[ExportedRow]):
    """An exported file that ONNX Runtime runs. It takes an image at a time.

    Args:
        classifier: the file.
        version: of the file.
    """

    batch_size = 1

    def __init__(self, classifier: ExportedClassifier, version: str) -> None:
        facts = ModelFacts(
            labels=classifier.labels,
            version=version,
            has_distance=classifier.knows_training_images,
            has_thresholds=bool(classifier.thresholds),
            has_maps=True,
            has_neighbours=False,
            accuracy=accuracy_when_trained(classifier.description.training),
            several_labels=classifier.independent,
        )
        super().__init__(classifier, classifier.description.preprocessing, facts)
        self._exported = classifier

    @classmethod
    def load(cls, file: Path) -> "ExportedModel":
        """Load an ONNX file that `torch-inception export` wrote.

        Raises:
            InstallationError, ModelError: as `ExportedClassifier.load`.
        """
        return cls(ExportedClassifier.load(file), file_version(file))

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""
        return usable_cores()

    def session(self) -> Session:
        """Return ONNX Runtime's, which all threads share."""
        return lambda images: map(self._exported.row_of_seen, images)

    def _map(self, image: SeenImage, row: ExportedRow, label: str) -> ShownMap:
        explanation = self._exported.explain_seen(image)
        size = image.facts.width, image.facts.height
        return ShownMap(explanation.seen(label), placement(size, self._preprocessing))
