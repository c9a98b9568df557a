"""The data set that a configuration names: a folder, a table or a list, and what goes with it."""

import dataclasses
import logging
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from torch_inception.config import FROM_PYTHON, Solver, TrainConfig
from torch_inception.errors import DatasetError
from torch_inception.training.dataset import Dataset, read_dataset, with_test_folder
from torch_inception.training.given_split import settled_parts

log = logging.getLogger(__name__)


def load_dataset(config: TrainConfig) -> Dataset:
    """List the images that a configuration names.

    Raises:
        DatasetError: they cannot be trained on.
    """
    dataset = read_dataset(Path(config.data))
    if config.test_data:
        dataset = with_test_folder(dataset, Path(config.test_data))
    _warn_of_similar_labels(dataset.labels)
    return _settled(dataset, config.solver) if any(dataset.parts) else dataset


def class_roots(config: TrainConfig) -> list[Path]:
    """Return the folders in which each folder is a class."""
    roots = [] if config.labels or config.data == FROM_PYTHON else [config.data]
    return [Path(root) for root in (*roots, config.test_data) if root]


def _settled(dataset: Dataset, solver: Solver) -> Dataset:
    """Fit the parts to a solver.

    Raises:
        DatasetError: a class has no image to train on.
    """
    parts = settled_parts(dataset.parts, solver)
    trained = {
        target
        for target, part in zip(dataset.targets, parts, strict=True)
        if part in ("train", None)
    }
    for number, label in enumerate(dataset.labels):
        if number not in trained:
            raise DatasetError(
                f"the class {label!r} of {dataset.name} has no image for training, but for other "
                "parts of the split. Add some, or remove the class."
            )
    return dataclasses.replace(dataset, parts=parts)


def _warn_of_similar_labels(labels: Sequence[str]) -> None:
    """Warn of classes whose names a person may take for one."""
    first: dict[str, str] = {}
    for label in labels:
        composed = unicodedata.normalize("NFC", label)
        other = first.setdefault(unicodedata.normalize("NFC", composed.casefold()), label)
        if other == label:
            continue
        is_form = composed == unicodedata.normalize("NFC", other)
        log.warning(
            "WARNING: the names of the classes %s and %s differ only in %s. They are two classes; "
            "if they should be one, give both the same name.",
            *((ascii(other), ascii(label)) if is_form else (repr(other), repr(label))),
            "the Unicode form of their letters" if is_form else "upper and lower case",
        )
