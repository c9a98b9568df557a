"""Every setting and its default, stated once. Flags and TOML keys are derived from the fields."""

import dataclasses
import difflib
import ipaddress
import json
import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from torch_inception.errors import ConfigError

DEFAULT_DATA = "training_dataset"
"""The data folder where neither a folder nor a table is named."""

DEFAULT_WEIGHTS = "imagenet,npm:nsfwjs"

Pooling = Literal["torchvision", "tensorflow", "tensorflow-2015"]
"""How the blocks' pooling branches pool; each set of weights wants what it was trained with.

torchvision's average pools count the zeros around the edge, TensorFlow's ('SAME') leave them out.
The graph that Google published in 2015 does as TensorFlow's others do, but takes the maximum in
its last block.
"""

PoolingChoice = Literal["auto", Pooling]
Resize = Literal["squash", "crop", "pad", "tensorflow"]
Layers = Literal["last", "all"]
LayersChoice = Literal["auto", Layers]
Solver = Literal["lda", "lbfgs", "sgd"]
ClassWeights = Literal["equal", "balanced"]
NearDuplicates = Literal["together", "ignore"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "int8"]
EngineName = Literal["torch", "openvino"]
Bundle = Literal["no", "fp32", "fp16"]
Format = Literal["text", "json", "csv"]
FiguresFormat = Literal["text", "json"]
ExportFormat = Literal["onnx", "openvino", "torch", "bundle", "web"]
ExportPrecision = Literal["auto", "fp32", "fp16", "int8"]
PlacingAction = Literal["copy", "link", "move"]
BadImages = Literal["raise", "skip", "nan"]

INTENSITIES = ("image", "dataset")
"""What images of more than 8 bits can be scaled by, besides a range."""

PROJECTIONS = ("max", "mean")
"""What all pages of a stack can be made one by, pixel by pixel."""

VIEW_COUNTS = (1, 2, 4)
"""Numbers of fixed views that each training image can have."""

COVERAGES = (0.9, 0.95)
"""Probabilities that a set of labels can be asked for with."""

FROM_PYTHON = "(images given in Python)"
"""What `data` holds after a training on a list or a data frame, which no setting can name."""

GROUP_COLUMN_ADVICE = "If a column of the table names the groups, call it 'group'."
"""What is told besides of `group` where a table names the images."""

Config = TypeVar("Config")


def setting(default: Any, help_text: str, *, group: str = "", is_path: bool = False) -> Any:  # noqa: ANN401
    """Describe a field of a configuration.

    Args:
        default: its default.
        help_text: its line in `--help`.
        group: the heading that its flag stands under; "" for those that people use first.
        is_path: whether it names a place: a file, a folder, an address, or several between commas.
    """
    metadata = {"help": help_text, "group": group, "is_path": is_path}
    return dataclasses.field(default=default, metadata=metadata)


# What several commands have, described once; a field belongs to one class only.


def _report() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        True, "write report.html into the results (default: it is written)", group="results"
    )


def _thumbnails() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        True,
        "show small copies of images in it (default: they are shown); leave them out where not "
        "everyone who sees the report may see the images",
        group="results",
    )


def _path_column() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        "",
        "column that has the paths (default: path, file_name, fname, image or filename)",
        group="table of labels (--labels)",
    )


def _label_column() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        "",
        "column that has the labels (default: label or labels)",
        group="table of labels (--labels)",
    )


def _false_rejection() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        0.05,
        "share of images like the training images that may be called unlike them, above 0 and "
        "below 1",
    )


def _model_weights() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        "",
        "sources of the network's weights (default: those of the model)",
        group="network",
        is_path=True,
    )


def _shards() -> Any:  # noqa: ANN401 - as `setting`
    return setting(
        "",
        "folder that all machines see, or s3://BUCKET/FOLDER or gs://BUCKET/FOLDER, for the "
        "features as Parquet files",
        group="more machines",
        is_path=True,
    )


