"""ONNX Runtime in fp32: one thread a core, each running batches of its own.

One session that works with two threads is as fast alone, and slower beside decoding.
"""

import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.contenders.memory import SHAPE, random_pixels, scaled
from benchmarks.contenders.torchvision_eager import plain_network
from benchmarks.jpegs import jpegs_in
from benchmarks.worker import Rows, Run
from torch_inception.system.cores import usable_cores

BATCH = 4

Pixels = NDArray[numpy.uint8]


def whole_pass() -> Run:
    """Prepare the pass over a folder of JPEGs, decoded by Pillow on the same threads."""
    session = _session()
    threads = ThreadPoolExecutor(usable_cores())

    def run(folder: str) -> Rows:
        paths = jpegs_in(Path(folder))
        batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        return numpy.concatenate(
            list(threads.map(lambda batch: _rows(session, _decoded(batch)), batches))
        )

    return run


def network() -> Run:
    """Prepare the network alone."""
    session = _session()
    threads = ThreadPoolExecutor(usable_cores())
    pixels = random_pixels(BATCH)

    def run(request: str) -> Rows:
        batches = [pixels] * -(-int(request) // BATCH)
        rows = numpy.concatenate(list(threads.map(lambda batch: _rows(session, batch), batches)))
        return rows[: int(request)]

    return run


def export(file: Path, batch: int) -> None:
    """Write torchvision's network as ONNX, for one size of batch."""
    with warnings.catch_warnings():
        # The newer exporter wants one more package and gives the same network.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            plain_network(), (torch.zeros(batch, 3, 299, 299),), str(file),
            input_names=["pixels"], output_names=["rows"], dynamo=False,
        )  # fmt: skip


def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export(file, BATCH)
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _decoded(paths: list[Path]) -> Pixels:
    pixels = numpy.empty((len(paths), *SHAPE), numpy.uint8)
    for place, path in enumerate(paths):
        with Image.open(path) as image:
            small = image.convert("RGB").resize(SHAPE[:2], Image.Resampling.BILINEAR)
        pixels[place] = numpy.asarray(small)
    return pixels


def _rows(session: onnxruntime.InferenceSession, pixels: Pixels) -> Rows:
    """Run a batch; a short one is filled up, for the network takes one size only."""
    values = numpy.zeros((BATCH, 3, *SHAPE[:2]), numpy.float32)
    values[: len(pixels)] = scaled(pixels)
    rows: Rows = session.run(None, {"pixels": values})[0]
    return rows[: len(pixels)]
