"""OpenVINO's networks, kept in the user's cache."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.runtime import import_extra, quiet
from torch_inception.system.atomic import atomic_file, put_in_place, write_json
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.temporary import temporary_folder
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)


def kept(
    name: str, record: WeightsRecord, *, arithmetic: str
) -> tuple[OpenVinoEngine, dict[str, Any]] | None:
    """Return the network kept under a name and what was said of it; None if it is not there whole.

    Raises:
        ConfigError: OpenVINO is not installed.
    """
    network, weights, about = _files(name)
    if not about.exists():
        return None
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        if said.pop("sha256") == _digests(network, weights, said):
            return OpenVinoEngine(network, record, arithmetic=arithmetic), said
        problem = "its numbers are not the ones that were written"
    except (KeyError, TypeError, AttributeError):
        problem = "what is said of it is not what was written"
    except (OSError, ValueError, RuntimeError) as error:
        problem = str(error) or type(error).__name__
    log.warning("openvino: %s is damaged (%s) and is not used", network, problem)
    return None


def keep(name: str, engine: OpenVinoEngine, about: Mapping[str, Any]) -> None:
    """Write a network to the cache, what is said of it last. Where that fails, tell and go on."""
    network, weights, description = _files(name)
    try:
        # OpenVINO writes both files at once, and names the second after the first.
        with temporary_folder(network) as folder:
            written = folder / network.name
            with quiet():
                import_extra("openvino").save_model(engine.model, written, compress_to_fp16=False)
            for file, target in ((written.with_suffix(".bin"), weights), (written, network)):
                put_in_place(file, target)
        with atomic_file(description) as temporary:
            write_json(temporary, {**about, "sha256": _digests(network, weights, about)})
    except (OSError, RuntimeError) as error:
        log.warning("openvino: the network cannot be kept in %s (%s)", network.parent, error)


def _files(name: str) -> tuple[Path, Path, Path]:
    start = cache_folder() / "networks" / f"{name}.xml"
    return start, start.with_suffix(".bin"), start.with_suffix(".json")


def _digests(network: Path, weights: Path, about: Mapping[str, Any]) -> list[str]:
    """Return the SHA-256 of both files and of what is said of them."""
    digests = [hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()]
    for file in (network, weights):
        with file.open("rb") as content:
            digests.append(hashlib.file_digest(content, "sha256").hexdigest())
    return digests
