"""Training from Python: every setting is an argument."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch_inception.config import (
    FROM_PYTHON,
    Bundle,
    ClassWeights,
    Device,
    EngineName,
    LayersChoice,
    NearDuplicates,
    PoolingChoice,
    Precision,
    Resize,
    Solver,
    TrainConfig,
    make_config,
)
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError
from torch_inception.images.image_input import is_path
from torch_inception.training.pipeline import TrainingResult, run_training


def train_classifier(
    data: str | Path | Iterable[Any] = TrainConfig.data,
    *,
    output: str | Path = TrainConfig.output,
    overwrite: bool = TrainConfig.overwrite,
    test_data: str | Path = TrainConfig.test_data,
    labels: str | Path = TrainConfig.labels,
    weights: str | Path = TrainConfig.weights,
    pooling: PoolingChoice = TrainConfig.pooling,
    resize: Resize = TrainConfig.resize,
    exact_decode: bool = TrainConfig.exact_decode,
    intensity: str = TrainConfig.intensity,
    page: str = TrainConfig.page,
    channels: str = TrainConfig.channels,
    precision: Precision = TrainConfig.precision,
    engine: EngineName | Engine = TrainConfig.engine,
    layers: LayersChoice = TrainConfig.layers,
    solver: Solver = TrainConfig.solver,
    views: int = TrainConfig.views,
    flip: bool = TrainConfig.flip,
    random_crop: float = TrainConfig.random_crop,
    random_scale: float = TrainConfig.random_scale,
    random_brightness: float = TrainConfig.random_brightness,
    holdout: float = TrainConfig.holdout,
    group: str = TrainConfig.group,
    near_duplicates: NearDuplicates = TrainConfig.near_duplicates,
    class_weights: ClassWeights = TrainConfig.class_weights,
    path_column: str = TrainConfig.path_column,
    label_column: str = TrainConfig.label_column,
    label_delimiter: str = TrainConfig.label_delimiter,
    target_precision: float = TrainConfig.target_precision,
    steps: int = TrainConfig.steps,
    learning_rate: float = TrainConfig.learning_rate,
    batch_size: int = TrainConfig.batch_size,
    eval_interval: int = TrainConfig.eval_interval,
    threshold: Sequence[str] = TrainConfig.threshold,
    seed: int = TrainConfig.seed,
    device: Device = TrainConfig.device,
    keep_conflicts: bool = TrainConfig.keep_conflicts,
    bundle: Bundle = TrainConfig.bundle,
    strict: bool = TrainConfig.strict,
    cluster: str = TrainConfig.cluster,
    shards: str | Path = TrainConfig.shards,
    report: bool = TrainConfig.report,
    thumbnails: bool = TrainConfig.thumbnails,
    tensorboard: bool = TrainConfig.tensorboard,
) -> TrainingResult:
    """Train a classifier on a folder of class folders, a table, a list or a data frame.

    Args:
        data: the folder; or a list of pairs (path, label); or a data frame, or a mapping of
            columns, with the columns path, label and, if need be, split and group. None is needed
            with `labels`.
        test_data: folder of the same class folders, whose images are for the test alone.
        labels: table (.csv or .jsonl) of the images, in place of class folders; its paths are
            relative to `data` or to the folder that it is in.
        output: folder for the results; by default `runs/` and the name of the data folder.
        overwrite: whether results in that folder are replaced also where no image is in common.
        weights: sources of the network's weights, comma-separated, tried in order.
        pooling: how the network's pooling branches pool; "auto" is what the weights were trained
            with.
        resize: how an image becomes 299 x 299; see `Preprocessing`.
        exact_decode: whether large JPEGs are decoded at full size; see `Preprocessing`.
        intensity: what values of more than 8 bits are scaled to 8 bits by: "image", "dataset" or
            "LOW,HIGH"; see `Preprocessing`.
        page: of a TIFF of several pages: a number from 1, "max" or "mean"; "" for the first.
        channels: of a TIFF of several channels: up to three numbers from 1, such as "1,2"; "" for
            the first.
        precision: arithmetic of the network.
        engine: what runs the network on a CPU; or an engine of the caller's own, which takes the
            place of the weights.
        layers: of the network that the head reads; "auto" is what answers training images better,
            each left out in turn.
        solver: how the head is fitted.
        views: of each training image, 1, 2 or 4: as it is; mirrored; cropped to 90%, and with a
            border to 120%.
        flip: whether four further views are drawn for each, half of them mirrored; they are drawn
            too where one of the next three is not 0. All four are those of `retrain.py`.
        random_crop: percent by which the image is larger than a drawn view of it, 0 to 100.
        random_scale: percent that they are enlarged by at most, 0 to 100.
        random_brightness: percent that they are brighter or darker by at most, 0 to 100.
        holdout: share of the images that are for the test alone, 0 to 0.5.
        group: a regular expression, searched in each image's path below the data folder (with
            forward slashes). What its first group finds names a group of images that is on one
            side of the split, and is left out together; "" for none.
        near_duplicates: whether images that are nearly the same are such a group.
        class_weights: whether each image weighs the same, or each class.
        path_column: of the table or data frame, that has the paths; by default one with a usual
            name.
        label_column: the same, that has the labels.
        label_delimiter: what stands between the labels of an image, which may then have several or
            none. By default, that is so where a cell is a list of several, or a column is called
            labels and has "|" in a cell, or there is a column of 1 and 0 per class.
        target_precision: where images may have several labels, the precision that the threshold of
            each class is to reach, up to 1; 0 for the best F1.
        steps: of the solver "sgd", 1 or more; and so are the next three.
        learning_rate: of every step, above 0.
        batch_size: images per step, 1 or more.
        eval_interval: steps between two reports, 1 or more.
        threshold: operating points of classes, such as ["sick=0.2"]: the score from which on an
            image is told to be over the threshold of that class, above 0 and at most 1.
        seed: of everything that is drawn, 0 to 2^63 - 1.
        device: where the network runs.
        keep_conflicts: whether images that lie, byte for byte, in several classes are trained on.
        bundle: whether the network is put into `model.pt`, and in which type of number; see
            `Classifier.save`.
        strict: kept in `config.toml`; only the command's exit status depends on it.
        cluster: the Ray cluster that computes the features: "auto", "local" or "HOST:PORT"; "" for
            none.
        shards: folder or address for the features as Parquet files, with `cluster`.
        report: kept too; the command writes a report, and here `write_report` does.
        thumbnails: kept too; whether that report shows images.
        tensorboard: whether the folder `tensorboard` is written into the results, too.

    Raises:
        ConfigError: a setting cannot be used.
        DatasetError: the images cannot be trained on.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
        ClusterError: the cluster or the shards cannot be used.
    """
    settings = dict(locals())  # the parameters, which are the fields of TrainConfig
    if isinstance(data, str) and not data and not labels:
        raise ConfigError("data = '' must name a folder.")
    images = None if is_path(data) or not isinstance(data, Iterable) else data
    if images is not None:
        settings["data"] = FROM_PYTHON
    own_engine = None if isinstance(engine, str) else engine
    if own_engine is not None:
        del settings["engine"]
    config = make_config(TrainConfig, settings, origin="train_classifier")
    return run_training(config, engine=own_engine, images=images)
