"""OpenVINO and NNCF, which are an extra: imported when they are needed, and kept quiet."""

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from torch_inception.errors import ConfigError
from torch_inception.system import extras

INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8")
"""Any of these multiplies 8-bit integers several times as fast as float32."""


def has_instructions(capabilities: Mapping[str, Any] | None = None) -> bool:
    """Tell whether the processor is known to multiply 8-bit integers fast.

    Args:
        capabilities: name of a set of instructions -> whether it is there; by default, what torch
            says of the processor.
    """
    if capabilities is None:
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in INSTRUCTIONS)


def check_processor(capabilities: Mapping[str, Any] | None = None) -> None:
    """Do nothing if the processor has instructions for 8-bit integers.

    Args:
        capabilities: as for `has_instructions`.

    Raises:
        ConfigError: it has none, and int8 would be no faster than float32.
    """
    if not has_instructions(capabilities):
        raise ConfigError(
            "precision 'int8' needs a processor with VNNI or AMX instructions, which torch does "
            "not find here; it would be slow. Use --precision fp32."
        )


def import_openvino(package: str = "openvino") -> Any:  # noqa: ANN401 - a module without types
    """Import OpenVINO or NNCF.

    Raises:
        InstallationError: it is not installed, or does not work.
    """
    # NNCF decides when it is imported whether it will send reports.
    with quiet():
        return extras.import_extra(package, extra="openvino", needed_by="OpenVINO's engine")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenVINO's and NNCF's notes off the screen, and their reports of use at home.

    Both send usage statistics over the network unless these variables are set. All of this belongs
    to the whole process, so one thread at a time does it.
    """
    with _ONE_AT_A_TIME, contextlib.ExitStack() as stack:
        for name in ("CI", "NNCF_CI"):
            stack.callback(_set, name, os.environ.get(name))
            os.environ[name] = "true"
        # torch says through the first, when NNCF imports it, that there is no CUDA compiler.
        for logger in map(logging.getLogger, ("torch.utils.cpp_extension", "nncf")):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def no_bars() -> Iterator[None]:
    """Keep NNCF's progress bars, which are drawn by rich, off the screen."""
    console = import_openvino("rich").get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


_ONE_AT_A_TIME = threading.RLock()


def _set(name: str, value: str | None) -> None:
    """Give an environment variable its value back; None takes it away."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