@dataclass(frozen=True)
class TrainConfig:
    """Settings of training.

    Raises:
        ConfigError: a value has the wrong type, is not among the choices or is out of its range, or
            there is no home folder to write out `~`.
    """

    data: str = setting(
        "",
        "folder with one folder of images per class; or with folders train, val and test of such "
        f"(default: {DEFAULT_DATA}, or none with --labels)",
        is_path=True,
    )
    output: str = setting(
        "", "folder for the results (default: runs/NAME OF THE DATA FOLDER)", is_path=True
    )
    overwrite: bool = setting(
        False, "replace results in that folder also where they are of other images"
    )
    test_data: str = setting(
        "",
        "folder with the same class folders, whose images are for the test alone (default: a "
        "share of --data)",
        is_path=True,
    )
    labels: str = setting(
        "",
        "table (.csv or .jsonl) with the path and the label of each image, in place of class "
        "folders; paths are relative to --data or to the table",
        is_path=True,
    )
    weights: str = setting(
        DEFAULT_WEIGHTS,
        "sources of the network's weights, tried in order: imagenet, npm:nsfwjs, hf:OWNER/NAME, or "
        "a file or folder of PyTorch, timm, Keras, TensorFlow.js or TensorFlow 1",
        is_path=True,
    )
    resize: Resize = setting(
        "squash", "how an image becomes 299 x 299; saved with the model", group="images"
    )
    exact_decode: bool = setting(
        False,
        "decode large JPEGs at full size, not at the scale that is needed; saved too",
        group="images",
    )
    keep_conflicts: bool = setting(
        False,
        "train also on images that lie, byte for byte, in several classes",
        group="images",
    )
    intensity: str = setting(
        "image",
        "what 16-bit, 32-bit and float images are scaled to 8 bits by: image (percentiles 0.1 and "
        "99.9 of each), dataset (of all training images) or LOW,HIGH; saved too",
        group="images",
    )
    page: str = setting(
        "",
        "of a TIFF of several pages (slices, moments): a number from 1, or the max or mean of all, "
        "pixel by pixel; saved too (default: the first, and you are told)",
        group="images",
    )
    channels: str = setting(
        "",
        "of a TIFF of several channels: up to three numbers from 1, such as 1,2 (magenta and "
        "green) or 1,2,3 (red, green and blue); saved too (default: the first, and you are told)",
        group="images",
    )
    strict: bool = setting(
        False, "exit with status 1 when a file had to be skipped", group="images"
    )
    holdout: float = setting(
        0.1,
        "share of the images that are for the test alone, 0 to 0.5; with 0, every image is trained "
        "on, and leave-one-out tells how good the model is",
        group="training and test images",
    )
    group: str = setting(
        "",
        "a regular expression; what its first (...) finds in an image's path below the data "
        "folder, such as a patient, names a group that stays on one side of the split",
        group="training and test images",
    )
    near_duplicates: NearDuplicates = setting(
        "together",
        "whether images that are nearly the same stay on one side of the split",
        group="training and test images",
    )
    pooling: PoolingChoice = setting(
        "auto",
        "how the network's pooling branches pool: auto is what the weights were trained with; "
        "saved with the model",
        group="network",
    )
    precision: Precision = setting(
        "auto",
        "arithmetic of the network: auto is float32, or bfloat16 on a GPU that has it; int8 is "
        "several times as fast on a CPU, and nearly the same",
        group="network",
    )
    engine: EngineName = setting(
        "torch",
        "what runs the network on a CPU; openvino is somewhat faster, and runs int8",
        group="network",
    )
    device: Device = setting("auto", "where the network runs", group="network")
    layers: LayersChoice = setting(
        "auto",
        "layers of the network that the head reads: the last alone, or three; auto is what "
        "answers training images better, each left out in turn",
        group="head",
    )
    solver: Solver = setting(
        "lda",
        "how the head is fitted: discriminant analysis, logistic regression, or gradient descent",
        group="head",
    )
    views: int = setting(
        1,
        "views of each training image, 1, 2 or 4: as it is; mirrored; cropped to 90%, and with a "
        "border to 120%",
        group="views of training images",
    )
    flip: bool = setting(
        False,
        "as retrain.py's flip_left_right: four further views are drawn, half of them mirrored",
        group="views of training images",
    )
    random_crop: float = setting(
        0.0,
        "as retrain.py: percent by which the image is larger than a drawn view of it",
        group="views of training images",
    )
    random_scale: float = setting(
        0.0,
        "as retrain.py: percent that they are enlarged by at most",
        group="views of training images",
    )
    random_brightness: float = setting(
        0.0,
        "as retrain.py: percent that they are brighter or darker by at most",
        group="views of training images",
    )
    class_weights: ClassWeights = setting(
        "equal", "whether each image weighs the same, or each class (balanced)", group="head"
    )
    threshold: Sequence[str] = setting(
        (),
        "NAME=SCORE, such as sick=0.2: the score from which on an image is told to be over the "
        "threshold of that class, above 0 and at most 1; saved with the model; may be given again "
        "for other classes",
        group="head",
    )
    seed: int = setting(0, "seed of everything that is drawn", group="head")
    path_column: str = _path_column()
    label_column: str = _label_column()
    label_delimiter: str = setting(
        "",
        "what stands between the labels of an image, which may then have several or none "
        "(default: | in a column called labels, if any cell has it)",
        group="table of labels (--labels)",
    )
    target_precision: float = setting(
        0.0,
        "where images may have several labels: the precision that the threshold of each class is "
        "to reach, above 0 and up to 1 (default: the best F1)",
        group="table of labels (--labels)",
    )
    steps: int = setting(500, "number of steps", group="gradient descent (--solver sgd)")
    learning_rate: float = setting(
        0.01, "learning rate of every step", group="gradient descent (--solver sgd)"
    )
    batch_size: int = setting(100, "images per step", group="gradient descent (--solver sgd)")
    eval_interval: int = setting(
        100, "steps between two reports", group="gradient descent (--solver sgd)"
    )
    cluster: str = setting(
        "",
        "have a Ray cluster, whose machines see the images under the same paths, compute the "
        "features: auto (the one that this machine belongs to), HOST:PORT, or local (one for this "
        "run, on this machine)",
        group="more machines",
        is_path=True,
    )
    shards: str = _shards()
    report: bool = _report()
    thumbnails: bool = _thumbnails()
    tensorboard: bool = setting(
        False,
        "also write the folder tensorboard into the results: curves, histograms, confusion "
        "matrices and a map of the images, which TensorBoard shows",
        group="results",
    )
    bundle: Bundle = setting(
        "no",
        "put the network into model.pt, so that the model needs no source of weights: 88 MB more, "
        "or 45 in fp16, with scores that differ a little",
        group="results",
    )

    def __post_init__(self) -> None:
        _check_types(self)
        if self.cluster:
            _check_cluster(self)
        if not (self.data or self.labels):
            object.__setattr__(self, "data", DEFAULT_DATA)  # it is frozen
        for name in ("steps", "batch_size", "eval_interval"):
            _require(self, name, getattr(self, name) >= 1, "must be 1 or more")
        positive = math.isfinite(self.learning_rate) and self.learning_rate > 0
        _require(self, "learning_rate", positive, "must be a number above 0")
        _require(self, "views", self.views in VIEW_COUNTS, "must be 1, 2 or 4")
        for name in ("random_crop", "random_scale", "random_brightness"):
            share = getattr(self, name)
            _require(self, name, 0 <= share <= 100, "must be percent, 0 to 100")
        _require(self, "holdout", 0 <= self.holdout <= 0.5, "must be a share, 0 to 0.5")
        is_share = 0 <= self.target_precision <= 1
        _require(self, "target_precision", is_share, "must be above 0 and up to 1")
        _require(self, "seed", 0 <= self.seed < 2**63, "must be 0 or more, and under 2^63")
        _check_group(self.group, self.labels)
        parse_intensity(self.intensity)
        parse_page(self.page)
        parse_channels(self.channels)
        parse_thresholds(self.threshold)

    @property
    def with_validation(self) -> bool:
        """Whether the solver needs images that it is not fitted on, besides those of the test."""
        return self.solver != "lda"

    @property
    def output_folder(self) -> Path:
        """Where the results land."""
        if self.output:
            return Path(self.output)
        if self.data == FROM_PYTHON:
            return Path("runs/images")
        if not self.data:
            return Path("runs") / Path(self.labels).stem
        return Path("runs") / Path(os.path.abspath(self.data)).name  # noqa: PTH100 - any text


