"""OpenVINO as an engine (the extra `openvino`): float32, or 8-bit integers for several times that.

`calibrated_engine` and `float32_engine` are what the rest of the house uses.
"""

from torch_inception.open_vino.advice import advised
from torch_inception.open_vino.calibration import Calibration, calibrated_engine, kept_engine
from torch_inception.open_vino.engine import OpenVinoEngine
from torch_inception.open_vino.float32 import float32_engine
from torch_inception.open_vino.quantisation import INT8, quantise
from torch_inception.open_vino.runtime import has_instructions

__all__ = [
    "INT8",
    "Calibration",
    "OpenVinoEngine",
    "advised",
    "calibrated_engine",
    "float32_engine",
    "has_instructions",
    "kept_engine",
    "quantise",
]
