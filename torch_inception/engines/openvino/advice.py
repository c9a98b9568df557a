"""Tell who waits for a long pass in float32 what 8-bit integers would save."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.engines.protocol import Engine

log = logging.getLogger(__name__)

LONG_PASS = 2000
"""Images to compute above which there is advice."""

LONG_SECONDS = 60.0
"""Length of a pass under which there is none: calibrating would eat up what it saves."""

SPEED_UP = 3.5
"""How many times as fast as float32 a pass over 640 x 480 JPEGs is; benchmarks/whole_pass.py."""

_TIMED = 100

Item = TypeVar("Item")


def advised(results: Iterable[Item], engine: Engine, *, total: int) -> Iterator[Item]:
    """Pass the results of a pass through; say after some seconds what would be faster.

    Args:
        results: as they come.
        engine: that computes them.
        total: how many there will be.
    """
    if total <= LONG_PASS or not _could_be_faster(engine):
        yield from results
        return
    first = engine.workers * engine.batch_size
    start = 0.0
    for number, result in enumerate(results):
        yield result
        if number == first:
            start = time.perf_counter()
        elif number == first + _TIMED:
            rate = _TIMED / (time.perf_counter() - start)
            if total / rate < LONG_SECONDS:
                continue
            log.info(
                "%d images at %s a second take %s. --precision int8 would take about %s, after "
                'some 20 s of calibration (pip install "torch-inception[openvino]").',
                total, _number(rate), _spoken(total / rate), _spoken(total / rate / SPEED_UP),
            )  # fmt: skip


def _could_be_faster(engine: Engine) -> bool:
    on_cpu = isinstance(engine, CpuEngine) and engine.device.type == "cpu"
    return on_cpu and has_instructions()


def _number(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"


def _spoken(seconds: float) -> str:
    """Write a duration as a person says it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
