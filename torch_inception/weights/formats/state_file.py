"""A state dict that `torch.save` wrote, in torchvision's names; with a record if we wrote it.

The record lies where torch itself keeps what belongs to a state dict and is no tensor: in its
`_metadata`. So the file is a state dict like any other, and torchvision's network loads it.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from torch import Tensor

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.system.tensor_file import load_tensors, plain_tensor, save_whole
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.local_file import require_file
from torch_inception.weights.formats.timm_config import config_beside, make_described_weights
from torch_inception.weights.record import WeightsRecord

ADVICE = "Save one with torch.save(model.state_dict(), path)."

RECORD = "torch_inception"
"""Where the record is in `_metadata`, whose other keys are names of modules."""

_CHECKPOINT = ("state_dict", "model_state_dict", "model")
"""Under which names training programs save a state dict beside an epoch and an optimizer."""

_PARALLEL = "module."
"""What `torch.nn.DataParallel` puts before each name."""


def load(path: Path) -> Weights:
    """Return the weights in a file that torchvision's `inception_v3` could load.

    What the weights want is told by the record that `save` wrote, else by a `config.json` of
    timm's beside the file; else it is taken to be what torchvision's pretrained network wants.

    Raises:
        WeightsError: there is no such file, or it holds something else.
    """
    state, described = _read(path)
    source = str(path.absolute())
    if {"labels", "record"} <= set(state):
        raise WeightsError(
            f"{path} is a model that training saved: a head and labels, without the network. Name "
            "the weights that it was trained with; `predict` tells them."
        )
    if described is None:
        return make_described_weights(state, config_beside(path), source=source, version=path.name)
    try:
        record = WeightsRecord.from_dict({**described, "source": source})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path} has a record that cannot be read ({brief(error)}). Convert the weights again."
        ) from error
    weights = make_weights(
        state,
        source=source,
        version=record.version,
        pooling=record.pooling,
        scale=(record.mean, record.std),
        lineage=record.lineage,
    )
    if weights.record != record:
        raise WeightsError(
            f"{path} has the sha256 {weights.record.fingerprint[:12]}, and its record is of "
            f"{record.fingerprint[:12]}: its tensors were changed. Convert the weights again."
        )
    return weights


def save(weights: Weights, path: Path) -> None:
    """Write weights for `load`, whole or not at all.

    The file is a state dict for `torchvision.models.inception_v3(aux_logits=False)`, with `fc`
    where the weights have ImageNet's classes. Where it lies is its source, so that is left out.

    Raises:
        WeightsError: the file cannot be written.
    """
    state = OrderedDict(weights.tensors)
    if weights.classifier is not None:
        state["fc.weight"], state["fc.bias"] = weights.classifier
    record = weights.record.as_dict()
    source = record.pop("source")
    record["lineage"] = record["lineage"] or source
    # The attribute that torch gives to its own state dicts (Module.state_dict).
    state._metadata = {RECORD: record}  # type: ignore[attr-defined]
    try:
        save_whole(state, path)
    except OSError as error:
        raise WeightsError(
            f"cannot write {path} ({error.strerror or error}). Free space, or choose another "
            "--output."
        ) from error


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict, or the one in a training's checkpoint; nothing in the file is executed.

    Raises:
        WeightsError: the file is not there, is damaged, or holds something else.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Any], Any]:
    """Return a state dict, and the record in its `_metadata` or None."""
    require_file(path)
    try:
        content = _unwrapped(load_tensors(path))
    except ValueError as error:
        raise WeightsError(
            f"{path} is not a state dict that torch can load safely ({error}). {ADVICE}"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not a state dict. {ADVICE}")
    metadata = getattr(content, "_metadata", None)
    described = metadata[RECORD] if isinstance(metadata, dict) and RECORD in metadata else None
    return _plain(content, path), described


def _unwrapped(content: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    for key in _CHECKPOINT:
        if isinstance(content, dict) and key in content and isinstance(content[key], dict):
            return content[key]
    return content


def _plain(content: dict[Any, Any], path: Path) -> dict[str, Any]:
    """Return names and plain tensors, the names without the prefix of `DataParallel`."""
    state: dict[str, Any] = {}
    # A dictionary in a file can have an attribute that hides its own method.
    for name, value in dict.items(content):
        if not isinstance(name, str):
            kind = type(name).__name__
            raise WeightsError(f"{path} has a {kind} for a name: it is no state dict. {ADVICE}")
        try:
            state[name] = plain_tensor(value) if isinstance(value, Tensor) else value
        except ValueError as error:
            raise WeightsError(f"{path}: {brief(name)!r} cannot be used: {error}.") from error
    if state and all(name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state
