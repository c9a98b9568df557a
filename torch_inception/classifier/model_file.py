"""`model.pt`: what training saves and prediction loads. Tensors and plain values only."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_inception.answers.prediction import check_thresholds
from torch_inception.answers.training_record import TrainingRecord
from torch_inception.config import COVERAGES, Layers, check_choice
from torch_inception.errors import ConfigError, ModelError
from torch_inception.exported.description import refuse_exported
from torch_inception.heads.class_space import ClassSpace, ImageSpace
from torch_inception.heads.head import Head, IndependentHead
from torch_inception.heads.inputs import Inputs
from torch_inception.heads.nearest_space import NearestSpace
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import ROW_SIZE
from torch_inception.system.escape import brief
from torch_inception.system.tensor_file import load_tensors, plain_tensor, save_whole
from torch_inception.weights.record import WeightsRecord

MODEL_FILE = "model.pt"

PREVIOUS_MODEL_FILE = "model.previous.pt"
"""The model of the run before, beside that of the last."""

WEIGHTS_FILE = "weights.pth"
"""The network of a model that another program trained, beside it."""

FORMAT = 4
"""Number of the layout of the file."""

FORMAT_OF_SEVERAL = 5
"""The same for a model that may give an image several labels, or none. Versions that know only of
one label would take its head for one of classes that exclude each other."""

ARITHMETICS = "fp32|fp32 openvino|bf16|int8 [0-9a-f]{64}"
"""What engines call their arithmetic, as a regular expression."""

LABEL_LIMIT = 1000
"""Characters of the longest label; the name of a folder has 255 at most."""


@dataclass(frozen=True)
class Model:
    """Everything of a classifier; the network is named by its record, and only copied if asked for.

    Attributes:
        labels: class names; row i of the head belongs to labels[i].
        head: features -> probabilities.
        preprocessing: how an image becomes 299 x 299.
        record: what the head's features came from.
        half_features: whether the head was fitted on rows rounded to float16, as the cache keeps
            them; prediction then rounds too, so that it agrees with training.
        arithmetic: of the engine that computed the features; one of `ARITHMETICS`.
        refused: (source, reason) of each source of weights that was tried in vain.
        coverage: coverage -> lowest score of a label that belongs into a set; see `coverage.py`.
        thresholds: label -> score from which on an image is over the threshold of that class, above
            0 and at most 1; for the classes that have one.
        mean_inputs: (D,) float32, what the head reads of the training images on average; None where
            that is not known.
        space: tells how far an image is from the training images; None where that is not known.
        training: when and by what it was trained, and how good it was; None where another program
            trained it.
        network: names -> tensors of the network, in float32 or float16, where the model is whole;
            None where it only names them.
    """

    labels: list[str]
    head: Head
    preprocessing: Preprocessing
    record: WeightsRecord
    half_features: bool = True
    arithmetic: str = "fp32"
    refused: tuple[tuple[str, str], ...] = ()
    coverage: Mapping[float, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    mean_inputs: Tensor | None = None
    space: ImageSpace | None = None
    training: TrainingRecord | None = None
    network: Mapping[str, Tensor] | None = None


def require_one_label(model: Model, what: str, *, why: str, instead: str) -> None:
    """Refuse a model that may give an image several labels.

    Args:
        model: of any kind.
        what: is done, as the beginning of the message.
        why: that needs one label per image.
        instead: what can be done with such a model, as a sentence.

    Raises:
        ConfigError: it may.
    """
    if isinstance(model.head, IndependentHead):
        raise ConfigError(
            f"{what} needs a model of one label per image, since {why}, and this one gives "
            f"several. {instead}"
        )


def save_model(model: Model, path: Path) -> None:
    """Write a model, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    content = {
        "format": FORMAT_OF_SEVERAL if isinstance(model.head, IndependentHead) else FORMAT,
        "weight": model.head.weight,
        "bias": model.head.bias,
        "layers": model.head.layers,
        "labels": model.labels,
        "preprocessing": dataclasses.asdict(model.preprocessing),
        "record": model.record.as_dict(),
        "half_features": model.half_features,
        "arithmetic": model.arithmetic,
        "refused": [list(pair) for pair in model.refused],
        "coverage": [list(pair) for pair in model.coverage.items()],
        "thresholds": [list(pair) for pair in model.thresholds.items()],
        "mean_inputs": model.mean_inputs,
        "space": model.space and model.space.as_dict(),
        "training": model.training and model.training.as_dict(),
        "network": None if model.network is None else dict(model.network),
    }
    save_whole(content, path)


