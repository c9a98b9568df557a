"""The opt-in pass in 8-bit integers, by OpenVINO (the extra `openvino`)."""

from torch_inception.int8.advice import advised
from torch_inception.int8.calibration import calibrated_engine
from torch_inception.int8.engine import INT8, Int8Engine
from torch_inception.int8.quantisation import quantise
from torch_inception.int8.runtime import has_instructions
from torch_inception.int8.store import Calibration, kept_engine

__all__ = [
    "INT8",
    "Calibration",
    "Int8Engine",
    "advised",
    "calibrated_engine",
    "has_instructions",
    "kept_engine",
    "quantise",
]
