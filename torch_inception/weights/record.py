"""What a set of Inception-v3 weights is: a record that travels with every model."""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from torch_inception.config import Pooling, PoolingChoice

Triple = tuple[float, float, float]
"""A number for each of red, green and blue."""

Scale = tuple[Triple, Triple]
"""Mean and std."""

INCEPTION_SCALE: Triple = (0.5, 0.5, 0.5)
"""Mean and deviation of most sets: the network sees pixels in [-1, 1]."""

NAME_LIMIT = 4096
"""Characters of the longest source; no path that can be opened is longer."""


@dataclass(frozen=True)
class WeightsRecord:
    """Where weights came from and how they want to be run. Plain values only.

    Attributes:
        source: what `--weights` has to name to get these again; a file by its absolute path.
        version: the source's own name for this set.
        fingerprint: SHA-256 of the network's tensors, in hexadecimal.
        pooling: how the pooling branches pool: as in training, unless `--pooling` says otherwise.
        mean: pixel value, on the scale 0 to 1, that the network sees as 0; one a channel.
        std: distance from `mean` that the network sees as 1; one a channel.
        lineage: the family that the set is of, wherever it is kept now; "" where the source tells.
    """

    source: str
    version: str
    fingerprint: str
    pooling: Pooling
    mean: Triple = INCEPTION_SCALE
    std: Triple = INCEPTION_SCALE
    lineage: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and for `torch.save`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WeightsRecord":
        """Read back what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        if not isinstance(values, Mapping):
            raise TypeError("the record of the weights is not a table of values")
        for name in ("source", "version"):
            if not isinstance(values[name], str) or not 0 < len(values[name]) <= NAME_LIMIT:
                raise ValueError(f"the {name} of the weights is not a name")
        lineage = values.get("lineage", "")
        if not isinstance(lineage, str) or len(lineage) > NAME_LIMIT:
            raise ValueError("the lineage of the weights is not a name")
        if not re.fullmatch("[0-9a-f]{64}", values["fingerprint"]):
            raise ValueError("the fingerprint of the weights is not a SHA-256")
        if values["pooling"] not in get_args(Pooling):
            raise ValueError("the pooling of the weights is unknown")
        mean, std = input_scale(values)
        return cls(**{**values, "mean": mean, "std": std})

    def pooling_as(self, choice: PoolingChoice) -> "WeightsRecord":
        """Return the record of the same weights, run with another pooling; "auto" is their own."""
        return self if choice == "auto" else dataclasses.replace(self, pooling=choice)

    @property
    def identity(self) -> str:
        """Everything that changes a feature: tensors, pooling and input scale."""
        return f"{self.fingerprint} {self.pooling} {self.mean} {self.std}"


def input_scale(values: Mapping[str, Any]) -> Scale:
    """Return the mean and the std that a file gives.

    Raises:
        KeyError, ValueError: they are not there, or not numbers that pixels can be scaled with.
    """
    mean, std = _triple(values["mean"]), _triple(values["std"])
    if min(std) <= 0:
        raise ValueError("a std of the weights is not above 0")
    return mean, std


def _triple(values: Any) -> Triple:  # noqa: ANN401 - whatever a file holds
    if not isinstance(values, list | tuple) or [type(each) for each in values] != [float] * 3:
        raise ValueError("mean and std of the weights are not three numbers each")
    if not all(math.isfinite(each) for each in values):
        raise ValueError("mean or std of the weights is not finite")
    red, green, blue = values
    return red, green, blue
