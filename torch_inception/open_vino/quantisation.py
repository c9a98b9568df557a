"""Quantise a network: its channels evened out by us, the rest by NNCF."""

from collections.abc import Sequence
from typing import Any

import numpy
import torch

from torch_inception.backbone import CPU_BATCH, Backbone
from torch_inception.open_vino.conversion import convert
from torch_inception.open_vino.engine import OpenVinoEngine
from torch_inception.open_vino.runtime import check_processor, import_extra, no_bars, quiet
from torch_inception.open_vino.smoothing import smooth
from torch_inception.preprocessing import Pixels
from torch_inception.torch_threads import one_thread

INT8 = "int8"


def quantise(backbone: Backbone, pictures: Sequence[Pixels]) -> OpenVinoEngine:
    """Quantise a network by what it makes of some pictures.

    Args:
        backbone: in float32.
        pictures: (299, 299, 3) uint8 each; 32 to 64 of the kind that is to come.

    Raises:
        ConfigError: OpenVINO or NNCF is not installed, or the processor would be slow.
    """
    check_processor()
    with quiet(), no_bars():
        nncf = import_extra("nncf")
        ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet
        quantised = nncf.quantize(
            _smoothed(backbone, pictures),
            nncf.Dataset(pictures, lambda picture: picture[None]),
            subset_size=len(pictures),
            # The default averages the pictures' largest values, and cuts off those above.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.MINMAX
            ),
        )
    return OpenVinoEngine(quantised, backbone.record, arithmetic=f"{INT8} not kept")


def _smoothed(backbone: Backbone, pictures: Sequence[Pixels]) -> Any:  # noqa: ANN401
    network = backbone.copy_network()
    batches = [
        torch.from_numpy(numpy.stack(pictures[start : start + CPU_BATCH])).permute(0, 3, 1, 2)
        for start in range(0, len(pictures), CPU_BATCH)
    ]
    # On several threads sums are rounded in another way, and the network is another one.
    with one_thread():
        factors = smooth(network, [batch.float() for batch in batches])
    return convert(network, batch=1, factors=factors)
