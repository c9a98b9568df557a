"""The network in float32 by OpenVINO, which is somewhat faster than torch on the same processor."""

import hashlib
import importlib.metadata
import logging

from torch_inception.engines.openvino.conversion import convert
from torch_inception.engines.openvino.engine import BATCH, OpenVinoEngine
from torch_inception.engines.openvino.runtime import import_openvino, quiet
from torch_inception.engines.openvino.store import cache_network, load_cached_network
from torch_inception.engines.torch_engine import TorchEngine

log = logging.getLogger(__name__)

ARITHMETIC = "fp32 openvino"
"""Its rows are those of torch but for rounding, and have a place of their own in the cache."""

FORMAT = 2
"""Number of the way in which a network is converted."""


def float32_engine(engine: TorchEngine) -> OpenVinoEngine:
    """Return the network in OpenVINO's form: the kept one, or a new one, which is kept.

    Args:
        engine: torch's, in float32.

    Raises:
        InstallationError: OpenVINO is not installed.
    """
    import_openvino()
    version = importlib.metadata.version("openvino")
    parts = f"{engine.identity}\n{FORMAT}\n{version}"
    name = f"openvino-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"
    found = load_cached_network(name, engine.record, arithmetic=ARITHMETIC)
    if found is not None:
        return found[0]
    log.info("openvino: converting the network; this takes some seconds, once")
    with quiet():
        model = convert(engine.copy_network(), batch=BATCH)
    made = OpenVinoEngine(model, engine.record, arithmetic=ARITHMETIC)
    cache_network(name, made, {})
    return made
