"""The frozen network, run by torch on the processor's cores: images in, rows of features out."""

from collections.abc import Sequence

import numpy
import torch

from torch_inception.engines.protocol import Rows, Session
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels

CPU_BATCH = 4
"""Small batches keep each layer's output in memory that is reused; see benchmarks/."""


class CpuEngine(TorchEngine):
    """Inception-v3 in float32, a batch to a core."""

    arithmetic = "fp32"
    batch_size = CPU_BATCH

    def session(self) -> Session:
        """Return a function for the calling thread alone, which is to keep one core busy.

        The caller has torch compute on this thread alone (`system/threads.py`). Each thread runs
        batches of its own in memory of its own: they share nothing but the weights, and never wait
        for each other.
        """
        pixels = numpy.empty((self.batch_size, IMAGE_SIZE, IMAGE_SIZE, 3), numpy.float32)

        def run(images: Sequence[Pixels]) -> Rows:
            for place, image in enumerate(images):
                pixels[place] = image
            # Seen as (B, 3, height, width), that is the memory order that convolutions like best.
            values = torch.from_numpy(pixels[: len(images)]).permute(0, 3, 1, 2)
            rows: Rows = self(values).numpy()
            return rows

        return run
