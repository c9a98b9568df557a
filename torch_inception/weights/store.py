"""Converted weights, kept in the user's cache so that each set is converted once."""

import logging
from pathlib import Path

from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.tensor_file import load_safely, save_whole
from torch_inception.weights.checked import Weights, fingerprint
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)

FORMAT = 2
"""Number of the layout and arithmetic of a kept file; another number is converted again."""


def kept(name: str) -> Weights | None:
    """Return the weights kept under a name, or None where there are none that can be trusted."""
    path = _path(name)
    if not path.exists():
        return None
    try:
        content = load_safely(path)
        if content["format"] != FORMAT:
            log.info("weights: %s was written by another version and is made anew", path)
            return None
        record = WeightsRecord.from_dict(content["record"])
        if fingerprint(content["tensors"]) == record.fingerprint:
            return Weights(record, content["tensors"])
        problem = "its tensors are not the ones that were written"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
    log.warning("weights: %s is damaged (%s); converting again", path, problem)
    return None


def keep(name: str, weights: Weights) -> None:
    """Keep weights under a name. Where the cache cannot be written, say so and go on."""
    content = {
        "format": FORMAT,
        "record": weights.record.as_dict(),
        "tensors": weights.tensors,
    }
    try:
        save_whole(content, _path(name))
    except OSError as error:
        log.warning("weights: cannot be kept in %s (%s)", _path(name).parent, error)


def _path(name: str) -> Path:
    return cache_folder() / "weights" / f"{name}.pt"
