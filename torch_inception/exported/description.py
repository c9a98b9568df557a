"""What an exported file says of itself, checked: labels, preprocessing, limits."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_inception.answers.prediction import check_thresholds
from torch_inception.answers.training_record import TrainingRecord
from torch_inception.config import COVERAGES
from torch_inception.errors import ConfigError, ModelError
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import brief

FORMAT_NAME = "torch_inception_format"
FORMAT = 1
"""Number of the layout of what a file says of itself, and of what goes in and comes out."""

FORMAT_OF_SEVERAL = 2
"""The same where an image may have several labels, which earlier versions know nothing of."""

INPUT = "image"
"""Name of the input."""

PROBABILITIES, MAP, DISTANCE = "probabilities", "map", "distance"
"""Names of the outputs."""


def is_exported(path: Path) -> bool:
    """Tell by its name whether a file is one that ONNX Runtime runs."""
    return path.suffix.lower() == ".onnx"


def refuse_exported(path: Path) -> None:
    """Do nothing unless a path is an exported file.

    Raises:
        ModelError: it is one; with what takes it.
    """
    if is_exported(path) and path.is_file():
        raise ModelError(
            f"{path} is an exported file: predict, show and serve take it, and ExportedClassifier "
            "in Python. Here, name the run folder that it was exported from."
        )


@dataclass(frozen=True)
class Description:
    """What an exported file says of itself.

    Attributes:
        labels: class names.
        preprocessing: how an image becomes 299 x 299.
        coverage: coverage -> lowest score of a label that belongs into a set.
        independent: whether an image may have several labels, or none.
        thresholds: label -> score from which on an image is over the threshold of that class.
        left_out: distances of training images to classes that were fitted without them, in order;
            None where the model does not know its training images.
        judged: how many images these stand for.
        training: how the model came about; None where it is not known.
        weights: of the network, in words.
    """

    labels: list[str]
    preprocessing: Preprocessing
    coverage: Mapping[float, float]
    independent: bool
    thresholds: Mapping[str, float]
    left_out: list[float] | None
    judged: int
    training: TrainingRecord | None
    weights: str


def read_description(about: Mapping[str, str], path: Path) -> Description:
    """Check what a file says of itself.

    Args:
        about: name -> text or JSON, as `export` writes it.
        path: of the file, for messages.

    Raises:
        ModelError: another program wrote the file, or a later version, or it is damaged.
    """
    if FORMAT_NAME not in about:
        raise ModelError(
            f"{path} is an ONNX file, but not one that torch-inception export wrote. Name one that "
            "it wrote, or a run folder."
        )
    if about[FORMAT_NAME] not in (str(FORMAT), str(FORMAT_OF_SEVERAL)):
        raise ModelError(
            f"{path} has the format {brief(about[FORMAT_NAME])}; this version reads {FORMAT}. "
            "Update torch_inception, or export again with this version."
        )
    try:
        left_out, judged = _left_out(about)
        training = json.loads(about.get("training", "null"))
        labels = _labels(json.loads(about["names"]))
        is_of_several = about[FORMAT_NAME] == str(FORMAT_OF_SEVERAL)
        return Description(
            labels=labels,
            preprocessing=Preprocessing(**json.loads(about["preprocessing"])),
            coverage=_coverage(json.loads(about["coverage"])),
            independent=is_of_several,
            thresholds=check_thresholds(
                json.loads(about.get("thresholds", "{}")), labels, all_of_them=is_of_several
            ),
            left_out=left_out,
            judged=judged,
            training=None if training is None else TrainingRecord.from_dict(training),
            weights=f"{about['weights_source']} {about['weights_version']}",
        )
    except KeyError as error:
        raise ModelError(f"{path} is damaged ({brief(error)} is missing). Export again.") from error
    except (
        ConfigError, TypeError, ValueError, AttributeError, RecursionError, OverflowError,
    ) as error:  # fmt: skip
        raise ModelError(f"{path} is damaged ({brief(error)}). Export again.") from error


def _labels(names: Any) -> list[str]:  # noqa: ANN401
    labels = [names[str(number)] for number in range(len(names))]
    if not labels or not all(isinstance(label, str) and label for label in labels):
        raise ValueError("the names of the classes are not names")
    if len(set(labels)) < len(labels):
        raise ValueError("two classes have one name")
    return labels


def _coverage(thresholds: Any) -> dict[float, float]:  # noqa: ANN401
    found = {float(coverage): threshold for coverage, threshold in thresholds.items()}
    for coverage, threshold in found.items():
        is_share = isinstance(threshold, float) and 0 <= threshold <= 1
        if coverage not in COVERAGES or not is_share:
            raise ValueError("the thresholds of sets are not shares")
    return found


def _left_out(about: Mapping[str, str]) -> tuple[list[float] | None, int]:
    """Return the distances of training images that were left out, and of how many they are."""
    if "distances_left_out" not in about:
        return None, 0
    known = json.loads(about["distances_left_out"])
    distances, judged = known["distances"], known["count"]
    if not all(isinstance(each, float) and math.isfinite(each) for each in distances):
        raise ValueError("the distances of the training images are not numbers")
    counts = range(len(distances), 2**53) if distances else range(1)
    if type(judged) is not int or judged not in counts:
        raise ValueError("the number of the distances is not one")
    return distances, judged
