"""The network of a run, and how it came about."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.engines.choose import training_engine
from torch_inception.engines.openvino.int8 import Quantisation
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cached_pass import PassResult, run_pass, tell_of_pass
from torch_inception.features.image_rows import ReadImage
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder
from torch_inception.training.quantisation_sample import QuantisationSample
from torch_inception.weights.checked import Weights
from torch_inception.weights.load import load_weights


class RunNetwork(NamedTuple):
    """What runs the network, and how it came about.

    Attributes:
        engine: what runs it.
        refused: (source, reason) of each source of weights that was tried in vain.
        quantisation: what an 8-bit network was made from.
        read_images: images that were read for that.
        weights: of the network, where they are to be in the model.
    """

    engine: Engine
    refused: tuple[tuple[str, str], ...] = ()
    quantisation: Quantisation | None = None
    read_images: Mapping[Path, ReadImage] = MappingProxyType({})
    weights: Weights | None = None

    def rows(
        self,
        preprocessing: Preprocessing,
        paths: Sequence[Path],
        *,
        elsewhere: int = 0,
        progress: bool,
    ) -> PassResult:
        """Return the rows of files, from the cache where it has them; tell which are no images.

        Args:
            preprocessing: how an image becomes 299 x 299.
            paths: the files.
            elsewhere: how many of the rows in the cache other machines have just computed.
            progress: whether to show progress bars on standard error.

        Raises:
            CacheError: the feature cache cannot be used.
        """
        result = run_pass(
            self.engine,
            preprocessing,
            paths,
            cache=cache_folder(),
            ready=self.read_images,
            progress=progress,
        )
        result = dataclasses.replace(
            result, computed=result.computed + elsewhere, reused=result.reused - elsewhere
        )
        tell_of_pass(result)
        return result

    def description(self) -> dict[str, Any]:
        """Return plain values for metrics.json."""
        return {
            **self.engine.record.as_dict(),
            "refused": [{"source": source, "reason": reason} for source, reason in self.refused],
            "arithmetic": self.engine.arithmetic,
            "quantisation": self.quantisation and dataclasses.asdict(self.quantisation),
        }


def make_network(
    config: TrainConfig,
    preprocessing: Preprocessing,
    dataset: Dataset,
    engine: Engine | None,
    *,
    earlier: str = "",
) -> RunNetwork:
    """Return what computes the features of a data set.

    Args:
        config: names the weights, the engine and its precision.
        preprocessing: how an image becomes 299 x 299.
        dataset: an 8-bit network is made from some of its images.
        engine: the caller's own, which takes the place of all that, if any.
        earlier: arithmetic of the run before into the same folder, if there was one.

    Raises:
        ConfigError: the device, the engine or the precision cannot be had.
        WeightsError: no source of weights works.
    """
    is_whole = config.bundle != "no"
    if engine is not None and is_whole:
        raise ConfigError(
            f"bundle = {config.bundle!r}: an engine of your own has no weights that could be put "
            "into the model. Leave one of them out."
        )
    if engine is not None:
        return RunNetwork(engine)
    weights = load_weights(config.weights, pooling=config.pooling)
    sample = QuantisationSample(preprocessing, dataset.paths, FileIndex(cache_folder()))
    made, quantisation = training_engine(config, weights, preprocessing, sample, earlier=earlier)
    return RunNetwork(
        made, weights.refused, quantisation, sample.read_images, weights if is_whole else None
    )
