"""A state dict that `torch.save` wrote, in torchvision's names; with a record if we wrote it.

The record lies where torch itself keeps what belongs to a state dict and is no tensor: in its
`_metadata`. So the file is a state dict like any other, and torchvision's network loads it.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.system.tensor_file import load_safely, save_whole
from torch_inception.system.tensor_file.plain_pickle import StateDict
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.local_file import require_file
from torch_inception.weights.formats.timm_config import config_beside, make_described_weights
from torch_inception.weights.record import WeightsRecord

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
    state = _unwrapped(read_state(path))
    source = str(path.absolute())
    told = state.metadata.get(RECORD) if isinstance(state, StateDict) else None
    if {"labels", "record"} <= set(state):
        raise WeightsError(
            f"{path} is a model that training saved: a head and labels, without the network. Name "
            "the weights that it was trained with; `predict` tells them."
        )
    if told is None:
        return make_described_weights(state, config_beside(path), source=source, version=path.name)
    try:
        record = WeightsRecord.from_dict({**told, "source": source})
    except (KeyError, TypeError, ValueError) as error:
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


def _unwrapped(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state dict in a training's checkpoint, without the prefix of `DataParallel`."""
    for key in _CHECKPOINT:
        if isinstance(state.get(key), dict):
            state = state[key]
            break
    if state and all(isinstance(name, str) and name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state


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
    """Read a state dict; nothing in the file is executed.

    Raises:
        WeightsError: the file is not there, is cut short, or holds more than tensors.
    """
    require_file(path)
    try:
        state = load_safely(path)
    except ValueError as error:
        raise WeightsError(
            f"{path} is not a state dict that torch can load safely ({error}). "
            "Save one with torch.save(model.state_dict(), path)."
        ) from error
    if not isinstance(state, dict):
        raise WeightsError(
            f"{path} holds a {type(state).__name__}, not a state dict. "
            "Save one with torch.save(model.state_dict(), path)."
        )
    return state
