"""What a run learns from once its images have been read and split."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from torch_inception.classifier.model_file import Model
from torch_inception.classifier.model_weights import bundled
from torch_inception.config import TrainConfig
from torch_inception.features.cached_pass import PassResult
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.dataset import Dataset
from torch_inception.training.earlier_run import EarlierRun
from torch_inception.training.examples import Examples
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

    def bundled(self, model: Model) -> Model:
        """Return a model with the network in it, where that was asked for."""
        if self.network.weights is None:
            return model
        return bundled(model, self.network.weights, half=self.config.bundle == "fp16")


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
