"""What timm's `config.json` says of weights: how their network wants its pixels.

timm names Inception-v3's tensors as torchvision does. Its network has one pooling for all of its
weights, also for those that were ported from TensorFlow: the average pools count the padding
(timm/models/inception_v3.py 1.0, `F.avg_pool2d` without `count_include_pad`), and so do ours for
them. Mean and std differ, and stand in the file's `pretrained_cfg`.
"""

import dataclasses
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.record import INCEPTION_SCALE, Scale, input_scale

log = logging.getLogger(__name__)

CONFIG = "config.json"

_INCEPTION = re.compile(r"(tf_|adv_|gluon_)?inception_v3(\..*)?")
"""timm's names for it, older ones included."""


@dataclass(frozen=True)
class TimmConfig:
    """A network as timm describes it.

    Attributes:
        architecture: timm's name of the network.
        scale: mean and std of pixels on the scale 0 to 1; [-1, 1] where the file gives none.
    """

    architecture: str
    scale: Scale = (INCEPTION_SCALE, INCEPTION_SCALE)

    @property
    def is_inception(self) -> bool:
        """Tell whether it is an Inception-v3."""
        return _INCEPTION.fullmatch(self.architecture) is not None


def config_beside(weights: Path) -> TimmConfig | None:
    """Return what timm says of a file of weights; None where no such file is beside it.

    Raises:
        WeightsError: there is one, and it gives a mean or std that cannot be.
    """
    config = read_config(weights.parent / CONFIG)
    return config if config is not None and config.is_inception else None


def read_config(path: Path) -> TimmConfig | None:
    """Read timm's `config.json`; None where the file is missing or is not one of timm's.

    Raises:
        WeightsError: it gives a mean or std that cannot be.
    """
    # Unlike Path.is_file, this takes folders that may not be looked into; a pipe is not a file.
    if not os.path.isfile(path):  # noqa: PTH113
        return None
    try:
        # Every number is a float here: a mean may be written 0.
        content = json.loads(path.read_bytes(), parse_int=float)
    except (OSError, ValueError, RecursionError) as error:
        log.warning("weights: %s cannot be read (%s) and is not used", path, brief(error))
        return None
    if not isinstance(content, dict) or not isinstance(content.get("architecture"), str):
        return None
    config = TimmConfig(content["architecture"])
    # timm once wrote all on one level.
    values = content.get("pretrained_cfg", content)
    if not isinstance(values, dict):
        return None
    if not config.is_inception or not {"mean", "std"} & set(values):
        return config
    try:
        return dataclasses.replace(config, scale=input_scale(values))
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} gives no mean and std that pixels can have ({brief(error)}). Mend it, or "
            "take the weights out of its folder."
        ) from error


def make_described_weights(
    state: Mapping[str, Any], config: TimmConfig | None, *, source: str, version: str
) -> Weights:
    """Make weights of a state dict in the names that torchvision and timm share.

    Without a config they are taken to want what torchvision's pretrained network and most of
    timm's want: inputs in [-1, 1] (`transform_input=True`).

    Raises:
        WeightsError: as `make_weights`.
    """
    return make_weights(
        state,
        source=source,
        version=version,
        pooling="torchvision",
        scale=(INCEPTION_SCALE, INCEPTION_SCALE) if config is None else config.scale,
        lineage="torchvision or timm" if config is None else "timm",
    )
