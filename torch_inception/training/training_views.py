"""The rows that a head is fitted on: those of the training images, each seen in one way or more."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from torch_inception.config import TrainConfig
from torch_inception.engines.protocol import Engine
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.view_pass import ViewedImage, run_view_pass
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.views import FIXED_VIEWS, Distortions, View
from torch_inception.training.examples import Examples, relative_name

if TYPE_CHECKING:
    from torch_inception.features.cluster.fill_cache import FillCache

log = logging.getLogger(__name__)


def training_rows(
    config: TrainConfig,
    examples: Examples,
    engine: Engine,
    preprocessing: Preprocessing,
    *,
    store: RowStore,
    paths: Sequence[Path],
    folder: Path,
    cluster: "FillCache | None" = None,
    progress: bool = False,
) -> LabelledRows:
    """Return the rows of all views of the training images, `views_per_image` of each together.

    Args:
        config: which views, and whether classes weigh the same.
        examples: the images.
        engine: what runs the network.
        preprocessing: how a view becomes 299 x 299.
        store: the rows of the images.
        paths: the files of all images.
        folder: that their names are relative to.
        cluster: what has a cluster compute them, if one does.
        progress: whether to show a progress bar.

    Raises:
        CacheError: the feature cache cannot be used.
    """
    train = examples.labelled_rows("train", balanced=config.class_weights == "balanced")
    count = views_per_image(config)
    if count == 1:
        return train
    files = {relative_name(path, folder): path for path in paths}
    images = [
        ViewedImage(files[image.path], image.digest, views_of(config, image.digest))
        for image in examples.part_images("train")
    ]
    log.info("views: %d of each of %d training images", count, len(images))
    if cluster is not None:
        cluster.views(images)
    features = run_view_pass(engine, preprocessing, images, store=store, progress=progress)
    return dataclasses.replace(
        train,
        features=features,
        targets=train.targets.repeat_interleave(count),
        groups=train.group_numbers().repeat_interleave(count),
        is_original=torch.arange(len(features), device="cpu") % count == 0,
    )


def views_of(config: TrainConfig, digest: bytes) -> list[View]:
    """Return the views of a training image, the original first.

    Args:
        config: what was asked for.
        digest: SHA-256 of the image's content; with the seed it decides what is drawn.
    """
    drawn = Distortions(
        config.flip, config.random_crop, config.random_scale, config.random_brightness
    ).draw(digest, seed=config.seed)
    return [*FIXED_VIEWS[config.views], *drawn]


def views_per_image(config: TrainConfig) -> int:
    """Return how many views each training image has."""
    return len(views_of(config, b""))