def load_model(path: Path) -> Model:
    """Read a model; nothing in the file is executed.

    Args:
        path: a run folder, or the file itself.

    Raises:
        ModelError: there is no model, or it is damaged.
    """
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"there is no model {file}. Train one (torch-inception train), or give the folder "
            "that training named."
        )
    refuse_exported(file)
    content = _read(file)
    is_of_several = content["format"] == FORMAT_OF_SEVERAL
    try:
        head = (IndependentHead if is_of_several else Head)(
            plain_tensor(content["weight"]),
            plain_tensor(content["bias"]),
            layers=_layers(content["layers"]),
        )
        labels = _checked(content["labels"], head)
        return Model(
            labels=labels,
            head=head,
            preprocessing=Preprocessing(**content["preprocessing"]),
            record=WeightsRecord.from_dict(content["record"]),
            half_features=_bool(content["half_features"]),
            arithmetic=_arithmetic(content["arithmetic"]),
            refused=tuple(_pair(each) for each in content["refused"]),
            coverage=dict(_coverage_threshold(each) for each in content["coverage"]),
            # Earlier versions knew no thresholds of classes.
            thresholds=check_thresholds(
                dict(content.get("thresholds", [])), labels, all_of_them=is_of_several
            ),
            mean_inputs=_mean_inputs(content["mean_inputs"], head),
            space=_space(content["space"], head),
            training=_training(content["training"]),
            network=_network(content["network"]),
        )
    except KeyError as error:
        raise ModelError(f"{file} is damaged ({brief(error)} is missing). Train again.") from error
    except (ConfigError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{file} is damaged ({brief(error)}). Train again.") from error


def earlier_model(folder: Path) -> Model | None:
    """Return the model of an earlier run; None where there is none that can be read."""
    try:
        return load_model(folder)
    except ModelError:
        return None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = load_tensors(file)
    except ValueError as error:
        raise ModelError(f"{file} is not a model that training saved ({error}).") from error
    if type(content) is not dict or "format" not in content:
        raise ModelError(f"{file} is not a model that training saved.")
    number = content["format"]
    if type(number) is not int:
        raise ModelError(f"{file} is not a model that training saved.")
    if number not in (FORMAT, FORMAT_OF_SEVERAL):
        raise ModelError(
            f"{file} has the format {number}; this version reads {FORMAT}. "
            "Update torch_inception, or train again."
        )
    return content


def _arithmetic(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(ARITHMETICS, value):
        raise ValueError("the arithmetic is unknown")
    return value


def _layers(value: object) -> Layers:
    check_choice("layers", value, Layers)
    return value  # type: ignore[return-value]


def _coverage_threshold(value: object) -> tuple[float, float]:
    """Return (coverage, threshold)."""
    match value:
        case [float(coverage), float(threshold)] if coverage in COVERAGES and 0 <= threshold <= 1:
            return coverage, threshold
    raise ValueError("the thresholds of sets are not pairs of shares")


def _mean_inputs(value: object, head: Head) -> Tensor | None:
    if value is None:
        return None
    mean = plain_tensor(value)
    if mean.shape != head.weight.shape[1:] or mean.dtype != torch.float32:
        raise ValueError("the average image does not fit the head")
    if not torch.isfinite(mean).all():
        raise ValueError("the average image holds values that are not finite")
    return mean


def _space(value: object, head: Head) -> ImageSpace | None:
    if value is None:
        return None
    if isinstance(head, IndependentHead):
        return NearestSpace.from_dict(value)
    return ClassSpace.from_dict(value, classes=len(head.weight))


def _training(value: object) -> TrainingRecord | None:
    return None if value is None else TrainingRecord.from_dict(value)


def _network(value: object) -> dict[str, Tensor] | None:
    """Return the tensors of a network; what they are is checked when they are used."""
    if value is None:
        return None
    if type(value) is not dict or not all(isinstance(name, str) for name in value):
        raise ValueError("the network is not a table of tensors")
    return {name: plain_tensor(tensor) for name, tensor in value.items()}


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("half_features is neither true nor false")
    return value


def _pair(value: object) -> tuple[str, str]:
    """Return (source, reason) of weights that were tried in vain."""
    match value:
        case [str(source), str(reason)]:
            return source, reason
    raise ValueError("what was refused is not a list of sources and reasons")


def _checked(labels: object, head: Head) -> list[str]:
    """Return the labels, if they and the head fit together."""
    if not isinstance(labels, list) or not labels:
        raise ValueError("the labels are not a list of names")
    if not all(isinstance(label, str) and 0 < len(label) <= LABEL_LIMIT for label in labels):
        raise ValueError(f"a label is not a name of 1 to {LABEL_LIMIT} characters")
    shapes = (tuple(head.weight.shape), tuple(head.bias.shape))
    size = Inputs(head.layers).size(ROW_SIZE)
    if shapes != ((len(labels), size), (len(labels),)):
        raise ValueError(f"{len(labels)} labels do not fit a head of the shapes {shapes}")
    if {head.weight.dtype, head.bias.dtype} != {torch.float32}:
        raise ValueError(f"the head is of {head.weight.dtype}, not torch.float32")
    if not (torch.isfinite(head.weight).all() and torch.isfinite(head.bias).all()):
        raise ValueError("the head holds values that are not finite")
    return labels
