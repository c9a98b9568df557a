"""The network on a CUDA GPU: the processor's threads decode, each feeding a stream of its own.

A thread fills a batch in pinned memory and queues its copy, the network and the way back on its
own stream, so that one batch is copied while another is computed and others are decoded.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from torch_inception.engines.folding import FoldedWeights
from torch_inception.engines.protocol import Rows, Session
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels
from torch_inception.network import ROW_SIZE

GPU_BATCH = 64


class GpuEngine(TorchEngine):
    """Inception-v3 on a GPU.

    Args:
        weights: folded.
        device: a CUDA device; on the CPU it computes the same, without streams.
        arithmetic: "bf16" (matrix units, 8 bits of mantissa) or "fp32" (without TF32).
    """

    batch_size = GPU_BATCH

    def __init__(self, weights: FoldedWeights, *, device: torch.device, arithmetic: str) -> None:
        super().__init__(weights, device=device)
        self.arithmetic = arithmetic
        if arithmetic == "bf16":
            self.network.to(torch.bfloat16)

    def session(self) -> Session:
        """Return a function for one thread, with a stream and memory of its own."""
        on_gpu = self.device.type == "cuda"
        images_shape = (self.batch_size, IMAGE_SIZE, IMAGE_SIZE, 3)
        rows_shape = (self.batch_size, ROW_SIZE)
        staged = torch.empty(images_shape, dtype=torch.uint8, device="cpu", pin_memory=on_gpu)
        finished = torch.empty(rows_shape, dtype=torch.float32, device="cpu", pin_memory=on_gpu)
        stream = torch.cuda.Stream(self.device) if on_gpu else None  # type: ignore[no-untyped-call]
        pixels = staged.numpy()

        def run(images: Sequence[Pixels]) -> Rows:
            count = len(images)
            for place, image in enumerate(images):
                pixels[place] = image
            with torch.cuda.stream(stream) if stream else nullcontext():
                batch = staged[:count].to(self.device, non_blocking=True).permute(0, 3, 1, 2)
                finished[:count].copy_(self(batch), non_blocking=True)
                if stream:
                    stream.synchronize()
            rows: Rows = finished[:count].numpy().copy()
            return rows

        return run

    def feature_maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images (B, 3, 299, 299) uint8 to the maps of `LAYERS`, float32 on the device."""
        return tuple(each.float() for each in super().feature_maps(pixels))


def gpu_arithmetic(asked: str, capability: tuple[int, int]) -> str:
    """Return "bf16" where that is asked for, or suits the GPU; else "fp32".

    Args:
        asked: "auto" is what suits the GPU; "bf16" holds; all else is float32.
        capability: of the GPU; from 8.0 on there are matrix units for bfloat16.
    """
    suits = asked == "auto" and capability >= (8, 0)
    return "bf16" if suits or asked == "bf16" else "fp32"
