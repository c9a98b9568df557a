"""torch and numpy as they are by default, whatever the program around us has set on its thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import torch


@contextmanager
def default_modes() -> Iterator[None]:
    """Have a block, or a function that is decorated so, compute as if nothing had been set.

    That concerns what is set for a thread: the mode of gradients, automatic casts, the device of
    new tensors, numpy's reaction to overflows. The types of new tensors are a setting of the whole
    process, so they are named wherever tensors are made.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.device("cpu"),
        numpy.errstate(all="warn", under="ignore"),
    ):
        yield


def product_dtype() -> torch.dtype:
    """Return a type in which products of matrices are as exact as float32 allows.

    The program around us may have asked torch for less of float32
    (`torch.set_float32_matmul_precision`), for the whole process.
    """
    is_exact = torch.get_float32_matmul_precision() == "highest"
    return torch.float32 if is_exact else torch.float64
