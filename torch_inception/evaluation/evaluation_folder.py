"""The folder that an evaluation leaves in that of the run: files named and written as a run's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_inception.config import FROM_PYTHON, EvaluateConfig, to_toml
from torch_inception.errors import ConfigError
from torch_inception.evaluation.evaluated_model import AnsweredImages
from torch_inception.evaluation.labelled_images import data_name
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.system.write import write_csv, write_json, write_text
from torch_inception.training.dataset import Dataset
from torch_inception.training.earlier_run import read_earlier_run
from torch_inception.training.earlier_split import SPLITS_FILE, write_splits
from torch_inception.training.evaluation import ImageAnswer, image_answers, write_confusion_matrix
from torch_inception.training.examples import relative_name
from torch_inception.training.output_folder import check_output, folder_named_after
from torch_inception.training.run_folder import (
    CONFIG_FILE,
    METRICS_FILE,
    REPORT_FILE,
    remove_report,
    writable,
)
from torch_inception.training.scores import score_rows, scores_header

FOLDER = "evaluation"
"""Folder in that of a run, which has those of evaluations."""

EVALUATION_FILES = (
    SPLITS_FILE, "predictions.csv", "scores.csv", "confusion_matrix.csv", "skipped.csv",
    CONFIG_FILE, METRICS_FILE,
)  # fmt: skip
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


def check_same_images(folder: Path, answered: AnsweredImages) -> None:
    """Refuse to put results in the place of those on other images.

    Raises:
        ConfigError: the folder has such results.
    """
    earlier = read_earlier_run(folder)
    if earlier.images and not any(
        image.digest.hex() in earlier.images for image in answered.images
    ):
        raise ConfigError(
            f"{folder} has the results of an evaluation on {len(earlier.images)} other images: "
            "none of them is among these. Choose another --name, or remove that folder."
        )


def write_evaluation(
    folder: Path,
    config: EvaluateConfig,
    dataset: Dataset,
    answered: AnsweredImages,
    metrics: Mapping[str, Any],
) -> list[ImageAnswer]:
    """Write all files of an evaluation, or none.

    Args:
        folder: for them.
        config: of the evaluation.
        dataset: the files, with the labels of the model.
        answered: those that are whole images.
        metrics: plain values.

    Returns:
        the answers.

    Raises:
        ConfigError: the folder cannot be written.
    """
    images, labels = answered.images, dataset.labels
    answers = image_answers(images, answered.answers, labels)
    skipped = [
        (relative_name(each.path, dataset.folder), each.reason)
        for each in answered.pass_result.skipped
    ]
    rows = (
        ()
        if answered.scores is None
        else score_rows(images, "test", answered.is_seen, answered.distances, answered.scores)
    )
    with (
        writable(folder, otherwise=_OTHERWISE),
        replaced_together(folder, EVALUATION_FILES) as staging,
    ):
        write_splits(staging / SPLITS_FILE, images, ["test"] * len(images), answered.groups)
        write_csv(staging / "predictions.csv", ImageAnswer._fields, answers)
        write_csv(staging / "scores.csv", scores_header(labels), rows)
        write_confusion_matrix(staging / "confusion_matrix.csv", metrics["test"])
        write_csv(staging / "skipped.csv", ("path", "reason"), skipped)
        write_text(staging / CONFIG_FILE, to_toml(config))
        write_json(staging / METRICS_FILE, metrics)
    remove_report(folder)
    return answers
