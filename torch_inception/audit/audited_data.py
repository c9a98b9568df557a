"""The images that an audit looks at, with their rows, labels and parts."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.audit.subject import AuditSubject
from torch_inception.classifier.model_weights import load_model_engine
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.parts import SPLITS_FILE, Part
from torch_inception.engines.choose import choose_device
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.features.cached_pass import PassResult
from torch_inception.features.near_copies import Likeness
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted
from torch_inception.training.earlier_run import EarlierRun, read_earlier_run
from torch_inception.training.earlier_split import read_splits
from torch_inception.training.examples import check_groups, labelled_images, relative_name
from torch_inception.training.grouping import LabelledImage
from torch_inception.training.run_network import make_network

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AuditedData:
    """All whole images of a data set.

    Attributes:
        labels: class names.
        images: path, label and digest of N images, in the order of the data set.
        folder: that paths in tables are relative to.
        targets: (N,) int64 class numbers.
        parts: the part that each is for; None where nothing says so.
        result: their rows and facts, and the files that are no images.
        preprocessing: how they were read.
        settings: with which training takes them.
    """

    labels: list[str]
    images: list[LabelledImage]
    folder: Path
    targets: Tensor
    parts: Sequence[Part | None]
    result: PassResult
    preprocessing: Preprocessing
    settings: TrainConfig

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def likeness(self) -> Likeness:
        """What shows near copies."""
        return Likeness.of(self.result.rows, self.result.facts)

    @cached_property
    def digests(self) -> Mapping[str, bytes]:
        """Path in tables -> SHA-256 of the image's content."""
        return {image.path: image.digest for image in self.images}

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        names = (image.path for image in self.images)
        return dict(zip(names, self.result.paths, strict=True))

    def file_of(self, path: str) -> Path:
        """Return where the image of a path in tables is."""
        return self._files[path]


def read_audited(subject: AuditSubject, *, engine: Engine | None, progress: bool) -> AuditedData:
    """Read the images as training does; rows come from the cache where it has them.

    Args:
        subject: what is audited.
        engine: what runs the network; made of the weights where there is none, which are those of
            the run's model unless others were asked for.
        progress: whether to show progress bars on standard error.

    Raises:
        DatasetError: the images cannot be used.
        ModelError: the weights are not those of the run's model any more.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
    """
    settings, dataset = subject.config, subject.dataset()
    check_groups(settings.group, dataset)
    earlier = read_earlier_run(subject.run) if subject.run else None
    preprocessing = _preprocessing(settings, earlier)
    if engine is None and earlier and earlier.model and not subject.weights:
        # What its settings name may be found elsewhere by now, and be another network.
        engine = load_model_engine(
            earlier.model, earlier.folder, "", choose_device(settings.device)
        )
    arithmetic = earlier.arithmetic if earlier else ""
    network = make_network(settings, preprocessing, dataset, engine, earlier=arithmetic)
    result = network.rows(preprocessing, dataset.paths, progress=progress)
    if subject.run:
        _warn_of_gone(subject.run, dataset, result)
    used = dataset.restricted_to(result.paths)
    if len(set(used.targets)) < 2:
        raise DatasetError(
            f"fewer than two classes of {dataset.name} have an image that can be read; what is "
            "said above tells why."
        )
    images = labelled_images(used, result.digests, pattern=settings.group)
    # A class of which no file is an image is not judged.
    present = sorted(set(used.targets))
    number = {target: place for place, target in enumerate(present)}
    return AuditedData(
        [used.classes[target] for target in present],
        images,
        dataset.folder,
        torch.tensor([number[target] for target in used.targets], dtype=torch.int64),
        _parts(used, images, earlier),
        result,
        preprocessing,
        settings,
    )


def _warn_of_gone(run: Path, dataset: Dataset, result: PassResult) -> None:
    """Warn of images of a run whose name and content are both not there any more."""
    names = {relative_name(path, dataset.folder) for path in dataset.paths}
    contents = {digest.hex() for digest in result.digests}
    rows = read_splits(run / SPLITS_FILE)
    gone = [row.path for row in rows if row.path not in names and row.sha256 not in contents]
    if gone:
        log.warning(
            "WARNING: %s of the %s of %s %s gone from %s and not audited; the first is %r",
            f"{len(gone):,}", counted(len(rows), "image"), run,
            "is" if len(gone) == 1 else "are", dataset.name, gone[0],
        )  # fmt: skip


def _preprocessing(settings: TrainConfig, earlier: EarlierRun | None) -> Preprocessing:
    if earlier is None:
        return Preprocessing(settings.resize, exact_decode=settings.exact_decode)
    if earlier.model is None:
        raise ConfigError(
            f"the model of {earlier.folder} cannot be read, and with it how its images were. Audit "
            f"the images themselves: {settings.data or settings.labels}"
        )
    return earlier.model.preprocessing


def _parts(
    dataset: Dataset, images: Sequence[LabelledImage], earlier: EarlierRun | None
) -> list[Part | None]:
    """Return the part of each image: as the data has it, or else as the run drew it."""
    if dataset.parts:
        return [part or "train" for part in dataset.parts]
    of_content = earlier.split.of_content if earlier else {}
    return [of_content.get(image.digest.hex()) for image in images]
