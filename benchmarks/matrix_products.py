"""How fast the machine multiplies matrices: no convolution in the same precision is faster."""

import time
from concurrent.futures import ThreadPoolExecutor

import torch

from benchmarks.rounds import Request
from torch_inception.system.cores import usable_cores
from torch_inception.system.threads import compute_alone

LIMIT = "matrix products"

SIDES = (1024, 2048, 4096)


class MatrixProducts:
    """Products of square fp32 matrices on every core at once, one thread a core."""

    name = LIMIT

    def __init__(self) -> None:
        self.cores = usable_cores()
        self.threads = ThreadPoolExecutor(self.cores, initializer=compute_alone)

    def rate(self, request: Request) -> float:
        """Return GFLOP/s at the best size, whatever is asked."""
        return max(self._rate(side) for side in SIDES)

    def _rate(self, side: int) -> float:
        repeats = (max(SIDES) // side) ** 3
        operations = self.cores * repeats * 2 * side**3
        pairs = [torch.rand(2, side, side) for _ in range(self.cores)]
        start = time.perf_counter()
        list(self.threads.map(lambda pair: _multiply(pair, repeats), pairs))
        return operations / (time.perf_counter() - start) / 1e9


def _multiply(pair: torch.Tensor, repeats: int) -> None:
    result = torch.empty_like(pair[0])
    for _ in range(repeats):
        torch.mm(pair[0], pair[1], out=result)
