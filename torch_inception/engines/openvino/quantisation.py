"""Quantise a network: its channels evened out by us, the rest by NNCF."""

from collections.abc import Sequence

import numpy
import torch
from torch import Tensor

from torch_inception.engines.cpu import CPU_BATCH
from torch_inception.engines.openvino.conversion import convert
from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.runtime import (
    check_processor,
    import_openvino,
    no_bars,
    quiet,
)
from torch_inception.engines.openvino.smoothing import smooth
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.images.preprocess import Pixels
from torch_inception.network import InceptionV3
from torch_inception.system.threads import one_thread

INT8 = "int8"


def quantise(engine: TorchEngine, images: Sequence[Pixels]) -> OpenVinoEngine:
    """Quantise a network by what it makes of some images.

    Args:
        engine: torch's, in float32.
        images: (299, 299, 3) uint8 each; 32 to 64 of the kind that is to come.

    Raises:
        ConfigError: the processor would be slow.
        InstallationError: OpenVINO or NNCF is not installed.
    """
    check_processor()
    network, factors = evened_out(engine, images)
    with quiet(), no_bars():
        nncf = import_openvino("nncf")
        ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet
        quantised = nncf.quantize(
            convert(network, batch=1, factors=factors),
            nncf.Dataset(images, lambda image: image[None]),
            subset_size=len(images),
            # The default averages the images' largest values, and cuts off those above.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.MINMAX
            ),
        )
    return OpenVinoEngine(quantised, engine.record, arithmetic=f"{INT8} not kept")


def evened_out(engine: TorchEngine, images: Sequence[Pixels]) -> tuple[InceptionV3, Tensor]:
    """Return a copy of the network whose channels are alike, and its `smooth`'s factors.

    Args:
        engine: torch's, in float32.
        images: as for `quantise`.
    """
    network = engine.copy_network()
    batches = [
        torch.from_numpy(numpy.stack(images[start : start + CPU_BATCH])).permute(0, 3, 1, 2)
        for start in range(0, len(images), CPU_BATCH)
    ]
    # On several threads sums are rounded in another way, and the network is another one.
    with one_thread():
        return network, smooth(network, [batch.float() for batch in batches])
