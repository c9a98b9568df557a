"""How much two images differ, pixel by pixel, even if one of them was cropped a little.

Images are made small, which takes away the marks of JPEG and the size in which they were saved. One
is laid over the other: it is enlarged and moved until the other, as its crop, fits best, by least
squares (Lucas and Kanade 1981, "An Iterative Image Registration Technique with an Application to
Stereo Vision"). What is left is compared with what saving an image anew leaves, brightness and
colour each for themselves: JPEG keeps colour at half the size.
"""

from typing import NamedTuple

import numpy
import torch
from PIL import Image
from torch import Tensor

from torch_inception.system.threads import one_thread

SIDES = (12, 16, 24, 32)
"""Sides of what is compared, in pixels."""

FINE = 2
"""Pixels per side of a compared one, by which images are laid over each other: interpolating those
that are compared would blur them. Where both images have so many, none is enlarged for it."""

LEAST_AGREEMENT = 0.3
"""Correlation of the images as they are from which on one is laid over the other."""

MOST_CROP = 0.08
"""How much of the side of an image a crop of it lacks, at most."""

NOISE = 2.5
"""How far apart pixels of copies usually are at most, of 255, in brightness, Cb and Cr each. JPEG
quality 30 left 1 where photographs are flat, and 2 to 3 in their detail."""

SHIFT = 0.15
"""How far they have usually moved at most, in pixels: resizing blurs edges."""

CLOSE = 4.0
"""Difference up to which images are laid over each other again, more finely."""

LEAST_TO_SEE = 4.0
"""Contrast from which on they are. Placed finely, the noise of nearly plain images would agree."""

_STEPS = 5


class Difference(NamedTuple):
    """How much P pairs of images differ.

    Attributes:
        difference: (P,) mean square of the difference of pixels, each divided by what it is for
            copies: below 1 or so for these. That is of brightness or of colour, and over all pixels
            or with edges counting most: the highest of these. Infinite for images that do not agree
            at all.
        contrast: (P,) the same of the image against a plain one: what there is to see.
    """

    difference: Tensor
    contrast: Tensor


