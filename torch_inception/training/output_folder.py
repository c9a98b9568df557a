"""Where the results of a run may go: nothing of another run or of the data comes to harm."""

import logging
import os
from pathlib import Path

from torch_inception.classifier.model_file import PREVIOUS_MODEL_FILE
from torch_inception.config import FROM_PYTHON, TrainConfig, read_toml
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import ConfigError
from torch_inception.training.earlier_run import EarlierRun
from torch_inception.training.examples import Examples
from torch_inception.training.run_folder import CONFIG_FILE, RUN_FILES

log = logging.getLogger(__name__)


def choose_output(config: TrainConfig) -> Path:
    """Return where the results go: where the configuration says, or `runs/` and the data's name."""
    if config.output or config.labels or config.data == FROM_PYTHON:
        return config.output_folder
    return folder_named_after(config.data, place=Path("runs"))


def folder_named_after(data: str, *, place: Path) -> Path:
    """Return the folder for results that has a data folder's name.

    Where that has the results of another data folder, which is still there, the name of the folder
    above is put before it.

    Args:
        data: the data folder.
        place: the folder that it goes into.
    """
    folder = Path(os.path.abspath(data))  # noqa: PTH100 - any text
    name = folder.name
    for parent in folder.parents:
        other = _data_of(place / name)
        if not _is_another_folder(other, folder):
            break
        before, name = name, f"{parent.name}-{name}"
        log.info(
            "output: %s has the results of %s; these go to %s", place / before, other, place / name
        )
    return place / name


def _is_another_folder(other: Path | None, data: Path) -> bool:
    """Tell whether a folder is there and is not this one; one that may not be seen is another."""
    if other is None or not data.is_dir():
        return False
    try:
        return other.is_dir() and not other.samefile(data)
    except (OSError, ValueError):
        return True


def _data_of(folder: Path) -> Path | None:
    """Return the data folder of the run that left its results here; None if that is not told."""
    try:
        return Path(read_toml(folder / CONFIG_FILE)["data"])
    except (ConfigError, KeyError, TypeError):
        return None


def check_overwrite(config: TrainConfig, earlier: EarlierRun, examples: Examples) -> None:
    """Refuse to put results in the place of those of other images, unless that is wanted.

    Raises:
        ConfigError: no image of the earlier run is among these.
    """
    if not earlier.images or config.overwrite:
        return
    if not any(image.digest.hex() in earlier.images for image in examples.images):
        raise ConfigError(
            f"output {earlier.folder} has the results of a run on {len(earlier.images)} other "
            "images: none of them is among these. Choose another --output, or replace the results: "
            "--overwrite. The features that were computed are kept."
        )


def check_inputs_stay(config: TrainConfig) -> None:
    """Refuse to write the results over the table that the run is read from.

    Raises:
        ConfigError: they would be.
    """
    folder, table = config.output_folder, Path(config.labels)
    is_inside = os.path.realpath(table.parent) == os.path.realpath(folder)
    if config.labels and is_inside and table.name in RUN_FILES:
        raise ConfigError(
            f"labels = {config.labels!r} is one of the files that the results in {folder} would "
            "take the place of. Copy it elsewhere, or choose another --output."
        )


def check_is_run(config: TrainConfig) -> None:
    """Refuse to write over files of the names of a run's that no run has left.

    Raises:
        ConfigError: there are such files.
    """
    folder = config.output_folder
    others = [name for name in (*RUN_FILES, PREVIOUS_MODEL_FILE) if (folder / name).exists()]
    is_run = any((folder / name).exists() for name in (CONFIG_FILE, SPLITS_FILE))
    if others and not config.overwrite and not is_run:
        raise ConfigError(
            f"output {folder} has {', '.join(others)}, and not the results of a run: {CONFIG_FILE} "
            "is missing. Choose another --output, or replace them: --overwrite."
        )


def check_output(folder: Path, *class_roots: Path) -> None:
    """Refuse a folder for results that would do harm, before any work is done.

    Args:
        folder: for the results.
        class_roots: the folders in which each folder is a class.

    Raises:
        ConfigError: it is a file, or lies in a data folder, where it would become a class.
    """
    try:
        for place in (folder, *folder.parents):
            if place.exists() and not place.is_dir():
                raise ConfigError(f"output {folder}: {place} is a file. Choose a folder: --output.")
        inside = [r for r in class_roots if folder.resolve().is_relative_to(r.resolve())]
    except (OSError, RuntimeError, ValueError) as error:  # links in circles, names too long
        raise ConfigError(f"output {folder} cannot be used ({error}). Choose another.") from error
    if inside:
        raise ConfigError(
            f"output {folder} lies in the data folder {inside[0]}, where it would become a class. "
            "Choose another --output."
        )
