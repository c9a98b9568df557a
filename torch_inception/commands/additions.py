"""What `predict` tells of an image beside its best classes, where that is asked for."""

import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch_inception.answers.image_classifier import ImageClassifier
from torch_inception.answers.prediction import NO_LABEL, class_number
from torch_inception.commands.outputs import Addition, NamedImage, Values
from torch_inception.config import PredictConfig
from torch_inception.errors import ConfigError, ImageError
from torch_inception.system.escape import printable

if TYPE_CHECKING:
    from torch_inception.classifier.classifier import Classifier


log = logging.getLogger(__name__)

ENDING = ".map.png"
"""How names of maps end, so that none takes the place of an image."""

MOST_CHARACTERS = 60
"""Of an image's name in that of its map: file systems have names of 255 bytes at most."""


def additions(classifier: ImageClassifier[Any], config: PredictConfig) -> list[Addition]:
    """Return what a configuration asks for.

    Raises:
        ConfigError: the model does not have what that needs, or a folder cannot be used.
    """
    found = []
    if classifier.knows_training_images:
        found.append(_distance(classifier, config.false_rejection))
    elif config.false_rejection != PredictConfig.false_rejection:
        raise ConfigError(
            f"false_rejection = {config.false_rejection:g}: the model knows nothing of its "
            "training images, so it cannot tell what is unlike them. Leave it out, or name a model "
            "that torch-inception trained."
        )
    if classifier.thresholds:
        found.append(_over_threshold(classifier))
    if config.neighbours:
        found.append(_neighbours(cast("Classifier", classifier), config.neighbours))
    if config.coverage:
        found.append(_label_set(classifier, config.coverage))
    if config.explain:
        maps = MapFiles(
            classifier,
            Path(config.explain),
            label=config.explain_class,
            versus=config.explain_versus,
        )
        found.append(Addition(["explanation"], maps.find, _see))
    return found


def _distance(classifier: ImageClassifier[Any], false_rejection: float) -> Addition:
    """Return how far the image is from the training images, and whether that is too far."""

    def find(image: NamedImage) -> Values:
        return classifier.distance_of(image.row, false_rejection=false_rejection)._asdict()

    return Addition(["known", "distance", "threshold"], find, _unlike)


def _unlike(values: Values) -> str:
    known, distance, threshold = values.values()
    if known is not False:
        return ""
    assert isinstance(distance, float)
    assert isinstance(threshold, float)
    times = math.ceil(10 * distance / max(threshold, sys.float_info.min)) / 10
    return f"unlike the training images (distance {times} times the limit)\n"


def _over_threshold(classifier: ImageClassifier[Any]) -> Addition:
    """Return the classes whose thresholds the image reaches."""

    def find(image: NamedImage) -> Values:
        return {"over_threshold": classifier.over_threshold(image.row)}

    def in_words(values: Values) -> str:
        # Where an image may have several labels, these are what text names it with.
        told = f"over the threshold: {_shown(values) or 'none'}\n"
        return "" if classifier.independent else told

    return Addition(["over_threshold"], find, in_words)


def _neighbours(classifier: "Classifier", count: int) -> Addition:
    """Return the training images that the image is most like."""
    _ = classifier.training_images  # it says so at once where they are not there

    def find(image: NamedImage) -> Values:
        near = classifier.neighbours_of(image.row, count)
        return {"neighbours": [each._asdict() for each in near]}

    return Addition(["neighbours"], find, _alike)


def _alike(values: Values) -> str:
    [near] = values.values()
    assert isinstance(near, list)
    lines = [
        f"  {printable(each['path'])} ({printable(each['label']) or NO_LABEL}, "
        f"similarity = {each['similarity']:.2f})\n"
        for each in near
    ]
    return "".join(["nearest training images:\n", *lines])


def _label_set(classifier: ImageClassifier[Any], coverage: float) -> Addition:
    """Return the set of labels that holds the true one with a probability."""
    classifier.coverage_threshold(coverage)  # it says so at once where there is none

    def find(image: NamedImage) -> Values:
        answer = classifier.best(image.row, len(classifier.labels))
        return {"set": classifier.label_set(answer, coverage=coverage)}

    return Addition(["set"], find, lambda values: f"set: {_shown(values)}\n")


def _see(values: Values) -> str:
    return f"see {_shown(values)}\n" if values["explanation"] else ""


def _shown(values: Values) -> str:
    [value] = values.values()
    return ", ".join(map(printable, value)) if isinstance(value, list) else printable(str(value))


class MapFiles:
    """Draws a map per image that explains its answer.

    Args:
        classifier: what named it.
        folder: where maps go; it is made if it is not there.
        label: of the class that is explained; "" for the best one of each image.
        versus: label of a class that it is compared with, if any.

    Raises:
        ConfigError: there is no such class, or the folder cannot be used.
    """

    def __init__(
        self, classifier: ImageClassifier[Any], folder: Path, *, label: str = "", versus: str = ""
    ) -> None:
        self._classifier, self._folder = classifier, folder
        self._label, self._versus = label, versus
        self._names: set[str] = set()
        for name in filter(None, (label, versus)):
            class_number(classifier.labels, name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"explain = {str(folder)!r}: the folder cannot be made ({error.strerror}). Name "
                "another."
            ) from error

    def find(self, image: NamedImage) -> Values:
        """Draw the map of an image that was named; return its file, None where that fails."""
        from torch_inception.images.overlay import overlay  # it takes time, and few need it

        path = image.path
        try:
            explanation = self._classifier.explain(path)
        except ImageError as error:  # it has changed since it was named
            log.warning("no map of %s", error)  # which names the image
            return {"explanation": None}
        label = self._label or image.classes[0].label
        question = f"{label} and not {self._versus}" if self._versus else label
        sheet = overlay(
            explanation.pixels,
            explanation.seen(label, versus=self._versus),
            caption=f"Why {question}? Its score is {explanation.score(label):.5f}.",
        )
        file = self._folder / self._new_name(path)
        sheet.save(file, "PNG")
        return {"explanation": str(file)}

    def _new_name(self, path: Path) -> str:
        """Return a name that no other image of this run has, nor any image that is no map."""
        stem, number = path.stem[:MOST_CHARACTERS], 1
        name = f"{stem}{ENDING}"
        while name.casefold() in self._names:
            number += 1
            name = f"{stem}-{number}{ENDING}"
        self._names.add(name.casefold())
        return name
