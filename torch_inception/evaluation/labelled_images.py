"""The images that a model is evaluated on: listed as for training, and matched with its classes."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch_inception.config import EvaluateConfig, TrainConfig
from torch_inception.datasets.dataset import Dataset, class_table
from torch_inception.datasets.folder_shapes import quoted, same_names
from torch_inception.datasets.label_sets import DELIMITER
from torch_inception.datasets.load_dataset import load_dataset
from torch_inception.datasets.parts import Part
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

_TESTING: tuple[Part, ...] = ("test", "validation")
"""Parts that a model may be evaluated on, where the data has parts; the first that is there."""


class Matched(NamedTuple):
    """Images whose classes a model knows.

    Attributes:
        dataset: with the labels and class numbers of the model.
        unknown: label that it does not know -> number of files that are left out.
    """

    dataset: Dataset
    unknown: Mapping[str, int]


def list_images(config: EvaluateConfig, images: object = None, *, several: bool = False) -> Dataset:
    """List the images that a configuration names, or that are given in Python.

    Args:
        config: of the evaluation.
        images: as in `load_dataset`.
        several: whether they may have several labels.

    Raises:
        ConfigError: nothing is named, or a delimiter of labels without a table.
        DatasetError: there are no such images.
    """
    if not (config.data or config.labels):
        raise ConfigError(
            "no images are named. Give a folder with one folder of images per class, or a table: "
            "--labels FILE.csv"
        )
    source = _source_of(config)
    if several and (config.labels or images is not None):
        source = dataclasses.replace(source, label_delimiter=source.label_delimiter or DELIMITER)
    dataset = _of_test(load_dataset(source, images, to_train=False))
    if dataset.several is not None and not several:
        raise DatasetError(
            f"{dataset.name} has several labels per image, and the model gives one. Name a model "
            "that was trained on such a table."
        )
    log.info(class_table(dataset))
    return dataset


def _source_of(config: EvaluateConfig) -> TrainConfig:
    """Return the settings with which training would take the same images."""
    return TrainConfig(
        data=config.data,
        labels=config.labels,
        path_column=config.path_column,
        label_column=config.label_column,
        label_delimiter=config.label_delimiter,
    )


def data_name(config: EvaluateConfig) -> str:
    """Return the name of the data folder or table."""
    return _source_of(config).output_folder.name


def _of_test(dataset: Dataset) -> Dataset:
    """Return the images that the data gives for the test; all, where it gives none."""
    part = next((part for part in _TESTING if part in dataset.parts), None)
    if part is None:
        return dataset
    paths = [path for path, own in zip(dataset.paths, dataset.parts, strict=True) if own == part]
    log.info(
        "split: of the %s, those of the %s part are evaluated: %d",
        counted(len(dataset.paths), "file"), part, len(paths),
    )  # fmt: skip
    return dataset.restricted_to(paths)


def match(dataset: Dataset, labels: Sequence[str], *, model: str) -> Matched:
    """Leave out the images of classes that a model does not know.

    Args:
        dataset: with classes of its own.
        labels: of the model.
        model: its name.

    Raises:
        DatasetError: no image is left.
    """
    name_of = same_names(dataset.classes, labels)
    number = {name_of[label]: place for place, label in enumerate(labels) if label in name_of}
    known = [
        path
        for path, target in zip(dataset.paths, dataset.targets, strict=True)
        if dataset.classes[target] in number
    ]
    if not known:
        raise DatasetError(
            f"{dataset.name} has no image of a class that {model} knows. It knows "
            f"{quoted(labels)}; there, classes are {quoted(dataset.classes)}. Give images of its "
            "classes, by the same names."
        )
    found = dataset.restricted_to(known)
    targets = [number[dataset.classes[target]] for target in found.targets]
    unknown = {
        label: count for label, count in dataset.counts().items() if count and label not in number
    }
    return Matched(dataclasses.replace(found, label_texts=list(labels), targets=targets), unknown)
