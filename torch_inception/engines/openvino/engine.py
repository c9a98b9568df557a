"""The network run by OpenVINO, in float32 or in 8-bit integers."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from torch_inception.engines.openvino.runtime import import_openvino, quiet
from torch_inception.engines.protocol import Rows, Session
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels
from torch_inception.system.cores import usable_cores
from torch_inception.weights.record import WeightsRecord

BATCH = 4
"""Images that a thread takes at a time."""


class OpenVinoEngine:
    """Inception-v3, run by OpenVINO with one stream a core.

    Args:
        model: OpenVINO's, or the path of its `.xml`: pixels (B, 299, 299, 3) uint8 to rows
            (B, 4096) float32, for one B.
        record: the weights that are in it.
        arithmetic: as `Engine` has it.

    Attributes:
        model: OpenVINO's.
        record: as given.
        arithmetic: as given.
        batch_size: most images that a session takes at a time.

    Raises:
        InstallationError: OpenVINO is not installed.
    """

    batch_size = BATCH

    def __init__(self, model: Any, record: WeightsRecord, *, arithmetic: str) -> None:  # noqa: ANN401
        self.record, self.arithmetic = record, arithmetic
        settings = {
            "NUM_STREAMS": self.workers,
            "INFERENCE_NUM_THREADS": self.workers,
            # Floating point is not to be rounded to bfloat16 on processors that have it.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        with quiet():
            core = import_openvino().Core()
            self.model = core.read_model(model) if isinstance(model, Path) else model
            self._compiled = core.compile_model(self.model, "CPU", settings)
        self._static_batch = int(self._compiled.input(0).shape[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the network as the two files that OpenVINO writes; a copy is compiled anew."""
        with tempfile.TemporaryDirectory() as name, quiet():
            file = Path(name, "network.xml")
            import_openvino().save_model(self.model, file, compress_to_fp16=False)
            content = file.read_bytes(), file.with_suffix(".bin").read_bytes()
        return _from_content, (*content, self.record, self.arithmetic)

    @property
    def identity(self) -> str:
        """Everything here that changes a feature."""
        return f"{self.record.identity} {self.arithmetic}"

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""
        return usable_cores()

    def session(self) -> Session:
        """Return a function for one thread; each has a stream of its own."""
        request, size = self._compiled.create_infer_request(), self._static_batch
        pixels = numpy.zeros((size, IMAGE_SIZE, IMAGE_SIZE, 3), numpy.uint8)

        def run_some(images: Sequence[Pixels]) -> Rows:
            for place, image in enumerate(images):
                pixels[place] = image
            rows: Rows = request.infer([pixels])[0][: len(images)].copy()
            return rows

        def run(images: Sequence[Pixels]) -> Rows:
            starts = range(0, len(images), size)
            return numpy.concatenate([run_some(images[start : start + size]) for start in starts])

        return run


def _from_content(
    network: bytes, numbers: bytes, record: WeightsRecord, arithmetic: str
) -> OpenVinoEngine:
    with quiet():
        model = import_openvino().Core().read_model(network, numbers)
    return OpenVinoEngine(model, record, arithmetic=arithmetic)
