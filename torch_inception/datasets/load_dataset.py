"""The data set that a configuration names: a folder, a table or a list, and what goes with it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch_inception.config import FROM_PYTHON, TrainConfig
from torch_inception.datasets.dataset import Dataset, read_dataset, with_test_folder
from torch_inception.datasets.folder_shapes import check_folder, composed
from torch_inception.datasets.label_table import open_table, table_of
from torch_inception.datasets.table_dataset import table_dataset
from torch_inception.errors import ConfigError, DatasetError

log = logging.getLogger(__name__)


def load_dataset(config: TrainConfig, images: object = None, *, to_train: bool = True) -> Dataset:
    """List the images that a configuration names.

    Args:
        config: the settings.
        images: a list or data frame as `table_of` takes it, in place of a folder or file.
        to_train: whether a head is to learn from them: that takes two classes, and none is empty.

    Raises:
        DatasetError: they cannot be used so.
        ConfigError: a table is named, and images are given too; or a delimiter of labels, and
            there is no table.
    """
    dataset = _read(config, images, to_train=to_train)
    if config.test_data:
        dataset = with_test_folder(dataset, Path(config.test_data))
    _warn_of_similar_labels(dataset.classes)
    return dataset


def class_roots(config: TrainConfig) -> list[Path]:
    """Return the folders in which each folder is a class."""
    roots = [] if config.labels or config.data == FROM_PYTHON else [config.data]
    return [Path(root) for root in (*roots, config.test_data) if root]


def _read(config: TrainConfig, images: object, *, to_train: bool) -> Dataset:
    columns = table_columns(config)
    if images is not None:
        if config.labels:
            raise ConfigError(
                f"labels = {config.labels!r} and images in Python are given. Give one of them."
            )
        return table_dataset(
            table_of(images),
            [Path()],
            columns=columns,
            delimiter=config.label_delimiter,
            to_train=to_train,
        )
    if config.labels:
        return _read_table(config, columns, to_train=to_train)
    if config.data == FROM_PYTHON:
        raise DatasetError(
            "these are the settings of a training whose images were given in Python, and they are "
            "not kept in settings. Call train_classifier with the images again, or give a table "
            "of them: --labels FILE.csv"
        )
    if config.label_delimiter:
        raise ConfigError(
            f"label_delimiter = {config.label_delimiter!r} needs a table of labels, and these "
            "images are in class folders. Leave it out, or name the table: --labels FILE.csv"
        )
    return read_dataset(Path(config.data), to_train=to_train)


def _read_table(config: TrainConfig, columns: Mapping[str, str], *, to_train: bool) -> Dataset:
    table = open_table(Path(config.labels), chosen=columns.values())
    return table_dataset(
        table,
        table_folders(config),
        columns=columns,
        delimiter=config.label_delimiter,
        to_train=to_train,
    )


def table_columns(config: TrainConfig) -> dict[str, str]:
    """Return, for each role in a table, the name of its column, where one was chosen; else ""."""
    return {"path": config.path_column, "label": config.label_column}


def table_folders(config: TrainConfig) -> list[Path]:
    """Return the folders that paths in the table are relative to, the first that has the file.

    Raises:
        DatasetError: there is no such folder.
    """
    beside = Path(config.labels).parent
    if config.data in ("", FROM_PYTHON):
        return [beside]
    check_folder(Path(config.data), setting="data")  # a folder is named
    return [Path(config.data), beside]


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
