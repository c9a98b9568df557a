"""Where Inception-v3 weights come from: an ordered list of sources, the first that works wins."""

import dataclasses
import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path

from torch_inception.config import PoolingChoice, check_choice, expand_home
from torch_inception.errors import ConfigError, WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats import safetensors_file, state_file
from torch_inception.weights.formats.keras import file as keras_file
from torch_inception.weights.formats.tensorflow_graph import inception as tensorflow_graph
from torch_inception.weights.formats.tensorflow_js import model as tensorflow_js
from torch_inception.weights.record import WeightsRecord
from torch_inception.weights.sources import hugging_face, imagenet, npm

log = logging.getLogger(__name__)

_NAMED: dict[str, Callable[[], Weights]] = {imagenet.SOURCE: imagenet.load, npm.SOURCE: npm.load}
_FILES: dict[str, Callable[[Path], Weights]] = {
    ".pth": state_file.load, ".pt": state_file.load, ".bin": state_file.load,
    ".safetensors": safetensors_file.load,
    ".h5": keras_file.load, ".hdf5": keras_file.load, ".keras": keras_file.load,
    ".json": tensorflow_js.load, ".tgz": tensorflow_js.load, ".gz": tensorflow_js.load,
    ".pb": tensorflow_graph.load,
}  # fmt: skip
"""Files by the ending of their names."""


def load_weights(
    sources: str | Path,
    *,
    need_classifier: bool = False,
    pooling: PoolingChoice = "auto",
    for_model: bool = False,
) -> Weights:
    """Try sources in order and return the first set of weights that can be had.

    Args:
        sources: comma-separated: `imagenet`, `npm:nsfwjs`, `hf:OWNER/NAME`, the path of a file
            of PyTorch, timm, Keras, TensorFlow.js or TensorFlow 1, or that of a folder with a
            TensorFlow.js model. The path of a file or folder alone may have commas in it.
        need_classifier: pass over weights without ImageNet's 1000 classes.
        pooling: how the network is to pool; "auto" is what the weights were trained with.
        for_model: whether a trained model names these weights. Who trained it was warned of what
            they are.

    Raises:
        ConfigError: a name is not that of a source, or the pooling is unknown.
        WeightsError: every source failed; the message lists each with its cause.
    """
    check_choice("pooling", pooling, PoolingChoice)
    names = _names(expand_home("weights", os.fspath(sources)))
    for name in names:
        _check_name(name)
    refused: list[tuple[str, str]] = []
    for name in names:
        try:
            weights = _load(name)
            if need_classifier and weights.classifier is None:
                raise WeightsError("these weights have no ImageNet classifier (1000 classes).")
        except WeightsError as error:
            refused.append((name, str(error)))
            continue
        for refused_name, reason in refused:
            log.warning("weights: %s is not used: %s", refused_name, reason)
        record = weights.record.pooling_as(pooling)
        if not for_model and npm.SOURCE in (record.source, record.lineage):
            _warn_of_npm()
        log_weights(record)
        return dataclasses.replace(weights, record=record, refused=tuple(refused))
    raise WeightsError(_all_refused(refused, need_classifier=need_classifier))


def _names(sources: str) -> list[str]:
    if os.path.exists(sources):  # noqa: PTH110 - takes any text
        return [sources]
    return [name.strip() for name in sources.split(",") if name.strip()]


def _check_name(name: str) -> None:
    if name in _NAMED or hugging_face.NAME.fullmatch(name):
        return
    if _file_loader(name) is not None and not name.startswith(hugging_face.PREFIX):
        return
    raise ConfigError(
        f"weights: {name!r} is not a source. Use {', '.join(_NAMED)}, "
        f"{hugging_face.PREFIX}OWNER/NAME, the path of a TensorFlow.js folder, or that of a "
        f"{', '.join(_FILES)} file; several are separated by commas."
    )


def is_source_of_record(source: str) -> bool:
    """Tell whether training writes such a source into a record: a name, or an absolute path.

    A model can come from anywhere. What it names is opened without anybody having typed it, so
    it must not be a list, a path that depends on where the command runs, or another machine. The
    hub that the user has set is asked for files that are read safely; where they are not those
    that the model was trained with, they are refused.
    """
    if source in _NAMED or hugging_face.NAME.fullmatch(source):
        return True
    is_elsewhere = source.startswith(("//", "\\\\")) or "\0" in source
    if is_elsewhere or not Path(source).is_absolute() or Path(source).suffix.lower() not in _FILES:
        return False
    return "," not in source or os.path.isfile(source)  # noqa: PTH113 - as above


def _load(name: str) -> Weights:
    if name in _NAMED:
        return _NAMED[name]()
    if name.startswith(hugging_face.PREFIX):
        return hugging_face.load(name)
    load = _file_loader(name)
    assert load is not None
    return load(Path(name))


def _file_loader(name: str) -> Callable[[Path], Weights] | None:
    # Unlike Path.is_dir, this takes any text.
    if os.path.isdir(name):  # noqa: PTH112
        return tensorflow_js.load
    return _FILES.get(Path(name).suffix.lower())


def log_weights(record: WeightsRecord) -> None:
    """Log which weights are used."""
    log.info(
        "weights: using %s (%s, sha256 %s, %s pooling)",
        brief(record.source),
        brief(record.version),
        record.fingerprint[:12],
        record.pooling,
    )


@functools.cache
def _warn_of_npm() -> None:
    """Log, once in a process, whose weights those of npm are."""
    log.warning(npm.WHAT_IT_IS)


def _all_refused(refused: list[tuple[str, str]], *, need_classifier: bool) -> str:
    if not refused:
        return "weights: no source is given. Use --weights imagenet,npm:nsfwjs."
    wanted = "weights with ImageNet's classes" if need_classifier else "Inception-v3 weights"
    lines = [f"no source gave {wanted}:"]
    # Many reasons begin with the file's path.
    for name, reason in refused:
        has_name = name not in _NAMED and name in reason
        lines.append(f"  {reason}" if has_name else f"  {name}: {reason}")
    if imagenet.SOURCE in dict(refused):
        lines.append(
            f"What to do: download {imagenet.URL} where there is a network and name the file: "
            "--weights PATH."
        )
    if need_classifier:
        lines.append("To name your own classes, train a model and give it: --model RUN.")
    return "\n".join(lines)
