"""This package: float32 by torch, float32 by OpenVINO, and 8-bit integers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import torch
from PIL import Image

from benchmarks.contenders.memory import random_pixels
from benchmarks.jpegs import jpegs_in
from benchmarks.worker import Rows, Run
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.float32 import float32_engine
from torch_inception.engines.openvino.quantisation import quantise
from torch_inception.engines.protocol import Engine, Session
from torch_inception.errors import ImageError
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels, Preprocessing
from torch_inception.system.threads import compute_alone
from torch_inception.weights.load import load_weights


def whole_pass(engine_name: str, sources: str, folder: str) -> Run:
    """Prepare the pass over a folder of JPEGs.

    Args:
        engine_name: "torch" (on a GPU where there is one), "openvino" or "int8".
        sources: where weights come from.
        folder: JPEGs to quantise int8 on.
    """
    engine = _engine(engine_name, sources, Path(folder))

    def run(request: str) -> Rows:
        rows = []
        for row in stream_rows(engine, Preprocessing(), jpegs_in(Path(request))):
            if isinstance(row, ImageError):
                raise row
            rows.append(row)
        return numpy.stack(rows)

    return run


def network(engine_name: str, sources: str, folder: str) -> Run:
    """Prepare the network alone, on as many threads as in the pass; arguments as there."""
    engine = _engine(engine_name, sources, Path(folder))
    own = _Own()
    threads = ThreadPoolExecutor(engine.workers, initializer=own.prepare, initargs=(engine,))
    images = random_pixels(engine.batch_size)

    def run(request: str) -> Rows:
        count = int(request)
        batches = [
            images[: min(engine.batch_size, count - start)]
            for start in range(0, count, engine.batch_size)
        ]
        return numpy.concatenate(list(threads.map(lambda batch: own.session(list(batch)), batches)))

    return run


class _Own(threading.local):
    """What each thread has for itself."""

    session: Session

    def prepare(self, engine: Engine) -> None:
        compute_alone()
        self.session = engine.session()


def _engine(name: str, sources: str, folder: Path) -> Engine:
    weights = load_weights(sources)
    if name == "torch":
        return load_engine(weights, device=choose_device("auto"))
    float32 = CpuEngine(weights, device=torch.device("cpu"))
    if name == "openvino":
        return float32_engine(float32)
    return quantise(float32, [_pixels(path) for path in jpegs_in(folder)])


def _pixels(path: Path) -> Pixels:
    with Image.open(path) as image:
        return numpy.asarray(image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE)))
