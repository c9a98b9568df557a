"""Converted weights, kept in the user's cache so that each set is converted once."""

from pathlib import Path
from typing import Any

from torch_inception.system.cache_entry import read_entry, write_entry
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.tensor_file import load_tensors, save_whole
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

FORMAT = 3
"""Number of the layout and arithmetic of what is kept; another number is converted again."""

FILE = "tensors.pt"


def load_cached_weights(name: str) -> Weights | None:
    """Return the weights kept under a name, or None where there are none that can be trusted."""
    folder = _folder(name)

    def read(record: dict[str, Any]) -> Weights:
        return Weights(WeightsRecord.from_dict(record), load_tensors(folder / FILE))

    return read_entry(folder, format=FORMAT, read=read)


def cache_weights(name: str, weights: Weights) -> None:
    """Keep weights under a name. Where the cache cannot be written, say so and go on."""
    write_entry(
        _folder(name),
        [FILE],
        format=FORMAT,
        about=weights.record.as_dict(),
        write=lambda folder: save_whole(weights.tensors, folder / FILE),
    )


def _folder(name: str) -> Path:
    return cache_folder() / "weights" / name
