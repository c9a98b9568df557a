"""How much two images differ, pixel by pixel, even if one of them was cropped a little.

Images are made small, which takes away the marks of JPEG and the size in which they were saved. One
is laid over the other: a crop is enlarged and moved until it fits best, by least squares (Lucas and
Kanade 1981, "An Iterative Image Registration Technique with an Application to Stereo Vision"). What
is left is compared with what saving an image anew leaves.
"""

from typing import NamedTuple

import numpy
import torch
from PIL import Image
from torch import Tensor

from torch_inception.system.threads import one_thread

SIDES = (12, 16, 24, 32)
"""Sides of what is compared, in pixels: the largest of these that both images have."""

LEAST_AGREEMENT = 0.3
"""Correlation of the images as they are from which on one is laid over the other."""

MOST_CROP = 0.08
"""How much of the side of an image a crop of it lacks, at most."""

NOISE = 4.0
"""How far apart pixels of copies usually are at most, of 255: recompression."""

SHIFT = 0.2
"""How far they have usually moved at most, in pixels: resizing blurs edges."""

_STARTS = (0.0, -0.05, 0.05)
"""Crops from which on the best one is looked for."""

_STEPS = 5


class Difference(NamedTuple):
    """How much P pairs of images differ.

    Attributes:
        difference: (P,) mean square of the difference of pixels, each divided by what it is for
            copies: below 1 or so for these. That is over all pixels or, where it is higher, with
            edges counting most. Infinite for images that do not agree at all.
        contrast: (P,) the same of the image against a plain one: what there is to see.
    """

    difference: Tensor
    contrast: Tensor


def side_of(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Return the side at which images of two sizes, in pixels, are compared."""
    wanted = min(*one, *other)
    return max((side for side in SIDES if side <= wanted), default=SIDES[0])


def small_image(image: Image.Image, side: int) -> Tensor:
    """Return an RGB image squeezed to a square: (3, side, side) float32, 0 to 255."""
    small = image.resize((side, side), Image.Resampling.BILINEAR)
    return torch.from_numpy(numpy.array(small, numpy.float32)).permute(2, 0, 1)


def compare(ones: Tensor, others: Tensor) -> Difference:
    """Return how much images differ from others, once one of each pair is laid over the other.

    Args:
        ones: (P, 3, side, side), as `small_image` gives them.
        others: those that they are compared with, one by one.
    """
    difference = torch.full((len(ones),), torch.inf)
    contrast = torch.zeros(len(ones))
    with one_thread():
        likely = torch.where(_correlation(ones, others) >= LEAST_AGREEMENT)[0]
        if len(likely):
            difference[likely], contrast[likely] = _compare(ones[likely], others[likely])
    return Difference(difference, contrast)


def _correlation(ones: Tensor, others: Tensor) -> Tensor:
    one, other = (
        torch.nn.functional.normalize((each - each.mean((2, 3), keepdim=True)).flatten(1))
        for each in (ones, others)
    )
    return (one * other).sum(1)


def _compare(ones: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    fit = _best_fit(ones, others)
    laid, inside = _laid(ones, fit)
    slope = sum(each.square().mean(1) for image in (laid, others) for each in _slopes(image)) / 2
    assert isinstance(slope, Tensor)
    # A pixel beside an edge changes, too, where the edge moves.
    slope = torch.nn.functional.max_pool2d(slope, 3, stride=1, padding=1)
    usual = NOISE**2 + SHIFT**2 * slope
    plain = _mean(others, inside)[:, :, None, None]
    differences = (laid - others).square().mean(1) / usual
    # Thin lines are few pixels: what differs along edges alone may be all that there is to see.
    of_edges = _mean(differences, inside * slope.clamp(min=1e-6))
    return (
        torch.maximum(_mean(differences, inside), of_edges),
        _mean((plain - others).square().mean(1) / usual, inside),
    )


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over the pixels of (P, ..., side, side), by their weights (P, side, side)."""
    if values.ndim > weights.ndim:
        weights = weights[:, None]
    return (values * weights).sum((-2, -1)) / weights.sum((-2, -1)).clamp(min=1e-6)


def _best_fit(ones: Tensor, others: Tensor) -> Tensor:
    """Return (P, 3): by how much one is to be enlarged and moved to fit best over the other.

    That is as a share of half the side: pixel x of the other is (1 + first) x + second of the one.
    """
    coarse, coarse_others = _blurred(ones), _blurred(others)
    fits, errors = [], []
    for start in _STARTS:
        fit = torch.zeros(len(ones), 3)
        fit[:, 0] = start
        fit = _refined(coarse, coarse_others, fit)
        fit = _refined(ones, others, fit)
        laid, inside = _laid(ones, fit)
        fits.append(fit)
        errors.append(_mean((laid - others).square().mean(1), inside))
    best = torch.stack(errors).argmin(0)
    return torch.stack(fits)[best, torch.arange(len(ones))]


def _refined(ones: Tensor, others: Tensor, fit: Tensor) -> Tensor:
    """Return a better fit, by Gauss-Newton steps."""
    side = ones.shape[-1]
    slopes = torch.cat([ones, *(each * (side / 2) for each in _slopes(ones))], 1)
    at = _positions(side)
    for _ in range(_STEPS):
        laid, inside = _laid(slopes, fit)
        image, across, down = (laid * inside[:, None]).chunk(3, 1)
        rest = (others * inside[:, None] - image).flatten(1)
        enlarged = across * at + down * at[:, None]
        by = torch.stack([each.flatten(1) for each in (enlarged, across, down)], 1)
        products = by @ by.mT
        products += torch.diag_embed(1e-3 * products.diagonal(dim1=1, dim2=2) + 1)
        fit = fit + torch.linalg.solve(products, by @ rest[:, :, None])[:, :, 0]
        crop = fit[:, :1].clamp(-MOST_CROP, MOST_CROP)
        most = crop.abs() + 1 / side  # one is within the other
        fit = torch.cat([crop, fit[:, 1:].clamp(-most, most)], 1)
    return fit


def _laid(images: Tensor, fit: Tensor) -> tuple[Tensor, Tensor]:
    """Return images as they lie over others, and which pixels (P, side, side) they are over."""
    at = _positions(images.shape[-1])
    across, down = ((1 + fit[:, :1]) * at + fit[:, place : place + 1] for place in (1, 2))
    size = (len(images), *images.shape[2:])
    grid = torch.stack([across[:, None, :].expand(size), down[:, :, None].expand(size)], -1)
    laid = torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return laid, (grid.abs() <= 1).all(-1).float()


def _positions(side: int) -> Tensor:
    """Return where the middles of pixels are, -1 to 1."""
    return (2 * torch.arange(side) + 1) / side - 1


def _slopes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much images change per pixel, across and down, of their shape."""
    down, across = torch.gradient(images, dim=(2, 3))
    return across, down


def _blurred(images: Tensor) -> Tensor:
    """Average 3 x 3 pixels, twice."""
    for _ in range(2):
        images = torch.nn.functional.avg_pool2d(
            images, 3, stride=1, padding=1, count_include_pad=False
        )
    return images
