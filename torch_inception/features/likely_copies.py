"""Pairs of images that may be near copies of each other: the most alike few of each image.

Of N images all pairs are looked at, a block against all others, in a few dimensions. That finds
what is worth a look at the pixels, which alone decides (`features/alike.py`): images on one plain
ground, or of one texture, all look alike to the network.
"""

import numpy
import torch
from torch import Tensor

from torch_inception.features.near_copies import Labels, Likeness, centred_projections
from torch_inception.system.threads import on_cores

NEAREST = 6
"""Images that are looked at for each one, by features and by hash each."""

MOST_BITS = 10
"""Bits of 64 in which hashes of near copies differ at most; else the features must agree."""

LEAST_SIMILARITY = 0.5
"""Cosine at least of what is left of the features of near copies once the mean is taken off."""

BLOCK = 512
"""Images that are compared with all others at a time."""


def likely_copies(likeness: Likeness) -> Labels:
    """Return pairs of places (P, 2), the first below the second, in order.

    Args:
        likeness: of N images. Those with too little contrast are in no pair.
    """
    compared = torch.from_numpy(numpy.flatnonzero(~likeness.is_flat))
    if len(compared) < 2:
        return numpy.empty((0, 2), numpy.int64)
    some = likeness.subset(compared.numpy())
    features = torch.nn.functional.normalize(centred_projections(some))
    bits = some.bits()

    def nearest(block: Tensor) -> Tensor:
        by_features = _nearest(features[block] @ features.T, block, LEAST_SIMILARITY)
        by_hash = _nearest(bits[block] @ bits.T, block, 64 - 2 * MOST_BITS)
        return torch.cat([by_features, by_hash])

    blocks = torch.split(torch.arange(len(compared)), BLOCK)
    pairs = torch.unique(torch.cat(on_cores(nearest, blocks)).sort(dim=1).values, dim=0)
    found: Labels = compared[pairs].numpy()
    return found


def _nearest(similarities: Tensor, block: Tensor, least: float) -> Tensor:
    """Return pairs (P, 2): each image of a block with those most similar, itself left out."""
    similarities[torch.arange(len(block)), block] = -torch.inf
    top = similarities.topk(min(NEAREST, similarities.shape[1] - 1), dim=1)
    rows, columns = torch.where(top.values >= least)
    return torch.stack([block[rows], top.indices[rows, columns]], dim=1)
