"""The folder that a run leaves: complete, or as it was before."""

import dataclasses
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from torch_inception.classifier.model_file import (
    MODEL_FILE,
    PREVIOUS_MODEL_FILE,
    WEIGHTS_FILE,
    Model,
    save_model,
)
from torch_inception.classifier.training_images import (
    NEIGHBOURS_FILE,
    TrainingImages,
    save_training_images,
)
from torch_inception.config import TrainConfig, make_config, read_toml, setting_in_words, to_toml
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import ConfigError
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.fit_independent import FittedClasses
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.system.write import Table, write_csv, write_json, write_text
from torch_inception.training.earlier_run import PREPROCESSING_SETTINGS, Changes, EarlierRun
from torch_inception.training.earlier_split import NO_SPLIT, EarlierSplit, write_splits
from torch_inception.training.examples import Examples
from torch_inception.training.model_card import CARD_FILE, is_as_a_run_left_it, model_card
from torch_inception.training.near_groups import GroupRow
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats import state_file

log = logging.getLogger(__name__)

LABELS_FILE = "labels.txt"
CONFIG_FILE = "config.toml"
METRICS_FILE = "metrics.json"

REPORT_FILE = "report.html"
"""Is written once the other results are there, and goes when others take their place."""

TABLES = ("history.csv", "predictions.csv", "held_out.csv", "scores.csv", "confusion_matrix.csv")
"""Tables that differ between runs with one label per image and with several."""

RUN_FILES = (
    LABELS_FILE, METRICS_FILE, SPLITS_FILE, "groups.csv", *TABLES, "skipped.csv", CONFIG_FILE,
    NEIGHBOURS_FILE, MODEL_FILE,
)  # fmt: skip
"""What a run leaves, in the order in which it takes the place of the previous run's."""

FILES_OF_TWO_RUNS = (PREVIOUS_MODEL_FILE, CARD_FILE, *RUN_FILES)
"""What a run leaves at most: there was a model before it, and no README.md of the user's."""

SPLIT_SETTINGS = ("holdout", "test_data", "labels", "group", "near_duplicates")
"""Settings with which other parts are asked for."""

SETTINGS_BESIDES_THE_MODEL = (
    "data", "output", "overwrite", "strict", "device", "path_column", "label_column",
    "label_delimiter", "cluster", "shards", "report", "thumbnails", "tensorboard",
)  # fmt: skip
"""Settings that change nothing of a model that is trained on the same images."""

CONVERTED_FILES = (WEIGHTS_FILE, LABELS_FILE, MODEL_FILE)
"""What is left of a model that another program trained."""


@dataclass(frozen=True)
class Run:
    """Everything that a run leaves.

    Attributes:
        config: as resolved.
        model: head, labels and preprocessing.
        examples: the images and their parts.
        metrics: plain values.
        fitted: the head, and how it came about.
        tables: name of the file -> table, for each of `TABLES`.
        lines: that the run ends with.
        predictions: path -> name that an image was given by a head that was not fitted on it.
        skipped: (path, reason) of each file that is not a whole image.
        changes: since the run before into the same folder, if there was one.
        training_images: where they lie.
    """

    config: TrainConfig
    model: Model
    examples: Examples
    metrics: dict[str, Any]
    fitted: FittedHead | FittedClasses
    tables: Mapping[str, Table]
    lines: Sequence[str]
    predictions: Mapping[str, str]
    skipped: list[tuple[str, str]]
    changes: Changes | None
    training_images: TrainingImages


def write_run(run: Run, earlier: EarlierRun) -> bool:
    """Write all files of a run, or none. A model that is there is kept, unless it is the same.

    Args:
        run: what is written.
        earlier: the run before into the same folder.

    Returns:
        whether one was kept, as `PREVIOUS_MODEL_FILE`.

    Raises:
        ConfigError: the folder cannot be written.
    """
    folder = earlier.folder
    is_kept = (folder / MODEL_FILE).is_file() and not _is_same(earlier.model, run.model)
    has_card = _takes_card(folder / CARD_FILE)
    more = {PREVIOUS_MODEL_FILE: is_kept, CARD_FILE: has_card}
    names = [*(name for name, is_written in more.items() if is_written), *RUN_FILES]
    with writable(folder), replaced_together(folder, names) as staging:
        if is_kept:
            shutil.copy2(folder / MODEL_FILE, staging / PREVIOUS_MODEL_FILE)
        if has_card:
            write_text(staging / CARD_FILE, model_card(run.config, run.model, run.metrics))
        save_model(run.model, staging / MODEL_FILE)
        save_training_images(run.training_images, staging / NEIGHBOURS_FILE)
        _write_labels(staging, run.model)
        write_json(staging / METRICS_FILE, run.metrics)
        examples = run.examples
        write_splits(
            staging / SPLITS_FILE, examples.images, examples.parts, examples.groups,
            several=examples.several is not None,
        )  # fmt: skip
        write_csv(staging / "groups.csv", GroupRow._fields, examples.group_rows())
        for name in TABLES:
            write_csv(staging / name, *run.tables[name])
        write_csv(staging / "skipped.csv", ("path", "reason"), run.skipped)
        write_text(staging / CONFIG_FILE, to_toml(run.config))
    remove_report(folder)
    return is_kept


