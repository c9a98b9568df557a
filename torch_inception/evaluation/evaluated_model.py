"""A model, and what it answers to labelled images, with the network's rows from the cache."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import MODEL_FILE
from torch_inception.datasets.dataset import Dataset, tell_of_unused
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.errors import DatasetError
from torch_inception.features.cached_pass import PassResult, run_pass, tell_of_pass
from torch_inception.heads.class_space import all_distances
from torch_inception.heads.labelled_rows import LabelledRows, all_answers, all_scores
from torch_inception.heads.metrics import Answers, keeps_scores
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.escape import counted
from torch_inception.system.threads import one_thread
from torch_inception.training.conflicts import without_conflicts
from torch_inception.training.earlier_split import read_splits, split_of
from torch_inception.training.examples import labelled_images
from torch_inception.training.grouping import LabelledImage, groups_of


@dataclass(frozen=True)
class JudgedImages:
    """Images whose labels are known, and that a model is judged by.

    Attributes:
        images: path, label and digest of each.
        groups: the group of each, of `groups_of`.
        targets: (N,) int64, the position of the label of each in the texts of its data set.
        distances: (N,) float64 from the training images; NaN where the model cannot tell.
        is_seen: (N,) bool, whether the model was trained on the same content.
        pass_result: their rows, how these were come by, and which files were left out.
    """

    images: list[LabelledImage]
    groups: list[str]
    targets: Tensor
    distances: Tensor
    is_seen: Tensor
    pass_result: PassResult


@dataclass(frozen=True)
class AnsweredImages:
    """What a model answers to images that have one label each.

    Attributes:
        judged: the images.
        answers: to each.
        scores: (N, C) float32 probability of each class; None where these are too many to keep.
    """

    judged: JudgedImages
    answers: Answers
    scores: Tensor | None


@dataclass(frozen=True)
class EvaluatedModel:
    """A model in a file.

    Attributes:
        classifier: ready to predict.
        name: as the user wrote it: a run folder, or the file itself.
    """

    classifier: Classifier
    name: str

    @property
    def file(self) -> Path:
        """Where it is."""
        return Path(self.name, MODEL_FILE) if Path(self.name).is_dir() else Path(self.name)

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return self.file.parent

    @cached_property
    def trained_on(self) -> set[str]:
        """SHA-256 of the images that it was trained on, or that its settings were chosen by.

        It is empty for a model that another program trained, or that was moved out of its folder.
        """
        parts = split_of(read_splits(self.run / SPLITS_FILE)).of_content
        return {digest for digest, part in parts.items() if part != "test"}

    def identity(self) -> dict[str, Any]:
        """Return which model it is, for metrics.json."""
        training = self.classifier.model.training
        return {
            "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
            "created": training and training.created,
            "version": training and training.version,
        }

    @one_thread()
    def _answered(self, judged: JudgedImages) -> AnsweredImages:
        head = self.classifier.model.head
        rows = LabelledRows(judged.pass_result.rows, judged.targets, len(self.classifier.labels))
        (answers,) = all_answers([head], rows)
        return AnsweredImages(
            judged,
            answers,
            all_scores(head, rows) if keeps_scores(len(rows), rows.classes) else None,
        )

    def answer(
        self, dataset: Dataset, *, keep_conflicts: bool, progress: bool = False
    ) -> AnsweredImages:
        """Name images that have one label each.

        Args:
            dataset: the files, with the class numbers of the model.
            keep_conflicts: as in `judge`, and so is progress.
            progress: whether to show a bar on standard error.

        Raises: as `judge`.
        """
        return self._answered(self.judge(dataset, keep_conflicts=keep_conflicts, progress=progress))

    def judge(
        self, dataset: Dataset, *, keep_conflicts: bool, progress: bool = False
    ) -> JudgedImages:
        """Read images whose labels are known.

        Rows are rounded to float16, as the cache keeps them and as this package fits heads on them.

        Args:
            dataset: the files, with the labels of the model.
            keep_conflicts: whether images that lie in several classes are used.
            progress: whether to show a bar on standard error.

        Raises:
            DatasetError: no file can be used.
            CacheError: the feature cache cannot be used.
        """
        engine, preprocessing = self.classifier.engine, self.classifier.model.preprocessing
        result = run_pass(
            engine, preprocessing, dataset.paths, cache=cache_folder(), progress=progress
        )
        tell_of_pass(result)
        if not keep_conflicts:
            result = without_conflicts(dataset, result)
        tell_of_unused(dataset, result.paths)
        if not result.paths:
            raise DatasetError(
                f"no file of {dataset.name} can be used, of {counted(len(dataset.paths), 'file')}; "
                "what is said above tells why. Give other images."
            )
        dataset = dataset.restricted_to(result.paths)
        images = labelled_images(dataset, result.digests)
        with one_thread():
            distances = self._distances(result)
        return JudgedImages(
            images,
            groups_of(images),
            torch.tensor(dataset.targets),
            distances,
            torch.tensor([image.digest.hex() in self.trained_on for image in images]),
            result,
        )

    def _distances(self, result: PassResult) -> Tensor:
        space = self.classifier.model.space
        if space is None:
            return torch.full((len(result.paths),), torch.nan, dtype=torch.float64)
        return all_distances(space, result.rows)
