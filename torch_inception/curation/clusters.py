"""Weighted k-means: which of many points stand for all of them."""

import torch
from torch import Tensor

STEPS = 30
"""Rounds of Lloyd's algorithm, at most."""


def representatives(points: Tensor, weights: Tensor, count: int) -> Tensor:
    """Return the point that is nearest to the middle of each cluster.

    Clusters are begun as in k-means++ (Arthur and Vassilvitskii 2007, "k-means++: The Advantages of
    Careful Seeding"), drawn with a fixed seed, and moved by Lloyd's algorithm.

    Args:
        points: (N, D) float64.
        weights: (N,) float64, above 0, how much each counts.
        count: of clusters, 1 to N.

    Returns:
        (K,) int64, different positions in order; K is less than `count` where fewer points differ.
    """
    middles = points[_first(points, weights, count)]
    own = torch.full((len(points),), -1)
    for _ in range(STEPS):
        before, own = own, torch.cdist(points, middles).argmin(dim=1)
        if torch.equal(before, own):
            break
        total = torch.zeros_like(middles[:, :1]).index_add_(0, own, weights[:, None])
        sums = torch.zeros_like(middles).index_add_(0, own, weights[:, None] * points)
        middles = torch.where(total > 0, sums / total.clamp(min=1e-300), middles)
    distances = torch.cdist(points, middles)
    distances[own[:, None] != torch.arange(len(middles))] = torch.inf
    return distances[:, distances.isfinite().any(dim=0)].argmin(dim=0).sort().values


def _first(points: Tensor, weights: Tensor, count: int) -> list[int]:
    """Return points that are far from each other, each drawn by its weight and squared distance."""
    generator = torch.Generator().manual_seed(0)
    far = torch.ones(len(points), dtype=torch.float64)
    chosen: list[int] = []
    while len(chosen) < count:
        chances = weights * far
        if not chances.sum() > 0:
            break
        drawn = int(torch.multinomial(chances, 1, generator=generator))
        squares = (points - points[drawn]).square().sum(dim=1)
        far = squares if not chosen else torch.minimum(far, squares)
        chosen.append(drawn)
    return chosen
