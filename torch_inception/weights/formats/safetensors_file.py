"""A state dict in a `.safetensors` file, in the names that timm and torchvision share."""

from pathlib import Path

from torch import Tensor

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.local_file import read_whole
from torch_inception.weights.formats.timm_config import config_beside, make_described_weights


def load(path: Path) -> Weights:
    """Return the weights in a file; a `config.json` of timm's beside it gives mean and std.

    Raises:
        WeightsError: there is no such file, it holds something else, or `safetensors` is missing.
    """
    return make_described_weights(
        read_tensors(path),
        config_beside(path),
        source=str(path.absolute()),
        version=path.name,
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file into memory.

    The library checks that the numbers of each tensor lie within the file, next to each other.

    Raises:
        WeightsError: there is no such file, it holds something else, or `safetensors` is missing.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load as tensors_of
    except ImportError as error:
        raise WeightsError(
            f"{path.name} needs safetensors: pip install 'torch-inception[timm]'."
        ) from error
    try:
        tensors: dict[str, Tensor] = tensors_of(read_whole(path))
    # The last three: a kind of number, or a shape, that torch does not have.
    except (SafetensorError, LookupError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file ({brief(error)}). Fetch it again."
        ) from error
    return tensors
