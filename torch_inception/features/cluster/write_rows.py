"""A folder of images, on disks or in an object store, to rows in shards: the pass alone."""

import logging
import os
from contextlib import closing
from pathlib import Path

from torch_inception.config import FeaturesConfig
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ClusterError, ConfigError
from torch_inception.features.cluster.cluster_pass import (
    ClusterPass,
    open_shards,
    run_cluster_pass,
)
from torch_inception.features.cluster.connection import Connection
from torch_inception.features.cluster.listing import Listing, list_folder, list_store
from torch_inception.features.cluster.object_store import ObjectStore, is_store
from torch_inception.features.cluster.shard_folders import check_apart
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted
from torch_inception.system.torch_modes import default_modes
from torch_inception.weights.load import load_weights

log = logging.getLogger(__name__)


@default_modes()
def write_rows(
    config: FeaturesConfig, *, engine: Engine | None = None, progress: bool = False
) -> ClusterPass:
    """Compute the features of every file that the shards do not have.

    Args:
        config: the settings.
        engine: what runs the network; made of `config.weights` where there is none.
        progress: whether to show a bar on standard error.

    Raises:
        ConfigError: a setting cannot be used.
        WeightsError: no source of weights works.
        ClusterError: the images cannot be listed, or the cluster or the shards cannot be used.
    """
    check_apart(config.data, config.shards)
    if config.intensity == "dataset":
        raise ConfigError("intensity = 'dataset' is for training; give 'image' or 'LOW,HIGH'.")
    preprocessing = Preprocessing.configured(config)
    listing = _files_of(config.data)
    log.info("%s in %s", counted(len(listing), "file"), config.data.partition("?")[0])
    if engine is None:
        weights = load_weights(config.weights, pooling=config.pooling)
        engine = load_engine(weights, device=choose_device(config.device))
    shards = open_shards(config.shards, engine, preprocessing)
    with closing(Connection(config.cluster)) as connection:
        done = run_cluster_pass(
            engine, preprocessing, listing, shards, connection=connection, progress=progress
        )
    done.skipped.tell()
    return done


def _files_of(data: str) -> Listing:
    if is_store(data):
        listing = list_store(ObjectStore(data))
    elif not os.path.isdir(data):  # noqa: PTH112 - takes any text
        raise ClusterError(f"{data} is not a folder. Name one that has images in it.")
    else:
        listing = list_folder(Path(data))
    if not len(listing):
        raise ClusterError(f"{data.partition('?')[0]} has no files. Name a folder of images.")
    return listing