@dataclass(frozen=True)
class PredictConfig:
    """Settings of prediction.

    Raises:
        ConfigError: a value has the wrong type, is not among the choices or is out of its range, or
            there is no home folder to write out `~`.
    """

    model: str = setting(
        "",
        "run folder, model.pt, or model.onnx of export (default: ImageNet's 1000 classes)",
        is_path=True,
    )
    top: int = setting(
        5,
        "classes shown per image, best first; where an image may have several labels, text has "
        "those that reach their thresholds instead",
    )
    coverage: float = setting(
        0.0,
        "0.9 or 0.95: also show the smallest set of labels that holds the true one with this "
        "probability (default: no set)",
    )
    false_rejection: float = _false_rejection()
    neighbours: int = setting(0, "training images that each image is most like, to show")
    unsure: int = setting(
        0,
        "write a table (CSV) of so many of the images, whose labels would teach the model most; "
        "fill in its column label, and give it to train --labels",
    )
    explain: str = setting(
        "",
        "folder for a map per image: what of it speaks for its best class, and what against it",
        group="explanations",
        is_path=True,
    )
    explain_class: str = setting(
        "", "the class that is explained, in place of the best one", group="explanations"
    )
    explain_versus: str = setting(
        "", "a class to compare it with: why the one, and not this one", group="explanations"
    )
    format: Format = setting("text", "how results are written")
    weights: str = _model_weights()
    pooling: PoolingChoice = setting(
        "auto",
        "how the network's pooling branches pool: auto is what the model was trained with",
        group="network",
    )
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self, "top", self.top >= 1, "must be 1 or more")
        _require(self, "coverage", self.coverage in (0, *COVERAGES), "must be 0.9 or 0.95")
        _check_false_rejection(self)
        for name in ("neighbours", "unsure"):
            _require(self, name, getattr(self, name) >= 0, "must be 0 or more")


