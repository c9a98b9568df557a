"""The data set that a configuration names: a folder, a table or a list, and what goes with it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch_inception.config import FROM_PYTHON, TrainConfig
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.training.dataset import Dataset, read_dataset, with_test_folder
from torch_inception.training.folder_shapes import check_folder, composed
from torch_inception.training.label_table import open_table, table_of
from torch_inception.training.table_dataset import table_dataset

log = logging.getLogger(__name__)


def load_dataset(config: TrainConfig, images: object = None) -> Dataset:
    """List the images that a configuration names.

    Args:
        config: the settings.
        images: a list or data frame as `table_of` takes it, in place of a folder or file.

    Raises:
        DatasetError: they cannot be trained on.
        ConfigError: a table is named, and images are given too.
    """
    dataset = _read(config, images)
    if config.test_data:
        dataset = with_test_folder(dataset, Path(config.test_data))
    _warn_of_similar_labels(dataset.labels)
    return dataset


def class_roots(config: TrainConfig) -> list[Path]:
    """Return the folders in which each folder is a class."""
    roots = [] if config.labels or config.data == FROM_PYTHON else [config.data]
    return [Path(root) for root in (*roots, config.test_data) if root]


def _read(config: TrainConfig, images: object) -> Dataset:
    columns = {"path": config.path_column, "label": config.label_column}
    if images is not None:
        if config.labels:
            raise ConfigError(
                f"labels = {config.labels!r} and images in Python are given. Give one of them."
            )
        return table_dataset(table_of(images), [Path()], columns=columns)
    if config.labels:
        return _read_table(config, Path(config.labels), columns)
    if config.data == FROM_PYTHON:
        raise DatasetError(
            "these are the settings of a training whose images were given in Python, and they are "
            "not kept in settings. Call train_classifier with the images again, or give a table "
            "of them: --labels FILE.csv"
        )
    return read_dataset(Path(config.data))


def _read_table(config: TrainConfig, file: Path, columns: Mapping[str, str]) -> Dataset:
    table = open_table(file, chosen=columns.values())
    if config.data in ("", FROM_PYTHON):  # no folder is named
        return table_dataset(table, [file.parent], columns=columns)
    folder = Path(config.data)
    check_folder(folder, setting="data")
    return table_dataset(table, [folder, file.parent], columns=columns)


def _warn_of_similar_labels(labels: Sequence[str]) -> None:
    """Warn of classes whose names a person may take for one."""
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(composed(composed(label).lower()).strip(), label)
        if other == label:
            continue
        is_form = composed(label) == composed(other)
        log.warning(
            "WARNING: the names of the classes %s and %s differ only in %s. They are two classes; "
            "if they should be one, give both the same name.",
            *((ascii(other), ascii(label)) if is_form else (repr(other), repr(label))),
            "the Unicode form of their letters" if is_form else _difference(label, other),
        )


def _difference(label: str, other: str) -> str:
    kinds = {
        "upper and lower case": composed(label).strip() != composed(other).strip(),
        "the spaces around them": composed(label.lower()) != composed(other.lower()),
    }
    return " and ".join(kind for kind, differs in kinds.items() if differs)
