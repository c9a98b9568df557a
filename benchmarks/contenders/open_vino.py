"""OpenVINO in fp32, with its own threads, for one size of batch: others are much slower."""

import tempfile
from pathlib import Path

import numpy
import openvino

from benchmarks.contenders.memory import random_values
from benchmarks.contenders.onnx_runtime import export
from benchmarks.worker import Rows, Run
from torch_inception.cores import usable_cores

BATCH = 4


def network() -> Run:
    """Prepare the network alone."""
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export(file, BATCH)
        settings = {
            # It would choose bfloat16 where the processor has it.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": usable_cores(),
        }
        compiled = core.compile_model(core.read_model(file), "CPU", settings)
    values = random_values(BATCH)

    def run(request: str) -> Rows:
        count = int(request)
        batches = [compiled(values)[0].copy() for _ in range(-(-count // BATCH))]
        rows: Rows = numpy.concatenate(batches)[:count]
        return rows

    return run
