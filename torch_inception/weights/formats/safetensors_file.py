"""A state dict in a `.safetensors` file, in the names that timm and torchvision share."""

from pathlib import Path

from torch import Tensor

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats.local_file import read_whole
from torch_inception.weights.formats.timm_config import config_beside, make_described_weights

SIZE_LIMIT = 2**28
"""Bytes of the largest file that is read; Inception-v3 in 64 bits, with its auxiliary head, has 218
million."""

HEADER_LIMIT = 2**20
"""Bytes of the longest list of tensors; that of Inception-v3 has some 50 thousand."""


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
    content = read_whole(path, SIZE_LIMIT)
    header = int.from_bytes(content[:8], "little")
    if header > HEADER_LIMIT:
        raise WeightsError(
            f"{path} is not a safetensors file of an Inception-v3: it claims a list of tensors of "
            f"{header} bytes; {HEADER_LIMIT} are read at most."
        )
    try:
        tensors: dict[str, Tensor] = tensors_of(content)
    # The last three: a kind of number, or a shape, that torch does not have.
    except (SafetensorError, LookupError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file ({brief(error)}). Fetch it again."
        ) from error
    return tensors
