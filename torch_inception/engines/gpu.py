"""The backbone on a CUDA GPU: the processor's threads decode, each feeding a stream of its own.

A thread fills a batch in pinned memory and queues its copy, the network and the way back on its
own stream, so that one batch is copied while another is computed and others are decoded.
"""

import logging
import threading
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.folding import FoldedWeights
from torch_inception.engines.protocol import Rows, Session
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels
from torch_inception.network import FEATURES

log = logging.getLogger(__name__)

GPU_BATCH = 64

GRAPH_AFTER = 20
"""Full batches after which the network's launches are recorded once and replayed from then on."""

GRAPH_TOLERANCE = 1e-3
"""Relative difference of replayed rows to launched ones above which replaying is given up."""


class GpuEngine(CpuEngine):
    """Inception-v3 on a GPU.

    Args:
        weights: folded.
        device: a CUDA device; on the CPU it computes the same, without streams and graphs.
        arithmetic: "bf16" (matrix units, 8 bits of mantissa) or "fp32" (without TF32).
    """

    batch_size = GPU_BATCH

    def __init__(self, weights: FoldedWeights, *, device: torch.device, arithmetic: str) -> None:
        super().__init__(weights, device=device)
        self.arithmetic = arithmetic
        if arithmetic == "bf16":
            self.network.to(torch.bfloat16)
        elif device.type == "cuda":
            # torch lets cuDNN round float32 to TF32 by default. The switch is one for the process.
            torch.backends.cudnn.allow_tf32 = False
        self._replay = _Replay(self)

    def session(self) -> Session:
        """Return a function for the calling thread alone, with a stream and memory of its own."""
        on_gpu = self.device.type == "cuda"
        shape = (self.batch_size, IMAGE_SIZE, IMAGE_SIZE, 3)
        staged = torch.empty(shape, dtype=torch.uint8, pin_memory=on_gpu)
        finished = torch.empty((self.batch_size, FEATURES), dtype=torch.float32, pin_memory=on_gpu)
        stream = torch.cuda.Stream(self.device) if on_gpu else None  # type: ignore[no-untyped-call]
        pixels = staged.numpy()

        def run(images: Sequence[Pixels]) -> Rows:
            count = len(images)
            for place, image in enumerate(images):
                pixels[place] = image
            with torch.cuda.stream(stream) if stream else nullcontext():
                batch = staged[:count].to(self.device, non_blocking=True).permute(0, 3, 1, 2)
                finished[:count].copy_(self._replay(batch), non_blocking=True)
                if stream:
                    stream.synchronize()
            rows: Rows = finished[:count].numpy().copy()
            return rows

        return run

    @torch.inference_mode()
    def feature_map(self, pixels: Tensor) -> Tensor:
        """Map images (B, 3, 299, 299) uint8 to (B, 2048, 8, 8) float32 on the device."""
        return super().feature_map(pixels).float()


class _Replay:
    """The network's launches, recorded as a CUDA graph once a run proves long.

    Args:
        backbone: on a GPU, or there is nothing to record.
    """

    def __init__(self, backbone: GpuEngine) -> None:
        self.backbone = backbone
        self.left = GRAPH_AFTER if backbone.device.type == "cuda" else -1
        self.lock = threading.Lock()
        self.graph: torch.cuda.CUDAGraph | None = None

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> Tensor:
        """Map (B, 3, 299, 299) uint8 on the device to rows (B, 2048) on the device."""
        if self.left < 0 or len(batch) < self.backbone.batch_size:
            rows: Tensor = self.backbone(batch)
            return rows
        with self.lock:
            if self.graph is None:
                return self._counted(batch)
            # One recording has one input and one output: its users take turns.
            self.input.copy_(batch)
            self.graph.replay()
            replayed = self.output.clone()
            torch.cuda.current_stream().synchronize()
        return replayed

    def _counted(self, batch: Tensor) -> Tensor:
        rows: Tensor = self.backbone(batch)
        self.left -= 1
        if self.left == 0:
            try:
                self._record(batch, rows)
            except RuntimeError as error:
                self.graph, self.left = None, -1
                log.info("CUDA graph is not used: %s", error)
        return rows

    def _record(self, batch: Tensor, rows: Tensor) -> None:
        """Record the launches; give them up where they do not give the same rows."""
        self.input = batch.clone(memory_format=torch.preserve_format)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads go on allocating memory while this one records.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self.output: Tensor = self.backbone(self.input)
        graph.replay()
        torch.cuda.synchronize()
        if float((self.output - rows).norm()) > GRAPH_TOLERANCE * float(rows.norm()):
            raise RuntimeError("its rows are not those of the network")
        self.graph = graph


def gpu_arithmetic(device: torch.device) -> str:
    """Return "bf16" for a GPU with matrix units for it (compute capability 8.0), else "fp32"."""
    major, _ = torch.cuda.get_device_capability(device)
    return "bf16" if major >= 8 else "fp32"
