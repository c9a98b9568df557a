"""The network of a model: its weights are in the model, beside it, or only named by it."""

import dataclasses
from pathlib import Path

import torch

from torch_inception.classifier.model_file import WEIGHTS_FILE, Model
from torch_inception.engines.choose import load_cached_engine, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ModelError, WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights, fingerprint, make_weights
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import is_source_of_record, load_weights, log_weights
from torch_inception.weights.record import WeightsRecord


def load_model_engine(
    model: Model, path: str | Path, weights: str | Path, device: torch.device
) -> Engine:
    """Return what runs the network that a model was trained with.

    Args:
        model: names the network, or has it in it.
        path: of the model, for messages and for weights beside it.
        weights: sources of the weights; "" for those that the model names.
        device: where the network runs.

    Raises:
        ModelError: the weights are not those that the model was trained with.
        WeightsError: they cannot be had.
    """
    # What is kept in the cache spares the search for the weights' source.
    loaded = _asked_for(model, weights, str(path)) if weights else None
    engine = load_cached_engine(model.record, model.arithmetic, device)
    if engine is None:
        loaded = loaded or own_weights(model, path)
        return load_engine(loaded, device=device, arithmetic=model.arithmetic)
    if loaded is None:
        log_weights(model.record)
    return engine


def _asked_for(model: Model, sources: str | Path, path: str) -> Weights:
    """Load weights that were asked for, which are those of the model.

    Raises:
        ModelError: they are others.
        WeightsError: they cannot be had.
    """
    try:
        return _same_weights(model.record, sources, path)
    except ModelError as error:
        if model.network is None:
            raise
        raise ModelError(
            f"{path} has its network in it, and {sources} is another one, be it that this was not "
            "rounded to float16. Leave out --weights."
        ) from error


def own_weights(model: Model, path: str | Path) -> Weights:
    """Load the weights that a model has in it or beside it, or else those that it names.

    Args:
        model: names them.
        path: of the model.

    Raises:
        ModelError: those that are found are not those that the model was trained with.
        WeightsError: they cannot be had.
    """
    inside = _weights_inside(model)
    if inside is not None:
        return inside
    beside = _weights_beside(Path(path), model.record)
    if beside is None:
        return _same_weights(model.record, "", str(path))
    log_weights(beside.record)
    return beside


def bundled(model: Model, weights: Weights, *, half: bool = False) -> Model:
    """Return a model with its network in it, which needs no source of weights.

    Args:
        model: that was trained with these weights.
        weights: of the network.
        half: whether convolutions are kept in float16, in half the room. The features are then
            those of the rounded weights, and the record is theirs.
    """
    tensors = weights.tensors
    if half:
        tensors = {
            name: tensor.half() if name.endswith(".conv.weight") else tensor
            for name, tensor in tensors.items()
        }
    found = fingerprint({name: tensor.float() for name, tensor in tensors.items()})
    record = dataclasses.replace(model.record, fingerprint=found)
    return dataclasses.replace(model, network=tensors, record=record)


def check_record(found: WeightsRecord, trained: WeightsRecord, model: str | Path) -> None:
    """Refuse weights that are not those that a model was trained with.

    Raises:
        ModelError: they are others.
    """
    if found.identity != trained.identity:
        raise ModelError(
            f"{_trained_with(trained, model)}), but {brief(found.source)} has the sha256 "
            f"{found.fingerprint[:12]}, or wants another input. Name the right ones in "
            "--weights, or train again with these."
        )


def _weights_inside(model: Model) -> Weights | None:
    """Return the weights that a model has in it, checked; None where it only names them.

    Raises:
        WeightsError: they are not those of the network that its record is of.
    """
    if model.network is None:
        return None
    record = model.record
    try:
        weights = make_weights(
            model.network,
            source=record.source,
            version=record.version,
            pooling=record.pooling,
            scale=(record.mean, record.std),
            lineage=record.lineage,
        )
    except WeightsError as error:
        raise WeightsError(f"the network in the model is damaged. Train again.\n{error}") from error
    if weights.record.fingerprint != record.fingerprint:
        raise WeightsError(
            "the network in the model is not the one that its head was trained with. Train again."
        )
    return weights


def _weights_beside(path: Path, record: WeightsRecord) -> Weights | None:
    """Return the weights that a converted model brought along, wherever it lies now; or None.

    Args:
        path: a run folder, or the model file in it.
        record: the model's, which has the path that they had first.
    """
    folder = path if path.is_dir() else path.parent
    beside = (folder / WEIGHTS_FILE).absolute()
    if Path(record.source).name != WEIGHTS_FILE or not beside.is_file():
        return None
    try:
        weights = state_file.load(beside)
    except WeightsError:
        return None
    found = weights.record.pooling_as(record.pooling)
    is_its_own = found.identity == record.identity
    return dataclasses.replace(weights, record=found) if is_its_own else None


def _same_weights(record: WeightsRecord, sources: str | Path, model: str) -> Weights:
    """Load the weights that a model was trained with, and no others, to pool as its record says."""
    trained_with = _trained_with(record, model)
    if not sources and not is_source_of_record(record.source):
        raise WeightsError(
            f"{trained_with}), and that is neither a source nor the absolute path of a file of "
            "weights on this machine. If you trust the model, name a copy in --weights."
        )
    try:
        weights = load_weights(sources or record.source, pooling=record.pooling, for_model=True)
    except WeightsError as error:
        raise WeightsError(
            f"{trained_with}), and {sources or 'they'} cannot be had. Name a copy in --weights; or "
            "write a model that needs none where they can be had: torch-inception export RUN "
            f"--format bundle, or train --bundle.\n{error}"
        ) from error
    check_record(weights.record, record, model)
    return weights


def _trained_with(record: WeightsRecord, model: str | Path) -> str:
    return (
        f"{model} was trained with the weights {brief(record.source)} ({brief(record.version)}, "
        f"sha256 {record.fingerprint[:12]}"
    )
