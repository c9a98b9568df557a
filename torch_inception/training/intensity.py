"""The range of the training images' values, for data sets of more than 8 bits."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy

from torch_inception.classifier.model_file import Model
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.parts import Part
from torch_inception.errors import ImageError
from torch_inception.features.progress import progress_bar
from torch_inception.images.decode import decode_file, may_be_deep
from torch_inception.images.deep import (
    MOST_VALUES,
    PERCENTILES,
    DeepSettings,
    ValueRange,
    Values,
    finite,
    range_of_finite,
)
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.read import read_file
from torch_inception.system.cores import usable_cores
from torch_inception.system.ordered_map import ordered_map
from torch_inception.training.earlier_split import EarlierParts, EarlierSplit
from torch_inception.training.examples import labelled_images
from torch_inception.training.grouping import groups_of
from torch_inception.training.split import split

log = logging.getLogger(__name__)


class _Examined(NamedTuple):
    """A file's SHA-256, and some of its values; None where it has 8 bits or cannot be read."""

    digest: bytes
    values: Values | None


def with_range(
    preprocessing: Preprocessing,
    config: TrainConfig,
    dataset: Dataset,
    *,
    earlier: Model | None,
    kept_split: EarlierSplit,
    progress: bool = False,
) -> Preprocessing:
    """Return a preprocessing with the range of the training images, where it is to have one.

    A run into a folder keeps the range of the run before, so that rows stay. Otherwise the range
    depends on the training images alone: of each, as many values are taken as fit into
    `images.deep.MOST_VALUES` for all, evenly spread over it.

    Args:
        preprocessing: as configured.
        config: of the run.
        dataset: the files; those of the test and of validation are left out.
        earlier: model of the run before into the same folder.
        kept_split: the split of that run.
        progress: whether to show a bar on standard error.
    """
    if preprocessing.intensity != "dataset":
        return preprocessing
    kept = earlier and replace(
        earlier.preprocessing, resize=config.resize, exact_decode=config.exact_decode
    )
    is_same = kept and kept == replace(preprocessing, dataset_range=kept.dataset_range)
    found = kept.dataset_range if kept and is_same else None
    origin = "as in the run before"
    if found is None:  # or deep images may have been added
        found, origin = _range_of_training_images(
            preprocessing, config, dataset, kept_split, progress=progress
        )
    if found is None:
        log.info("intensity: no training image has more than 8 bits; there is no range to be had")
    else:
        log.info("intensity: %g becomes black, %g white (%s)", *found, origin)
    return replace(preprocessing, dataset_range=found)


def _range_of_training_images(
    preprocessing: Preprocessing,
    config: TrainConfig,
    dataset: Dataset,
    kept_split: EarlierSplit,
    *,
    progress: bool,
) -> tuple[ValueRange | None, str]:
    most = max(1, MOST_VALUES // len(dataset.paths))

    def work(batch: Sequence[Path]) -> list[_Examined | None]:
        return [_examined(path, preprocessing.deep, most) for path in batch]

    results = ordered_map(lambda: work, dataset.paths, workers=usable_cores(), batch_size=1)
    found = list(progress_bar(results, "values", total=len(dataset.paths), show=progress))
    parts = _parts(config, dataset, found, kept_split)
    values = [
        each.values
        for each, part in zip(found, parts, strict=True)
        if each and each.values is not None and part == "train"
    ]
    if not values:
        return None, ""
    low, high = PERCENTILES
    origin = f"percentiles {low:g} and {high:g} of {len(values):,} training images"
    return range_of_finite(numpy.concatenate(values)), origin


def _parts(
    config: TrainConfig,
    dataset: Dataset,
    found: Sequence[_Examined | None],
    kept_split: EarlierSplit,
) -> list[Part | None]:
    """Return the part of each file, None if unreadable.

    Rows are not there yet, so near copies may still have another part.
    """
    readable = [place for place, each in enumerate(found) if each]
    images = labelled_images(
        dataset.restricted_to(dataset.paths[place] for place in readable),
        [each.digest for each in found if each],
        pattern=config.group,
    )
    drawn = split(
        EarlierParts(images, groups_of(images), kept_split),
        holdout=config.holdout,
        with_validation=config.with_validation,
    )
    parts: list[Part | None] = [None] * len(found)
    for place, part in zip(readable, drawn, strict=True):
        parts[place] = (dataset.parts[place] or "train") if dataset.parts else part
    return parts


def _examined(path: Path, deep: DeepSettings, most: int) -> _Examined | None:
    """Read a file; return up to so many of its values, evenly spread."""
    taken: list[Values] = []

    def take(values: Values) -> ValueRange:
        taken.append(_spread(finite(values), most).astype(numpy.float64))
        return ValueRange(0.0, 0.0)

    try:
        content = read_file(path)
    except ImageError:
        return None  # the pass says so
    digest = hashlib.sha256(content).digest()
    try:
        if may_be_deep(content):
            decode_file(content, deep=replace(deep, measure=take))
    except ImageError:
        return _Examined(digest, None)
    return _Examined(digest, _spread(numpy.concatenate(taken), most) if taken else None)


def _spread(values: Values, most: int) -> Values:
    """Return up to so many values of one row, evenly spread over it."""
    return values[:: -(-values.size // most) or 1]
