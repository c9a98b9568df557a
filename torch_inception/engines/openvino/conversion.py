"""Turn a network of ours into one of OpenVINO's."""

import traceback
from typing import Any

import torch
from torch import Tensor, nn

from torch_inception.engines.openvino.runtime import import_openvino
from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.network import ROW_SIZE, InceptionV3, spatial_means


def convert(network: InceptionV3, *, batch: int, factors: Tensor | None = None) -> Any:  # noqa: ANN401
    """Return OpenVINO's model: pixels (batch, 299, 299, 3) uint8 to rows (batch, 4096) float32.

    Args:
        network: folded.
        batch: images that it takes, always as many: a changing number would be slow.
        factors: (4096,) what rows are multiplied by at the end.

    Raises:
        InstallationError: OpenVINO is not installed.
    """
    openvino = import_openvino()
    shape = (batch, IMAGE_SIZE, IMAGE_SIZE, 3)
    module = _PixelsToRows(
        network, torch.ones(ROW_SIZE, dtype=torch.float32) if factors is None else factors
    )
    try:
        with torch.no_grad():
            return openvino.convert_model(
                module,
                example_input=torch.zeros(shape, dtype=torch.uint8),
                input=(list(shape), openvino.Type.u8),
            )
    except Exception as error:
        # It wraps whatever is raised while it traces the network, Ctrl-C too.
        if "KeyboardInterrupt" in "".join(traceback.format_exception(error)):
            raise KeyboardInterrupt from error
        raise


class _PixelsToRows(nn.Module):
    factors: Tensor

    def __init__(self, network: InceptionV3, factors: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("factors", factors)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.network(pixels.permute(0, 3, 1, 2).float())
        return spatial_means(maps) * self.factors