def remove_report(folder: Path) -> None:
    """Remove the report of results that are there no more."""
    with writable(folder):
        (folder / REPORT_FILE).unlink(missing_ok=True)


def _takes_card(file: Path) -> bool:
    """Tell whether a model card may be written: not in the place of what a person has written."""
    if not file.exists() or is_as_a_run_left_it(file):
        return True
    log.info(
        "%s is not as a run left it, and stays. For a card of this model, move it away and train "
        "again.",
        file,
    )
    return False


def _is_same(earlier: Model | None, model: Model) -> bool:
    """Tell whether two models answer alike; one that cannot be read is another."""
    if earlier is None:
        return False
    heads = [(each.head.weight, each.head.bias) for each in (earlier, model)]
    is_same_kind = type(earlier.head) is type(model.head)
    is_same_head = is_same_kind and all(torch.equal(*pair) for pair in zip(*heads, strict=True))
    others = [
        dataclasses.replace(
            each,
            head=model.head,
            mean_inputs=None,
            space=None,
            training=None,
            network=None,
            refused=(),
        )
        for each in (earlier, model)
    ]
    return is_same_head and others[0] == others[1]


def write_converted(folder: Path, weights: Weights, model: Model) -> None:
    """Write a model that another program trained, with its network beside it, or nothing.

    No source on the network has such a network, so the model names the file that is written here.

    Raises:
        ConfigError: the folder cannot be written, or is that of a run.
    """
    others = [name for name in RUN_FILES if name not in CONVERTED_FILES]
    if any((folder / name).exists() for name in others):
        raise ConfigError(f"output {folder} has the results of a training. Choose another.")
    source = str((folder / WEIGHTS_FILE).absolute())
    record = dataclasses.replace(model.record, source=source)
    with writable(folder), replaced_together(folder, CONVERTED_FILES) as staging:
        state_file.save(weights, staging / WEIGHTS_FILE)
        _write_labels(staging, model)
        save_model(dataclasses.replace(model, record=record), staging / MODEL_FILE)


def _write_labels(folder: Path, model: Model) -> None:
    write_text(folder / LABELS_FILE, "".join(_one_line(label) for label in model.labels))


def _one_line(label: str) -> str:
    """Write a label as one line, even one that has a line break in it."""
    return label.replace("\r", "\\r").replace("\n", "\\n") + "\n"


def kept_split(config: TrainConfig, earlier: EarlierRun) -> EarlierSplit:
    """Return the split of an earlier run into the same folder, if it was made as this one is."""
    refusal = _why_not_kept(config, earlier.folder) if earlier.images else ""
    return NO_SPLIT._replace(refusal=refusal) if refusal else earlier.split


def changed_settings(config: TrainConfig, folder: Path) -> dict[str, tuple[str, str]]:
    """Return the settings of the model that are others than in a run folder's `CONFIG_FILE`.

    Args:
        config: the settings now.
        folder: of the earlier run.

    Returns:
        name -> value before, value now; nothing where these cannot be read. Those of preprocessing
        are not among them: the model itself tells them.
    """
    earlier = _earlier_config(folder)
    if earlier is None:
        return {}
    return {
        name: (setting_in_words(getattr(earlier, name)), setting_in_words(getattr(config, name)))
        for name in (field.name for field in dataclasses.fields(config))
        if name not in (*SETTINGS_BESIDES_THE_MODEL, *PREPROCESSING_SETTINGS)
        and _meant(earlier, name) != _meant(config, name)
    }


def _earlier_config(folder: Path) -> TrainConfig | None:
    """Return the settings of an earlier run; None where they cannot be read."""
    try:
        return make_config(TrainConfig, read_toml(folder / CONFIG_FILE), origin=CONFIG_FILE)
    except ConfigError:
        return None


def _why_not_kept(config: TrainConfig, folder: Path) -> str:
    """Return why the split of an earlier run is not kept, or ""."""
    earlier = _earlier_config(folder)
    if earlier is None:
        return f"the settings in its {CONFIG_FILE} cannot be read"
    others = [name for name in SPLIT_SETTINGS if _meant(earlier, name) != _meant(config, name)]
    if others:
        return f"its settings were others: {', '.join(others)}"
    if earlier.with_validation != config.with_validation:
        return f"solver {earlier.solver} has other parts"
    return "it came with the data" if _was_given(folder) else ""


def _meant(config: TrainConfig, name: str) -> object:
    """Return a setting's value; of a path, the place that it leads to."""
    value = getattr(config, name)
    return os.path.realpath(value) if value and name in ("labels", "test_data") else value


def _was_given(folder: Path) -> bool:
    try:
        metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(metrics, dict) and metrics.get("split") == "given"


def prepare_output(folder: Path) -> None:
    """Finish what a killed process had begun to put into a run folder; see that it can be written.

    Raises:
        ConfigError: it cannot.
    """
    with writable(folder):
        prepare_replacing(folder, (*FILES_OF_TWO_RUNS, REPORT_FILE))


@contextmanager
def writable(folder: Path, *, otherwise: str = "choose another --output") -> Iterator[None]:
    """Say of a folder that cannot be written what to do.

    Args:
        folder: for results.
        otherwise: what can be done where it can never be written.

    Raises:
        ConfigError: a block could not write to it.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"cannot write the results to {folder} ({error.strerror or error}). Free space, or "
            f"{otherwise}."
        ) from error