@dataclass(frozen=True)
class SortConfig:
    """Settings of sorting images into folders.

    Raises:
        ConfigError: a value has the wrong type, is not among the choices or is out of its range, or
            there is no home folder to write out `~`.
    """

    model: str = setting("", "run folder or model.pt (needed)", is_path=True)
    into: str = setting(
        "",
        "folder for the folders sorted, unsure and unlike (needed); what is there already stays",
        is_path=True,
    )
    action: PlacingAction = setting("copy", "what is done with each image")
    coverage: float = setting(
        0.9,
        "0.9 or 0.95: an image is unsure where the smallest set of labels that holds the true one "
        "with this probability has more than one",
    )
    false_rejection: float = _false_rejection()
    weights: str = _model_weights()
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self, "coverage", self.coverage in COVERAGES, "must be 0.9 or 0.95")
        _check_false_rejection(self)


@dataclass(frozen=True)
class ExportConfig:
    """Settings of an export.

    Raises:
        ConfigError: a value has the wrong type or is not among the choices, a format does not have
            the precision, or there is no home folder to write out `~`.
    """

    format: ExportFormat = setting(
        "onnx",
        "what the file is for: ONNX Runtime and others (onnx), OpenVINO (openvino), torch without "
        "this package (torch), or this package without a source of weights (bundle); web is a "
        "folder with a page for browsers, which run the model",
    )
    precision: ExportPrecision = setting(
        "auto",
        "of the network in the file: fp16 takes half the room, int8 a quarter, and is faster on "
        "many processors; scores differ a little, with int8 more than a little; auto is fp16 for "
        "web, else fp32",
    )
    output: str = setting(
        "",
        "the file, or the folder of web (default: model.onnx, model.xml, model.pt2, bundle.pt or "
        "web in the run folder)",
        is_path=True,
    )
    force: bool = setting(
        False, "write the file also where its answers differ too much from the classifier's"
    )

    def __post_init__(self) -> None:
        _check_types(self)
        if self.format == "torch":
            is_known = self.precision in ("auto", "fp32")
            _require(self, "precision", is_known, "must be fp32 for the format torch")
        if self.format == "bundle":
            _require(
                self, "precision", self.precision != "int8", "must be fp32 or fp16 for a bundle"
            )


