"""Choose what runs the network: the processor or a GPU, and in which arithmetic."""

import logging

import torch

from torch_inception.config import Device, TrainConfig, check_choice
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.folding import FoldedWeights, load_cached_folded, load_folded
from torch_inception.engines.gpu import GpuEngine, gpu_arithmetic
from torch_inception.engines.openvino.float32 import float32_engine
from torch_inception.engines.openvino.int8 import (
    ImageSample,
    Quantisation,
    int8_engine,
    load_int8_engine,
)
from torch_inception.engines.openvino.quantisation import INT8
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.engines.protocol import Engine
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ConfigError, InstallationError
from torch_inception.images.preprocess import Preprocessing
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)

FLOAT32_INSTEAD = (
    "WARNING: the model was trained with --precision int8, and images are named in float32, with "
    "scores that differ a little: %s."
)


def load_engine(weights: Weights, *, device: torch.device, arithmetic: str = "auto") -> TorchEngine:
    """Return the network in floating point; its folded parameters are kept in the cache.

    Args:
        weights: checked.
        device: where it runs.
        arithmetic: "auto" is what suits the device; "bf16" holds on a GPU; all else is float32.
    """
    return _floating_point_engine(load_folded(weights), device, arithmetic)


def training_engine(
    config: TrainConfig, weights: Weights, preprocessing: Preprocessing, sample: ImageSample,
    *, earlier: str,
) -> tuple[Engine, Quantisation | None]:  # fmt: skip
    """Return what computes a data set's features, and how it was quantised if it was.

    Args:
        config: precision, engine and device.
        weights: of the network.
        preprocessing: how an image becomes 299 x 299.
        sample: images of the data set.
        earlier: arithmetic of an earlier run on these images, or "".

    Raises:
        ConfigError: the device or the precision cannot be had.
    """
    on_openvino = config.precision == INT8 or config.engine == "openvino"
    if not on_openvino:
        device = choose_device(config.device)
        return load_engine(weights, device=device, arithmetic=config.precision), None
    if config.device == "cuda":
        raise ConfigError(
            "precision 'int8' and engine 'openvino' are for the CPU. Use --device cpu, or leave "
            "them out."
        )
    float32 = load_engine(weights, device=torch.device("cpu"))
    if config.precision != INT8:
        return float32_engine(float32), None
    engine, quantisation = int8_engine(float32, preprocessing, sample, earlier=earlier)
    log.info("int8: %s", quantisation)
    return engine, quantisation


def load_cached_engine(
    record: WeightsRecord, arithmetic: str, device: torch.device
) -> Engine | None:
    """Return an engine that a model was trained with, if the cache alone suffices to make it.

    Where that engine was an 8-bit one that cannot be had, say so and return a float32 one.
    """
    if arithmetic.startswith(INT8) and device.type == "cuda":
        log.warning(FLOAT32_INSTEAD, "that is for the CPU")
    elif arithmetic.startswith(INT8):
        try:
            found = load_int8_engine(arithmetic, record)
            if found is not None:
                return found[0]
            reason = (
                "its network is not in the cache. Train again, or copy networks/int8-* from the "
                "cache of the machine that trained it"
            )
        except (ConfigError, InstallationError) as error:
            reason = str(error)
        log.warning(FLOAT32_INSTEAD, reason)
    weights = load_cached_folded(record)
    return None if weights is None else _floating_point_engine(weights, device, arithmetic)


def _floating_point_engine(
    weights: FoldedWeights, device: torch.device, arithmetic: str
) -> TorchEngine:
    if device.type != "cuda":
        return CpuEngine(weights, device=device)
    capability = torch.cuda.get_device_capability(device)
    return GpuEngine(weights, device=device, arithmetic=gpu_arithmetic(arithmetic, capability))


def could_be_quantised(engine: Engine) -> bool:
    """Tell whether an engine computes in float32 what the processor could in 8-bit integers."""
    return isinstance(engine, CpuEngine) and has_instructions()


def choose_device(name: str) -> torch.device:
    """Return the device for "auto", "cpu" or "cuda".

    Raises:
        ConfigError: the name is another, or CUDA is asked for and is not there.
    """
    check_choice("device", name, Device)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError(
            "device 'cuda' was asked for, but torch sees no CUDA GPU. Use --device cpu or auto, "
            "or install a driver and a CUDA build of torch."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
