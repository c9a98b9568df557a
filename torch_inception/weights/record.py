"""What a set of Inception-v3 weights is: its tensors and a record that travels with every model."""

import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor

from torch_inception.config import Pooling, PoolingChoice
from torch_inception.errors import WeightsError
from torch_inception.network import FEATURES, empty_network
from torch_inception.text import brief

Triple = tuple[float, float, float]
"""A number for each of red, green and blue."""

INCEPTION_SCALE: Triple = (0.5, 0.5, 0.5)
"""Mean and deviation of most sets: the network sees pixels in [-1, 1]."""

IMAGENET_CLASSES = 1000

NAME_LIMIT = 4096
"""Characters of the longest source; no path that can be opened is longer."""


@dataclass(frozen=True)
class WeightsRecord:
    """Where weights came from and how they want to be run. Plain values only.

    Attributes:
        source: what `--weights` has to name to get these again; a file by its absolute path.
        version: the source's own name for this set.
        fingerprint: SHA-256 of the backbone's tensors, in hexadecimal.
        pooling: how the pooling branches pool: as in training, unless `--pooling` says otherwise.
        mean: pixel value, on the scale 0 to 1, that the network sees as 0; one a channel.
        std: distance from `mean` that the network sees as 1; one a channel.
        lineage: the family that the set is of, wherever it is kept now; "" where the source tells.
    """

    source: str
    version: str
    fingerprint: str
    pooling: Pooling
    mean: Triple = INCEPTION_SCALE
    std: Triple = INCEPTION_SCALE
    lineage: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and for `torch.save`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WeightsRecord":
        """Read back what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        for name in ("source", "version"):
            if not isinstance(values[name], str) or not 0 < len(values[name]) <= NAME_LIMIT:
                raise ValueError(f"the {name} of the weights is not a name")
        lineage = values.get("lineage", "")
        if not isinstance(lineage, str) or len(lineage) > NAME_LIMIT:
            raise ValueError("the lineage of the weights is not a name")
        if not re.fullmatch("[0-9a-f]{64}", values["fingerprint"]):
            raise ValueError("the fingerprint of the weights is not a SHA-256")
        if values["pooling"] not in get_args(Pooling):
            raise ValueError("the pooling of the weights is unknown")
        mean, std = input_scale(values)
        return cls(**{**values, "mean": mean, "std": std})

    def pooling_as(self, choice: PoolingChoice) -> "WeightsRecord":
        """Return the record of the same weights, run with another pooling; "auto" is their own."""
        return self if choice == "auto" else dataclasses.replace(self, pooling=choice)

    @property
    def identity(self) -> str:
        """Everything that changes a feature: tensors, pooling and input scale."""
        return f"{self.fingerprint} {self.pooling} {self.mean} {self.std}"


def input_scale(values: Mapping[str, Any]) -> tuple[Triple, Triple]:
    """Return the mean and the std that a file gives.

    Raises:
        KeyError, ValueError: they are not there, or not numbers that pixels can be scaled with.
    """
    mean, std = _triple(values["mean"]), _triple(values["std"])
    if min(std) <= 0:
        raise ValueError("a std of the weights is not above 0")
    return mean, std


def _triple(values: Any) -> Triple:  # noqa: ANN401 - whatever a file holds
    if not isinstance(values, list | tuple) or [type(each) for each in values] != [float] * 3:
        raise ValueError("mean and std of the weights are not three numbers each")
    if not all(math.isfinite(each) for each in values):
        raise ValueError("mean or std of the weights is not finite")
    red, green, blue = values
    return red, green, blue


@dataclass(frozen=True)
class Weights:
    """A set of weights, checked.

    Attributes:
        record: what it is.
        tensors: torchvision's names -> float32 tensors of the backbone.
        classifier: weight (1000, 2048) and bias (1000,) of ImageNet's classes, where there is one.
        refused: (source, reason) of each source that was tried before this one.
    """

    record: WeightsRecord
    tensors: dict[str, Tensor]
    classifier: tuple[Tensor, Tensor] | None = None
    refused: tuple[tuple[str, str], ...] = ()


def make_weights(
    state: Mapping[str, Any],
    *,
    source: str,
    version: str,
    pooling: Pooling,
    scale: tuple[Triple, Triple] = (INCEPTION_SCALE, INCEPTION_SCALE),
    lineage: str = "",
) -> Weights:
    """Check a state dict in torchvision's names and make a `Weights` of it.

    The auxiliary head and the batch counters are dropped; `fc` may be missing.

    Args:
        state: names -> tensors.
        source: as in `WeightsRecord`, and so are the others.
        version: the source's own name.
        pooling: convention of the average pools.
        scale: mean and std.
        lineage: the family.

    Raises:
        WeightsError: a tensor is missing, surplus, of another shape or kind, or not finite.
    """
    state = {
        name: value
        for name, value in state.items()
        if not name.startswith("AuxLogits.") and not name.endswith(".num_batches_tracked")
    }
    classifier = _take_classifier(state, source)
    shapes = _expected_shapes()
    surplus = sorted(set(state) - set(shapes))
    if surplus:
        raise WeightsError(
            f"{source}: the tensor {brief(surplus[0])!r} is not one of torchvision's inception_v3 "
            f"({len(surplus)} such). Give a state dict that torchvision's inception_v3 saved."
        )
    tensors = {name: _checked(state, name, shape, source) for name, shape in shapes.items()}
    record = WeightsRecord(source, version, fingerprint(tensors), pooling, *scale, lineage)
    return Weights(record, tensors, classifier)


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 (hexadecimal) of float32 tensors: names, shapes and values, by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        digest.update(tensors[name].contiguous().numpy().astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return torchvision's name and shape of each tensor of the backbone."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        shapes[f"{name}.conv.weight"] = tuple(unit.weight.shape)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = (unit.out_channels,)
    return shapes


def _take_classifier(state: dict[str, Any], source: str) -> tuple[Tensor, Tensor] | None:
    """Remove `fc` from the state; return it if it names ImageNet's classes."""
    names = ("fc.weight", "fc.bias")
    found = [name for name in names if name in state]
    bias = state.get(names[1])
    is_for_them = isinstance(bias, Tensor) and tuple(bias.shape) == (IMAGENET_CLASSES,)
    if len(found) < 2 or not is_for_them:
        for name in found:
            del state[name]
        return None
    weight = _checked(state, names[0], (IMAGENET_CLASSES, FEATURES), source)
    bias = _checked(state, names[1], (IMAGENET_CLASSES,), source)
    del state[names[0]], state[names[1]]
    return weight, bias


def _checked(state: Mapping[str, Any], name: str, shape: tuple[int, ...], source: str) -> Tensor:
    tensor = state.get(name)
    problem = None
    if not isinstance(tensor, Tensor):
        problem = "is missing" if tensor is None else f"is a {type(tensor).__name__}, not a tensor"
    elif tuple(tensor.shape) != shape:
        problem = f"has the shape {tuple(tensor.shape)}; inception_v3 wants {shape}"
    elif not tensor.is_floating_point():
        problem = f"is of {tensor.dtype}; floating point is wanted"
    if problem is None:
        assert isinstance(tensor, Tensor)
        values = tensor.detach().to(device="cpu", dtype=torch.float32)
        if not torch.isfinite(values).all():
            problem = "holds values that are not finite"
        elif name.endswith(".running_var") and (values < 0).any():
            problem = "holds variances below 0"
        else:
            return values
    raise WeightsError(f"{source}: the tensor {name!r} {problem}.")