@dataclass(frozen=True)
class FeaturesConfig:
    """Settings of the pass alone.

    Raises:
        ConfigError: a value has the wrong type or is not among the choices, or there is no home
            folder to write out `~`.
    """

    data: str = setting(
        "",
        "the same as DATA: folder of images, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER (train reads "
        "images from disks only)",
        is_path=True,
    )
    shards: str = _shards()
    cluster: str = setting(
        "local",
        "the Ray cluster: auto (the one that this machine belongs to), HOST:PORT, or local (one "
        "for this run, on this machine)",
        group="more machines",
    )
    weights: str = setting(
        DEFAULT_WEIGHTS, "sources of the network's weights, as for train", is_path=True
    )
    resize: Resize = setting("squash", "how an image becomes 299 x 299", group="images")
    exact_decode: bool = setting(
        False,
        "decode large JPEGs at full size, not at the scale that is needed",
        group="images",
    )
    intensity: str = setting(
        "image",
        "what 16-bit, 32-bit and float images are scaled to 8 bits by: image or LOW,HIGH",
        group="images",
    )
    page: str = setting("", "of a TIFF of several pages, as for train", group="images")
    channels: str = setting("", "of a TIFF of several channels, as for train", group="images")
    pooling: PoolingChoice = setting(
        "auto", "how the network's pooling branches pool, as for train", group="network"
    )
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        _check_cluster(self)
        parse_intensity(self.intensity)
        parse_page(self.page)
        parse_channels(self.channels)


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of an evaluation.

    Raises:
        ConfigError: a value has the wrong type, is not among the choices or is no name, or there is
            no home folder to write out `~`.
    """

    data: str = setting(
        "",
        "the same as DATA: folder with one folder of images per class, or the folder of a table",
        is_path=True,
    )
    labels: str = setting(
        "",
        "table (.csv or .jsonl) with the path and the label of each image, in place of class "
        "folders; paths are relative to DATA or to the table",
        is_path=True,
    )
    against: str = setting(
        "",
        "another run folder or model.pt, which names the same images: which of the two is better?",
        is_path=True,
    )
    name: str = setting("", "of the folder for the results (default: NAME OF THE DATA FOLDER)")
    format: FiguresFormat = setting("text", "how the figures are shown")
    keep_conflicts: bool = setting(
        False, "use also images that lie, byte for byte, in several classes", group="images"
    )
    report: bool = _report()
    thumbnails: bool = _thumbnails()
    path_column: str = _path_column()
    label_column: str = _label_column()
    label_delimiter: str = setting(
        "",
        "what stands between the labels of an image, for a model that gives several (default: |)",
        group="table of labels (--labels)",
    )
    weights: str = _model_weights()
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        is_name = Path(self.name).name == self.name and self.name not in (".", "..")
        _require(self, "name", is_name and "\0" not in self.name, "must be the name of a folder")


@dataclass(frozen=True)
class AuditConfig:
    """Settings of an audit.

    Raises:
        ConfigError: a value has the wrong type or is not among the choices, actions exclude each
            other, or there is no home folder to write out `~`.
    """

    data: str = setting(
        "",
        "the same as DATA: folder with one folder of images per class, or the folder of a table; "
        "or a run folder, whose images, settings and split are taken",
        is_path=True,
    )
    output: str = setting(
        "",
        "folder for the results (default: audits/NAME OF THE DATA FOLDER, or audit in the run "
        "folder)",
        is_path=True,
    )
    labels: str = setting(
        "",
        "table (.csv or .jsonl) with the path and the label of each image, in place of class "
        "folders; paths are relative to DATA or to the table",
        is_path=True,
    )
    quarantine: str = setting(
        "",
        "move the images that quarantine.csv of an audit lists, as you have edited it, into this "
        "folder",
        group="after an audit",
        is_path=True,
    )
    relabel: str = setting(
        "",
        "give the images of this table, relabel.csv of an audit as you have edited it, their new "
        "labels: files move to the folders of their classes, tables are edited",
        group="after an audit",
        is_path=True,
    )
    restore: str = setting(
        "",
        "undo everything that --quarantine into this folder did; with the folder of an audit's "
        "results, what --relabel did",
        group="after an audit",
        is_path=True,
    )
    group: str = setting(
        "",
        "a regular expression; what its first (...) finds in an image's path below the data "
        "folder names a group, whose images are left out together",
        group="images",
    )
    thumbnails: bool = _thumbnails()
    path_column: str = _path_column()
    label_column: str = _label_column()
    weights: str = setting(
        "",
        f"sources of the network's weights (default: {DEFAULT_WEIGHTS}, or those of the run)",
        group="network",
        is_path=True,
    )
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        _check_group(self.group, self.labels)
        actions = [name for name in ("quarantine", "relabel", "restore") if getattr(self, name)]
        if len(actions) > 1:
            raise ConfigError(f"{' and '.join(actions)}: give one of them at a time.")


@dataclass(frozen=True)
class ServeConfig:
    """Settings of the server.

    Raises:
        ConfigError: a value has the wrong type, is not among the choices or is out of its range, or
            there is no home folder to write out `~`.
    """

    host: str = setting(
        "127.0.0.1", "address to listen at; any but those of this machine needs --token or --open"
    )
    port: int = setting(8000, "its port; 0 is one that is free")
    token: str = setting(
        "",
        "what clients have to send, as a header 'Authorization: Bearer TEXT'; in a file for "
        "--config, other users of this machine do not see it",
    )
    open: bool = setting(False, "let everyone ask who reaches the address")
    certificate: str = setting(
        "", "file in PEM, for HTTPS: a phone's camera needs that", is_path=True
    )
    key: str = setting("", "file in PEM with the key of the certificate", is_path=True)
    reload: bool = setting(
        False, "put a retrained model in the place of the old one, between two requests"
    )
    weights: str = _model_weights()
    device: Device = setting("auto", "where the network runs", group="network")

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self, "port", 0 <= self.port < 2**16, "must be a number from 0 to 65535")
        _require(self, "host", bool(self.host), "must be an address")
        is_token = self.token.isascii() and self.token.isprintable() and " " not in self.token
        if not is_token:  # it is not told
            raise ConfigError("token must be letters, digits and signs of ASCII, without blanks.")
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("certificate and key belong together: give both, or neither.")
        if not (self.is_local or self.token or self.open):
            raise ConfigError(
                f"host = {self.host!r} is reached by others. Give a --token that they have to "
                "send, or --open if everyone may ask."
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _check_false_rejection(config: PredictConfig | SortConfig) -> None:
    is_share = 0 < config.false_rejection < 1
    _require(config, "false_rejection", is_share, "must be above 0 and below 1")


def _check_group(pattern: str, labels: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"group = {pattern!r} is no regular expression: {error}.") from error
    if pattern and not groups:
        raise ConfigError(
            f"group = {pattern!r} has no (...) around what names a group, as in '(patient[0-9]+)_'."
            + (f" {GROUP_COLUMN_ADVICE}" if labels else "")
        )


def parse_intensity(text: str) -> tuple[float, float] | None:
    """Return the range that a setting `intensity` states; None where it names a choice.

    Raises:
        ConfigError: it is neither a range nor a choice.
    """
    if text in INTENSITIES:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(high - low) and low < high):
        raise ConfigError(
            f"intensity = {text!r} is not image, dataset or two numbers, the lower first, such as "
            "0,4095."
        )
    return low, high


def parse_page(text: str) -> int | str | None:
    """Return the page that a setting names, from 1, or "max" or "mean"; None where it is empty.

    Raises:
        ConfigError: it is none of these.
    """
    if text in PROJECTIONS:
        return text
    if text and not re.fullmatch(r"0*[1-9]\d{0,8}", text, re.ASCII):
        raise ConfigError(f"page = {text!r} is not a number from 1, max or mean.")
    return int(text) if text else None


def parse_channels(text: str) -> tuple[int, ...]:
    """Return the channels that a setting names, from 1; none where it is empty.

    Raises:
        ConfigError: they are not one to three numbers from 1.
    """
    number = r"\s*0*[1-9]\d{0,8}\s*"
    if text and not re.fullmatch(f"{number}(,{number}){{0,2}}", text, re.ASCII):
        raise ConfigError(f"channels = {text!r} are not one to three numbers from 1, such as 1,2.")
    return tuple(map(int, text.split(","))) if text else ()


def parse_thresholds(texts: Sequence[str]) -> dict[str, float]:
    """Return label -> threshold of settings such as `sick=0.2`.

    Raises:
        ConfigError: one is no such text, its threshold is out of its range, or a label has two.
    """
    found: dict[str, float] = {}
    for text in texts:
        label, _, number = text.rpartition("=")
        try:
            threshold = float(number)
        except ValueError:
            threshold = math.nan
        if not label or not 0 < threshold <= 1:
            raise ConfigError(
                f"threshold = {text!r} is not NAME=SCORE with a score above 0 and at most 1, such "
                "as sick=0.2."
            )
        if label in found:
            raise ConfigError(f"threshold: the class {label!r} has two. Leave one out.")
        found[label] = threshold
    return found


def make_config(kind: type[Config], values: Mapping[str, Any], *, origin: str) -> Config:
    """Build a configuration from loose values, checking names and types.

    Args:
        kind: the dataclass.
        values: field name -> value.
        origin: where the values come from, for messages.

    Raises:
        ConfigError: a name is unknown, or a value has the wrong type or is not among the choices.
    """
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            close = difflib.get_close_matches(name, hints, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(hints)}."
            raise ConfigError(f"{origin}: there is no setting {name!r}; {advice}")
    return kind(**{name: _typed(name, values[name], hints[name], origin) for name in values})


def expand_home(name: str, paths: str) -> str:
    """Write out the `~` that a path may begin with, as shells do; they leave `--name=~/x` alone.

    Args:
        name: what is named so, for the message.
        paths: a path, or several between commas.

    Raises:
        ConfigError: the home folder is not known.
    """
    parts = re.split(r"(,\s*)", paths)  # the commas stay
    return "".join(_expand_home(name, part) for part in parts)


def _check_types(config: Any) -> None:  # noqa: ANN401 - a dataclass
    """Refuse values of a wrong type or choice, and write out `~`."""
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        name, origin = field.name, type(config).__name__
        value = _typed(name, getattr(config, name), hints[name], origin)
        if field.metadata["is_path"]:
            value = expand_home(name, value)
        object.__setattr__(config, name, value)  # it is frozen


def _expand_home(name: str, path: str) -> str:
    found = os.path.expanduser(path)  # noqa: PTH111 - takes any text, and leaves what it cannot do
    if found == path and re.match(r"~(/|\\|$)", path):
        raise ConfigError(
            f"{name} = {path!r}: your home folder is not known here. Write the whole path."
        )
    return found


def check_choice(name: str, value: object, kind: Any) -> None:  # noqa: ANN401 - a Literal
    """Do nothing if the value is one of a Literal's.

    Raises:
        ConfigError: it is not.
    """
    choices = get_args(kind)
    if value not in choices:
        raise ConfigError(f"{name} = {value!r} is not one of {', '.join(choices)}.")


_BYTE = re.compile(r"(?<!\\)((?:\\\\)*)\\u(dc[89a-f][0-9a-f])")
"""Escape of a byte that is not text, as PEP 383 numbers them, after escaped backslashes."""


def read_toml(path: Path) -> dict[str, Any]:
    r"""Read the settings in a TOML file.

    Names of files may hold bytes that are not text. `\udc80` to `\udcff` stand for these, which
    TOML knows nothing of.

    Raises:
        ConfigError: it is not there, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(_BYTE.sub(lambda found: found[1] + chr(int(found[2], 16)), text))
    except OSError as error:
        raise ConfigError(f"cannot read the settings in {path} ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}.") from error


