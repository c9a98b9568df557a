"""What an audit is of: a folder, a table or a run, before any image is read."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from torch_inception.config import FROM_PYTHON, AuditConfig, TrainConfig, make_config, read_toml
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.divided_folder import given_folders
from torch_inception.datasets.folder_shapes import check_folder
from torch_inception.datasets.load_dataset import load_dataset, table_folders
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.training.output_folder import folder_named_after
from torch_inception.training.run_folder import CONFIG_FILE


@dataclass(frozen=True)
class AuditSubject:
    """What is audited.

    Attributes:
        config: the settings with which training takes these images.
        run: the folder of the run, if it is one.
        weights: sources that were asked for; "" for those of the run, or else the usual ones.
        output: where the results go.
        is_elsewhere: whether that is another folder than by default.
    """

    config: TrainConfig
    run: Path | None
    weights: str
    output: Path
    is_elsewhere: bool

    def dataset(self, *, to_train: bool = True) -> Dataset:
        """List the files.

        Args:
            to_train: whether heads are to learn from them; otherwise a class may be empty.

        Raises:
            DatasetError: they cannot be used.
        """
        dataset = load_dataset(self.config, to_train=to_train)
        if dataset.several is not None:
            raise DatasetError(
                f"images of {dataset.name} may have several labels, and an audit needs one per "
                "image, since it compares each image with its class. The report of train shows "
                "the images of which a label is most likely wrong; groups.csv lists near copies."
            )
        return dataset

    def data_folders(self) -> list[Path]:
        """Return the folders that images are below.

        Of a table, these are the ones that its paths are relative to; otherwise those in which
        each folder is a class.

        Raises:
            DatasetError: there is no such folder, or it is divided in a way that leaves a doubt.
        """
        if self.config.labels:
            found = table_folders(self.config)
        else:
            data = Path(self.config.data)
            check_folder(data, setting="data")
            found = list(given_folders(data).values()) or [data]
        return [*found, *map(Path, filter(None, [self.config.test_data]))]


def audit_subject(config: AuditConfig) -> AuditSubject:
    """Return what a configuration names: a folder, a table or a run.

    Raises:
        ConfigError: it names nothing, or a run whose settings cannot be read.
        DatasetError: it names a run whose images were given in Python.
    """
    if not (config.data or config.labels):
        raise ConfigError(
            "no images are named. Give a folder with one folder of images per class, a run folder, "
            "or a table: --labels FILE.csv"
        )
    run = None if config.labels else _run_folder(config.data)
    settings = _settings_of(run) if run else _settings_without_run(config)
    if settings.data == FROM_PYTHON and not settings.labels:
        raise DatasetError(
            f"the images of {run} were given in Python and cannot be found again. Give a folder or "
            "a table of them."
        )
    output = Path(config.output) if config.output else _default_output(config, run)
    return AuditSubject(
        _for_audit(settings, config), run, config.weights, output, bool(config.output)
    )


def _run_folder(data: str) -> Path | None:
    folder = Path(data)
    is_run = all((folder / name).is_file() for name in (CONFIG_FILE, SPLITS_FILE))
    return folder if is_run else None


def _settings_of(run: Path) -> TrainConfig:
    return make_config(TrainConfig, read_toml(run / CONFIG_FILE), origin=str(run / CONFIG_FILE))


def _settings_without_run(config: AuditConfig) -> TrainConfig:
    return TrainConfig(
        data=config.data,
        labels=config.labels,
        path_column=config.path_column,
        label_column=config.label_column,
    )


def _default_output(config: AuditConfig, run: Path | None) -> Path:
    if run:
        return run / "audit"
    place = Path("audits")
    if config.labels:
        return place / Path(config.labels).stem
    return folder_named_after(config.data, place=place)


def _for_audit(settings: TrainConfig, config: AuditConfig) -> TrainConfig:
    """Return settings with what the audit says itself, and a head that leaves each image out."""
    own = {
        name: getattr(config, name)
        for name in ("group", "weights")
        if getattr(config, name) != getattr(AuditConfig, name)
    }
    return dataclasses.replace(settings, **own, device=config.device, solver="lda", bundle="no")
