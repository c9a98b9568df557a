"""Training whose features a Ray cluster computes."""

from contextlib import AbstractContextManager, closing, nullcontext
from typing import TYPE_CHECKING

from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder

if TYPE_CHECKING:
    from torch_inception.features.cluster.fill_cache import FillCache


def check_cluster(config: TrainConfig) -> None:
    """Do nothing if the settings name a cluster and a place for its rows, or neither.

    Raises:
        ConfigError: they name one of them.
    """
    if config.cluster and not config.shards:
        raise ConfigError(
            f"cluster = {config.cluster!r}: the machines need a place for the features. Name a "
            "folder that all of them see, or an address of an object store: --shards."
        )
    if config.shards and not config.cluster:
        raise ConfigError(
            f"shards = {config.shards!r} is for a cluster. Name one: --cluster auto, local or "
            "HOST:PORT."
        )


def on_cluster(
    config: TrainConfig,
    dataset: Dataset,
    preprocessing: Preprocessing,
    engine: Engine,
    *,
    progress: bool,
) -> "AbstractContextManager[FillCache | None]":
    """Return a context of what has a cluster compute features; of None without a cluster.

    Raises:
        InstallationError: the packages of the extra `cluster` are not there.
        ConfigError: the shards would lie among the images.
        ClusterError: the shards cannot be opened.
    """
    if not config.cluster:
        return nullcontext()
    # An extra, which is imported only where it is asked for.
    from torch_inception.features.cluster.fill_cache import FillCache
    from torch_inception.features.cluster.shard_folders import check_apart

    if config.data and not config.labels:
        check_apart(config.data, config.shards)
    labels = {
        path: dataset.label_texts[target]
        for path, target in zip(dataset.paths, dataset.targets, strict=True)
    }
    fill_cache = FillCache(
        engine,
        preprocessing,
        labels,
        cache=cache_folder(),
        cluster=config.cluster,
        shards=config.shards,
        progress=progress,
    )
    return closing(fill_cache)
