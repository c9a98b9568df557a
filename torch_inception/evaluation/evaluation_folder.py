"""The folder that an evaluation leaves in that of the run: files named and written as a run's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_inception.config import FROM_PYTHON, EvaluateConfig, to_toml
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import ConfigError
from torch_inception.evaluation.evaluated_model import JudgedImages
from torch_inception.evaluation.labelled_images import data_name
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.system.write import Table, write_csv, write_json, write_text
from torch_inception.training.earlier_run import read_earlier_run
from torch_inception.training.earlier_split import write_splits
from torch_inception.training.examples import relative_name
from torch_inception.training.output_folder import check_output, folder_named_after
from torch_inception.training.run_folder import (
    CONFIG_FILE,
    METRICS_FILE,
    REPORT_FILE,
    remove_report,
    writable,
)

FOLDER = "evaluation"
"""Folder in that of a run, which has those of evaluations."""

TABLES = ("predictions.csv", "scores.csv", "confusion_matrix.csv")
"""Tables that differ between models that give one label per image and several."""

EVALUATION_FILES = (SPLITS_FILE, *TABLES, "skipped.csv", CONFIG_FILE, METRICS_FILE)
"""What an evaluation leaves, in the order in which it takes the place of an earlier one."""

_OTHERWISE = "make it writable"


def prepare_folder(run: Path, config: EvaluateConfig) -> Path:
    """Return where the results go, and see before any work that they can be written.

    Args:
        run: folder of the run.
        config: of the evaluation.

    Raises:
        ConfigError: they cannot.
    """
    folder = _folder_of(run, config)
    check_output(folder)
    with writable(folder, otherwise=_OTHERWISE):
        prepare_replacing(folder, (*EVALUATION_FILES, REPORT_FILE))
    return folder


def _folder_of(run: Path, config: EvaluateConfig) -> Path:
    place = run / FOLDER
    if config.name:
        return place / config.name
    if config.labels or config.data == FROM_PYTHON:
        return place / data_name(config)
    return folder_named_after(config.data, place=place)


def check_same_images(folder: Path, judged: JudgedImages) -> None:
    """Refuse to put results in the place of those on other images.

    Raises:
        ConfigError: the folder has such results.
    """
    earlier = read_earlier_run(folder)
    if earlier.images and not any(image.digest.hex() in earlier.images for image in judged.images):
        raise ConfigError(
            f"{folder} has the results of an evaluation on {len(earlier.images)} other images: "
            "none of them is among these. Choose another --name, or remove that folder."
        )


def write_evaluation(
    folder: Path,
    config: EvaluateConfig,
    dataset: Dataset,
    judged: JudgedImages,
    tables: Mapping[str, Table],
    metrics: Mapping[str, Any],
) -> None:
    """Write all files of an evaluation, or none.

    Args:
        folder: for them.
        config: of the evaluation.
        dataset: the files, with the labels of the model.
        judged: those that are whole images.
        tables: name of the file -> table, for each of `TABLES`.
        metrics: plain values.

    Raises:
        ConfigError: the folder cannot be written.
    """
    skipped = [
        (relative_name(each.path, dataset.folder), each.reason)
        for each in judged.pass_result.skipped
    ]
    with (
        writable(folder, otherwise=_OTHERWISE),
        replaced_together(folder, EVALUATION_FILES) as staging,
    ):
        write_splits(
            staging / SPLITS_FILE, judged.images, ["test"] * len(judged.images), judged.groups,
            several=dataset.several is not None,
        )  # fmt: skip
        for name in TABLES:
            write_csv(staging / name, *tables[name])
        write_csv(staging / "skipped.csv", ("path", "reason"), skipped)
        write_text(staging / CONFIG_FILE, to_toml(config))
        write_json(staging / METRICS_FILE, metrics)
    remove_report(folder)
