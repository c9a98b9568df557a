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
