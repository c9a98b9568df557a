"""What a run learns from once its images have been read and split."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from torch_inception.answers.training_record import TrainingRecord
from torch_inception.classifier.model_file import Model
from torch_inception.classifier.model_weights import bundled
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.features.cached_pass import PassResult
from torch_inception.heads.class_space import ClassSpace, ImageSpace
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import mean_inputs
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.earlier_run import EarlierRun
from torch_inception.training.examples import Examples, relative_name
from torch_inception.training.run_network import RunNetwork


class Prepared(NamedTuple):
    """Images, their rows and their parts, before a head is fitted.

    Attributes:
        config: as resolved.
        dataset: the listed files.
        network: what computed the rows.
        preprocessing: how an image becomes 299 x 299.
        pass_result: how the rows were come by.
        examples: the images and their parts.
        train: rows of all views of the training images.
        earlier: the run before into the same folder.
    """

    config: TrainConfig
    dataset: Dataset
    network: RunNetwork
    preprocessing: Preprocessing
    pass_result: PassResult
    examples: Examples
    train: LabelledRows
    earlier: EarlierRun

    def model(
        self,
        head: Head,
        space: ClassSpace | ImageSpace,
        training: TrainingRecord,
        *,
        thresholds: Mapping[str, float],
        coverage: Mapping[float, float] | None = None,
    ) -> Model:
        """Return the model of a head; with the network in it, where that was asked for.

        Args:
            head: that was fitted on the training images.
            space: in which these lie.
            training: what the model tells of it.
            thresholds: label -> score from which on an image is over the threshold of that class.
            coverage: of `coverage_thresholds`; None where an image may have several labels.
        """
        network, train = self.network, self.examples.labelled_rows("train").features
        model = Model(
            list(self.examples.classes),
            head,
            self.preprocessing,
            network.engine.record,
            arithmetic=network.engine.arithmetic,
            refused=network.refused,
            coverage=coverage or {},
            thresholds=thresholds,
            mean_inputs=mean_inputs(head.layers, train),
            space=space,
            training=training,
        )
        if network.weights is None:
            return model
        return bundled(model, network.weights, half=self.config.bundle == "fp16")

    def skipped(self) -> list[tuple[str, str]]:
        """Return the name of each file that is not a whole image, and why."""
        return [
            (relative_name(each.path, self.dataset.folder), each.reason)
            for each in self.pass_result.skipped
        ]


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds of a block to those of its phase."""
        start = time.perf_counter()
        yield
        seconds = self.seconds.get(name, 0) + time.perf_counter() - start
        self.seconds[name] = round(seconds, 3)
