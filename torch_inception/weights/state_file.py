"""A state dict in a `.pth` or `.pt` file, in torchvision's names."""

import os
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.torch_file import load_safely
from torch_inception.weights.record import Weights, make_weights


def load(path: Path) -> Weights:
    """Return the weights in a file that torchvision's `inception_v3` could load.

    The file is taken to want what torchvision's pretrained network wants: its pooling and inputs
    in [-1, 1] (`transform_input=True`).

    Raises:
        WeightsError: there is no such file, or it holds something else.
    """
    return make_weights(
        read_state(path), source=str(path.absolute()), version=path.name, pooling="torchvision"
    )


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict; nothing in the file is executed.

    Raises:
        WeightsError: the file is not there, is cut short, or holds more than tensors.
    """
    # Unlike Path.is_file, this takes any text, and folders that may not be looked into.
    if not os.path.isfile(path):  # noqa: PTH113
        raise WeightsError(f"there is no file {path}. Check the path in --weights.")
    try:
        state = load_safely(path)
    except ValueError as error:
        raise WeightsError(
            f"{path} is not a state dict that torch can load safely ({error}). "
            "Save one with torch.save(model.state_dict(), path)."
        ) from error
    if not isinstance(state, dict):
        raise WeightsError(
            f"{path} holds a {type(state).__name__}, not a state dict. "
            "Save one with torch.save(model.state_dict(), path)."
        )
    return state
