"""Quantise a network: smoothed by us, turned into OpenVINO's form and quantised by NNCF."""

from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from torch import Tensor, nn

from torch_inception.backbone import CPU_BATCH, Backbone
from torch_inception.int8.engine import Int8Engine
from torch_inception.int8.runtime import check_processor, import_extra, quiet
from torch_inception.int8.smoothing import smooth
from torch_inception.network import IMAGE_SIZE
from torch_inception.preprocessing import Pixels


def quantise(backbone: Backbone, pictures: Sequence[Pixels]) -> Int8Engine:
    """Quantise a network by what it makes of some pictures.

    Args:
        backbone: in float32.
        pictures: (299, 299, 3) uint8 each; 32 to 64 of the kind that is to come.

    Raises:
        ConfigError: OpenVINO or NNCF is not installed, or the processor would be slow.
    """
    check_processor()
    with quiet():
        openvino, nncf = import_extra("openvino"), import_extra("nncf")
        ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet
        model = openvino.convert_model(
            _smoothed(backbone, pictures),
            example_input=torch.zeros(1, IMAGE_SIZE, IMAGE_SIZE, 3, dtype=torch.uint8),
            input=([1, IMAGE_SIZE, IMAGE_SIZE, 3], openvino.Type.u8),
        )
        quantised = nncf.quantize(
            model,
            nncf.Dataset(pictures, lambda picture: picture[None]),
            subset_size=len(pictures),
            # The default averages the pictures' largest values, and cuts off those above.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.MINMAX
            ),
        )
    return Int8Engine(quantised, backbone.record, key="not kept")


def save_quantised(engine: Int8Engine, path: Path) -> None:
    """Write the network as `path` (.xml) and a .bin beside it."""
    with quiet():
        import_extra("openvino").save_model(engine.model, path, compress_to_fp16=False)


class _Smoothed(nn.Module):
    """The network from pixels, (B, 299, 299, 3) uint8, to rows, (B, 2048)."""

    def __init__(self, network: nn.Module, factors: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("factors", factors)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.network(pixels.permute(0, 3, 1, 2).float())
        rows: Tensor = maps.mean(dim=(2, 3)) * self.factors
        return rows


def _smoothed(backbone: Backbone, pictures: Sequence[Pixels]) -> _Smoothed:
    network = backbone.copy_network()
    batches = [
        torch.from_numpy(numpy.stack(pictures[start : start + CPU_BATCH])).permute(0, 3, 1, 2)
        for start in range(0, len(pictures), CPU_BATCH)
    ]
    factors = smooth(network, [batch.float() for batch in batches])
    return _Smoothed(network, factors)