def to_toml(config: TrainConfig | EvaluateConfig) -> str:
    """Write every setting as TOML; `read_toml` and `make_config` give the same back.

    Bytes that are not text are left for `write_text` to escape.
    """
    values = dataclasses.asdict(config)
    return "".join(f"{name} = {_toml_value(value)}\n" for name, value in values.items())


def setting_in_words(value: bool | float | str | tuple[str, ...]) -> str:
    """Return a setting's value as people read it."""
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _toml_value(value: bool | float | str | tuple[str, ...]) -> str:
    # A JSON scalar or list is a TOML value, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _typed(name: str, value: Any, hint: Any, origin: str) -> Any:  # noqa: ANN401
    if get_origin(hint) is Literal:
        check_choice(f"{origin}: {name}", value, hint)
        return value
    if hint == Sequence[str]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            raise ConfigError(f"{origin}: {name} = {value!r} must be a list of texts.")
        return tuple(value)
    if hint is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if getattr(value, "ndim", None) == 0:
        value = value.item()  # of numpy
    if hint is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is not hint:
        kind = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[hint]
        raise ConfigError(f"{origin}: {name} = {value!r} must be {kind}.")
    return value


def _check_cluster(config: TrainConfig | FeaturesConfig) -> None:
    is_known = re.fullmatch(r"auto|local|.+:\d+", config.cluster) is not None
    _require(config, "cluster", is_known, "is not auto, local or HOST:PORT")


def _require(config: object, name: str, holds: bool, rule: str) -> None:
    if not holds:
        raise ConfigError(f"{name} = {getattr(config, name)!r} {rule}.")
