"""What torch wrote before version 1.6, or is still asked to write: pickles, then numbers."""

import struct
from typing import Any, BinaryIO

import torch
from torch import Tensor

from torch_inception.system.tensor_file.archive import fill
from torch_inception.system.tensor_file.plain_pickle import UnsafeError, unpickle

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
"""What such files begin with (torch/serialization.py, `MAGIC_NUMBER` and `PROTOCOL_VERSION`)."""


def load_stream(file: BinaryIO, size: int) -> Any:  # noqa: ANN401
    """Read the older format: five pickles, of which the fourth is the content, then the numbers."""
    storages: dict[str, Tensor] = {}
    room = size

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        nonlocal room
        if key not in storages:
            room -= numel * dtype.itemsize
            if room < 0:
                raise UnsafeError("it declares more numbers than it holds")
            storages[key] = torch.empty(numel, dtype=dtype)
        if (storages[key].dtype, len(storages[key])) != (dtype, numel):
            raise ValueError("storages disagree")
        return storages[key]

    beginning = [unpickle(file, storage) for _ in range(2)]
    if beginning != [_MAGIC_NUMBER, _PROTOCOL_VERSION]:
        raise ValueError("magic number")
    _, content, keys = (unpickle(file, storage) for _ in range(3))
    if sorted(keys) != sorted(storages):
        raise ValueError("keys")
    for key in keys:
        (numel,) = struct.unpack("<q", file.read(8))
        if numel != len(storages[key]):
            raise ValueError("length")
        fill(file, storages[key].view(torch.uint8))
    return content
