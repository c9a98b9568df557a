"""A set of weights: a state dict in torchvision's names, checked tensor by tensor."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.config import Pooling
from torch_inception.errors import WeightsError
from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.network import LAST_LAYER_SIZE, empty_network
from torch_inception.system.escape import brief
from torch_inception.weights.record import INCEPTION_SCALE, Scale, Triple, WeightsRecord

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Weights:
    """A set of weights, checked.

    Attributes:
        record: what it is.
        tensors: torchvision's names -> float32 tensors of the network.
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
    scale: Scale = (INCEPTION_SCALE, INCEPTION_SCALE),
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


def to_tensor(array: NDArray[numpy.float32]) -> Tensor:
    """Return an array, however it lies in memory, as a contiguous tensor of the same shape."""
    return torch.from_numpy(numpy.ascontiguousarray(array))


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 (hexadecimal) of float32 tensors: names, shapes and values, by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        digest.update(tensors[name].contiguous().numpy().astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return torchvision's name and shape of each tensor of the network."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, unit in empty_network(pooling="torchvision").convolutions():
        shapes[f"{name}.conv.weight"] = tuple(unit.weight.shape)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = (unit.out_channels,)
    return shapes


def _take_classifier(state: dict[str, Any], source: str) -> tuple[Tensor, Tensor] | None:
    """Remove `fc` from the state, check it, and return it if it names ImageNet's classes."""
    names = ("fc.weight", "fc.bias")
    found = [name for name in names if name in state]
    if not found:
        return None
    bias = state.get(names[1])
    classes = len(bias) if isinstance(bias, Tensor) and bias.dim() == 1 else IMAGENET_CLASSES
    weight = _checked(state, names[0], (classes, LAST_LAYER_SIZE), source)
    bias = _checked(state, names[1], (classes,), source)
    del state[names[0]], state[names[1]]
    return (weight, bias) if classes == IMAGENET_CLASSES else None


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


_CLASSES = f"ImageNet's {IMAGENET_CLASSES}"

_POOLING = {
    "torchvision": "average pools count the padding",
    "tensorflow": "average pools leave the padding out",
    "tensorflow-2015": "average pools leave the padding out, the last block takes the maximum",
}


def describe(weights: Weights) -> list[tuple[str, str]]:
    """Return (property, value) of everything that `convert --show` prints."""
    record = weights.record
    return [
        ("source", record.source),
        ("lineage", record.lineage or record.source),
        ("version", record.version),
        ("fingerprint", f"sha256 {record.fingerprint}"),
        ("classes", _CLASSES if weights.classifier else f"none; only {_CLASSES} are kept"),
        ("pooling", f"{record.pooling} ({_POOLING[record.pooling]})"),
        (
            "preprocessing",
            f"{IMAGE_SIZE} x {IMAGE_SIZE}, mean {_triple(record.mean)}, std {_triple(record.std)} "
            "of red, green, blue on the scale 0 to 1",
        ),
    ]


def _triple(values: Triple) -> str:
    return "({:g}, {:g}, {:g})".format(*values)
