"""The network in 8-bit integers: an engine for processors that multiply them fast."""

from collections.abc import Sequence
from typing import Any

import numpy

from torch_inception.cores import usable_cores
from torch_inception.engine import Rows, Session
from torch_inception.int8.runtime import check_processor, import_extra, quiet
from torch_inception.preprocessing import Pixels
from torch_inception.weights import WeightsRecord

INT8 = "int8"

BATCH = 4
"""Pictures that a thread takes at a time; the network runs on one after the other."""


class Int8Engine:
    """Inception-v3 in 8-bit integers.

    Args:
        model: OpenVINO's, or the path of its `.xml`.
        record: the weights that were quantised.
        key: tells this quantisation of them from others.

    Attributes:
        model: as given.
        record: as given.
        arithmetic: "int8" and the key.
        batch_size: most pictures that a session takes at a time.

    Raises:
        ConfigError: OpenVINO is not installed, or the processor would be slow.
    """

    batch_size = BATCH

    def __init__(self, model: Any, record: WeightsRecord, *, key: str) -> None:  # noqa: ANN401
        check_processor()
        self.model, self.record = model, record
        self.arithmetic = f"{INT8} {key}"
        settings = {
            "NUM_STREAMS": self.workers,
            "INFERENCE_NUM_THREADS": self.workers,
            # What stays in floating point is not to be rounded to bfloat16 where that is there.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        with quiet():
            core = import_extra("openvino").Core()
            self._compiled = core.compile_model(model, "CPU", settings)

    @property
    def identity(self) -> str:
        """Everything here that changes a feature."""
        return f"{self.record.identity} {self.arithmetic}"

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""
        return usable_cores()

    def session(self) -> Session:
        """Return a function for the calling thread alone; each has a stream of its own."""
        request = self._compiled.create_infer_request()

        def run(pictures: Sequence[Pixels]) -> Rows:
            rows = [request.infer([picture[None]])[0][0].copy() for picture in pictures]
            return numpy.stack(rows)

        return run
