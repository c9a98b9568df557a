"""Say what machine a measurement was made on."""

import platform
from pathlib import Path

import torch

from torch_inception.system.cores import usable_cores

PROCESSORS = Path("/proc/cpuinfo")


def processor() -> str:
    """Return the processor's name and how many of its cores may be used."""
    cores = usable_cores()
    return f"{_name()}, {cores} core{'s' * (cores > 1)}, torch {torch.__version__}"


def _name() -> str:
    if PROCESSORS.exists():
        for line in PROCESSORS.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
