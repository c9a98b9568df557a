"""Images of which there is little to see: blank, tiny, dark, bright or blurred.

Limits hold for the brightness and sharpness of what the network sees. An image is not told of where
more than a quarter of its class is so, too: that is how the class looks. But for blank ones, which
teach nothing however many they are.
"""

from collections.abc import Mapping

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.features.near_copies import LEAST_CONTRAST, Flags

TINY_SIDE = 50
"""Pixels of the shorter side under which an image is enlarged to six times its size."""

DARK, BRIGHT = 64.0, 192.0
"""Of 255. In a dark image the mean of the luma and two deviations are below the one, in a bright
one the mean less two deviations is above the other: nearly all of it is."""

MOST_BLURRED_SHARPNESS = 100.0
"""Variance of the Laplacian up to which an image may be blurred."""

BLURRED_SHARE = 0.1
"""Of the median sharpness of its class, below which it is."""

COMMON_SHARE = 0.25
"""Of a class, from which on being so is no fault of an image."""

KINDS = ("blank", "tiny", "dark", "bright", "blurred")


def find_quality_issues(facts: NDArray[numpy.void], targets: Tensor) -> Mapping[str, Flags]:
    """Return, for each of `KINDS`, which images are so.

    Args:
        facts: (N,) of `images.facts.FACTS`.
        targets: (N,) int64 class numbers.
    """
    brightness, contrast = facts["brightness"], facts["contrast"]
    is_blank = contrast < LEAST_CONTRAST
    shorter = numpy.minimum(facts["width"], facts["height"])
    found = {
        "tiny": shorter < TINY_SIDE,
        "dark": brightness + 2 * contrast < DARK,
        "bright": brightness - 2 * contrast > BRIGHT,
        "blurred": _are_blurred(facts, targets),
    }
    others = {
        kind: are_so & ~is_blank & ~_is_common(are_so, targets) for kind, are_so in found.items()
    }
    return {"blank": is_blank, **others}


def _are_blurred(facts: NDArray[numpy.void], targets: Tensor) -> Flags:
    sharpness = facts["sharpness"].astype(numpy.float64)
    usual = numpy.zeros(len(sharpness))
    classes = targets.numpy()
    for number in numpy.unique(classes):
        usual[classes == number] = numpy.median(sharpness[classes == number])
    blurred: Flags = (sharpness < MOST_BLURRED_SHARPNESS) & (sharpness < BLURRED_SHARE * usual)
    return blurred


def _is_common(are_so: Flags, targets: Tensor) -> Flags:
    """Tell which images are of a class of which many are so."""
    counts = torch.bincount(targets)
    of_class = torch.bincount(targets[torch.from_numpy(are_so)], minlength=len(counts))
    common: Flags = (of_class > COMMON_SHARE * counts)[targets].numpy()
    return common