def side_of(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Return the side at which images of two sizes, in pixels, are compared.

    That is half of what both have, or less: then pixels of the smaller are averaged, too.
    """
    wanted = min(*one, *other)
    return max((side for side in SIDES if FINE * side <= wanted), default=SIDES[0])


def small_image(image: Image.Image, side: int) -> Tensor:
    """Return an RGB image squeezed to a square: its Y, Cb and Cr, 0 to 255.

    Args:
        image: of any size.
        side: at which it is to be compared.

    Returns:
        (3, fine, fine) float32, where fine is `FINE` times the side.
    """
    small = image.convert("YCbCr").resize((FINE * side, FINE * side), Image.Resampling.BICUBIC)
    return torch.from_numpy(numpy.array(small, numpy.float32)).permute(2, 0, 1)


def compare(ones: Tensor, others: Tensor) -> Difference:
    """Return how much images differ from others, once one of each pair is laid over the other.

    Args:
        ones: (P, 3, fine, fine), as `small_image` gives them.
        others: those that they are compared with, one by one.
    """
    difference = torch.full((len(ones),), torch.inf)
    contrast = torch.zeros(len(ones))
    with one_thread():
        likely = torch.where(_correlation(_pooled(ones), _pooled(others)) >= LEAST_AGREEMENT)[0]
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
    """Take either for a crop of the other, whichever fits better."""
    difference, contrast = _compare_crop(ones, others)
    reverse, of_reverse = _compare_crop(others, ones)
    return (
        torch.minimum(difference, reverse),
        torch.where(reverse < difference, of_reverse, contrast),
    )


def _compare_crop(ones: Tensor, crops: Tensor) -> tuple[Tensor, Tensor]:
    coarse, coarse_crops = _pooled(ones), _pooled(crops)
    blurred, blurred_crops = (_blurred(each, times=2) for each in (coarse, coarse_crops))
    fit = _refined(blurred, blurred_crops, torch.zeros(len(ones), 3))
    fit = _refined(coarse, coarse_crops, fit)
    difference, contrast = _compare_laid(ones, crops, fit)
    close = torch.where((difference <= CLOSE) & (contrast >= LEAST_TO_SEE))[0]
    if len(close):
        some, some_crops = ones[close], crops[close]
        fit = _refined(some, some_crops, fit[close], mode="bicubic")
        difference[close], contrast[close] = _compare_laid(some, some_crops, fit)
    return difference, contrast


def _compare_laid(ones: Tensor, crops: Tensor, fit: Tensor) -> tuple[Tensor, Tensor]:
    laid, inside = _laid(ones, fit, mode="bicubic")
    laid, crops, inside = (_pooled(each) for each in (laid, crops, inside))
    luma = _compare_channels(laid[:, :1], crops[:, :1], inside)
    laid, crops = (_blurred(each[:, 1:], times=1) for each in (laid, crops))
    colour = _compare_channels(laid, crops, inside)
    return torch.maximum(luma[0], colour[0]), torch.maximum(luma[1], colour[1])


def _compare_channels(laid: Tensor, crops: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    slope = sum(each.square().sum(1) for image in (laid, crops) for each in _slopes(image)) / 2
    assert isinstance(slope, Tensor)
    # A pixel beside an edge changes, too, where the edge moves.
    slope = torch.nn.functional.max_pool2d(slope, 3, stride=1, padding=1)
    usual = crops.shape[1] * NOISE**2 + SHIFT**2 * slope
    plain = _mean(crops, inside)[:, :, None, None]
    differences = (laid - crops).square().sum(1) / usual
    # Thin lines are few pixels: what differs along edges alone may be all that there is to see.
    of_edges = _mean(differences, inside * slope.clamp(min=1e-6))
    return (
        torch.maximum(_mean(differences, inside), of_edges),
        _mean((plain - crops).square().sum(1) / usual, inside),
    )


def _pooled(images: Tensor) -> Tensor:
    """Average the pixels of each one that is compared."""
    return torch.nn.functional.avg_pool2d(images, FINE)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over the pixels of (P, ..., side, side), by their weights (P, side, side)."""
    if values.ndim > weights.ndim:
        weights = weights[:, None]
    return (values * weights).sum((-2, -1)) / weights.sum((-2, -1)).clamp(min=1e-6)


def _refined(ones: Tensor, others: Tensor, fit: Tensor, *, mode: str = "bilinear") -> Tensor:
    """Return a better fit, by Gauss-Newton steps.

    Args:
        ones: (P, C, side, side).
        others: what may be crops of them.
        fit: (P, 3), by how much one is to be enlarged and moved to fit over the other, as a share
            of half the side: pixel x of the other is (1 + first) x + second of the one.
        mode: how pixels are interpolated: "bilinear", or "bicubic", which blurs less.
    """
    side = ones.shape[-1]
    slopes = torch.cat([ones, *(each * (side / 2) for each in _slopes(ones))], 1)
    at = _positions(side)
    for _ in range(_STEPS):
        laid, inside = _laid(slopes, fit, mode=mode)
        image, across, down = (laid * inside[:, None]).chunk(3, 1)
        rest = (others * inside[:, None] - image).flatten(1)
        enlarged = across * at + down * at[:, None]
        by = torch.stack([each.flatten(1) for each in (enlarged, across, down)], 1)
        products = by @ by.mT
        products += torch.diag_embed(1e-3 * products.diagonal(dim1=1, dim2=2) + 1)
        fit = fit + torch.linalg.solve(products, by @ rest[:, :, None])[:, :, 0]
        crop = fit[:, :1].clamp(-MOST_CROP, 0)
        most = crop.abs() + 1 / side  # one is within the other
        fit = torch.cat([crop, fit[:, 1:].clamp(-most, most)], 1)
    return fit


def _laid(images: Tensor, fit: Tensor, *, mode: str = "bilinear") -> tuple[Tensor, Tensor]:
    """Return images as they lie over others, and which pixels (P, side, side) they are over."""
    at = _positions(images.shape[-1])
    across, down = ((1 + fit[:, :1]) * at + fit[:, place : place + 1] for place in (1, 2))
    size = (len(images), *images.shape[2:])
    grid = torch.stack([across[:, None, :].expand(size), down[:, :, None].expand(size)], -1)
    laid = torch.nn.functional.grid_sample(
        images, grid, mode=mode, padding_mode="border", align_corners=False
    )
    return laid, (grid.abs() <= 1).all(-1).float()


def _positions(side: int) -> Tensor:
    """Return where the middles of pixels are, -1 to 1."""
    return (2 * torch.arange(side) + 1) / side - 1


def _slopes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much images change per pixel, across and down, of their shape."""
    down, across = torch.gradient(images, dim=(2, 3))
    return across, down


def _blurred(images: Tensor, *, times: int) -> Tensor:
    """Average 3 x 3 pixels, so many times."""
    for _ in range(times):
        images = torch.nn.functional.avg_pool2d(
            images, 3, stride=1, padding=1, count_include_pad=False
        )
    return images
