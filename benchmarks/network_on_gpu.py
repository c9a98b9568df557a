"""Time the network alone on a CUDA GPU; `network_alone.py` calls this where there is one."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.contenders.memory import random_pixels
from benchmarks.contenders.torchvision_eager import plain_network
from benchmarks.matrix_products import LIMIT
from benchmarks.rounds import Request, Timed, measure
from benchmarks.table import Rates
from torch_inception.engines.choose import load_engine
from torch_inception.weights.load import load_weights

BATCHES = (32, 64, 128)

EAGER = "torchvision fp32, batch 128"

IMAGES = 1024
"""A round, of each contender."""

SIDE = 8192
PRODUCTS = 20
"""Matrix products a round, in bf16: one after the other, as large as fill a card."""

WARM = Request("", 2 * max(BATCHES))


@dataclass(frozen=True)
class OnGpu:
    """A network and the batch that it is given again and again.

    Attributes:
        name: as the table shows it.
        network: maps `pixels` to rows.
        pixels: on the GPU.
    """

    name: str
    network: Callable[[Tensor], Tensor]
    pixels: Tensor

    @torch.inference_mode()
    def rate(self, request: Request) -> float:
        """Return images per second, from the first launch to the last result."""
        repeats = request.images // len(self.pixels)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            rows = self.network(self.pixels)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        if not bool(rows.isfinite().all()):
            raise ValueError(f"{self.name}: rows are not finite")
        return repeats * len(self.pixels) / seconds


class GpuMatrixProducts:
    """Products of large bf16 matrices."""

    name = LIMIT

    def __init__(self, device: torch.device) -> None:
        self.left, self.right = torch.rand(2, SIDE, SIDE, device=device, dtype=torch.bfloat16)

    def rate(self, request: Request) -> float:
        """Return GFLOP/s, whatever is asked."""
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(PRODUCTS):
            torch.mm(self.left, self.right)
        torch.cuda.synchronize()
        return PRODUCTS * 2 * SIDE**3 / (time.perf_counter() - start) / 1e9


def measure_gpu(weights: str, *, column: str, rounds: int) -> tuple[Rates, list[str]]:
    """Return the rates, and the names of the networks in the order of the table.

    Args:
        weights: where this package's weights come from.
        column: what the rates are called.
        rounds: how often everyone is asked.
    """
    device = torch.device("cuda")
    networks = _networks(weights, device)
    entrants: list[Timed] = [*networks, GpuMatrixProducts(device)]
    for entrant in entrants:
        entrant.rate(WARM)
    rates = measure(entrants, {column: Request("", IMAGES)}, rounds)
    return rates, [network.name for network in networks]


def _networks(weights: str, device: torch.device) -> list[OnGpu]:
    pixels = torch.from_numpy(random_pixels(max(BATCHES))).permute(0, 3, 1, 2).to(device)
    backbone = load_engine(load_weights(weights), device=device)
    name = f"torch_inception {backbone.arithmetic}"
    ours = [OnGpu(f"{name}, batch {size}", backbone, pixels[:size]) for size in BATCHES]
    values = pixels / 127.5 - 1
    half = values.to(torch.bfloat16, memory_format=torch.channels_last)
    fast = plain_network().to(device, torch.bfloat16).to(memory_format=torch.channels_last)
    plain = plain_network().to(device)
    return [
        *ours,
        OnGpu("torchvision bf16, channels last, batch 128", fast, half),
        OnGpu(EAGER, plain, values.contiguous()),
    ]
