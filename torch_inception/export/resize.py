"""The resize of a model as products of matrices, which every runtime computes alike.

Each row of a matrix (299, side) has the weights that the pixels of one side of an image have in one
of the 299 pixels of the result: those of Pillow's bilinear filter, a triangle as wide as the scale
is coarse (Pillow, src/libImaging/Resample.c). All modes of `images/preprocess.py` have such
matrices; they differ in where the 299 pixels lie. Runtimes have operations that resize, too, but
round and treat borders each in its own way, and some know no antialiasing.
"""

from typing import NamedTuple

import PIL
import torch
from torch import Tensor, nn

from torch_inception.config import Resize
from torch_inception.images.preprocess import CROP_RESIZE, IMAGE_SIZE, STRIP_RATIO
from torch_inception.images.rgb import BACKGROUND

STEPS = 2**11
"""Pillow rounds weights to multiples of 2^-22 (PRECISION_BITS), which are such steps of such steps.
In float32, products of pixels and whole steps are exact, as are sums of up to 28 of them."""

KNOWS_VERTICAL_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Before, Pillow began with the rows of every image. The pixels between are rounded, too."""


class ImageResize(nn.Module):
    """Maps images of any size to what the network sees.

    Args:
        resize: as in `Preprocessing`.
    """

    def __init__(self, resize: Resize) -> None:
        super().__init__()
        self.resize = resize

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (N, 3, H, W) float32, whole numbers 0 to 255, to (N, 3, 299, 299) of the same."""
        rows, columns = _sides(self.resize, *pixels.shape[2:])
        if self.resize == "tensorflow":
            return (_samples(rows) @ pixels @ _samples(columns).T).round()
        is_first = rows.shrinkage() > (2 * columns.shrinkage()).clamp(min=0)
        # torch 2.10 takes a view of what goes into a branch for something that comes out of it.
        resized: Tensor = torch.cond(
            is_first & KNOWS_VERTICAL_FIRST,
            lambda p, down, across: _rounded(_rounded(down @ p, dim=-2) @ across, dim=-1),
            lambda p, down, across: _rounded(down @ _rounded(p @ across, dim=-1), dim=-2),
            (pixels, _triangles(rows), _triangles(columns).T.contiguous()),
        )
        if self.resize != "pad":
            return resized
        is_inside = rows.is_inside()[:, None] & columns.is_inside()
        return torch.where(is_inside, resized, float(BACKGROUND[0]))


class _Side(NamedTuple):
    """One side of an image, and what it becomes.

    Attributes:
        places: (side,) int64, numbers of its pixels, from 0 at the first that is scaled.
        length: () int64, how many pixels are scaled.
        resized: () int64, how many they become.
        first: () int64, number of the first of these that is in the result; less than 0 where there
            is padding before it.
    """

    places: Tensor
    length: Tensor
    resized: Tensor
    first: Tensor

    def wanted(self) -> Tensor:
        """Return the numbers (299,) int64 of the resized side's pixels that are the result."""
        return self.first + torch.arange(IMAGE_SIZE)

    def is_scaled(self) -> Tensor:
        """Tell of the pixels (side,) whether they are scaled."""
        return (self.places >= 0) & (self.places < self.length)

    def is_inside(self) -> Tensor:
        """Tell of the 299 pixels whether they show the image and not its padding."""
        wanted = self.wanted()
        return (wanted >= 0) & (wanted < self.resized)

    def shrinkage(self) -> Tensor:
        """Return how many pixels fewer the side becomes."""
        return self.length - self.resized


def _sides(resize: Resize, height: int, width: int) -> tuple[_Side, _Side]:
    """Return the vertical and the horizontal side, placed as `images/preprocess.py` does."""
    down, across = torch.arange(height), torch.arange(width)
    # The sizes are free, so they must be part of what is computed.
    sides = torch.stack([torch.ones_like(each).sum() for each in (down, across)])
    return _placed(resize, down, sides[0], sides), _placed(resize, across, sides[1], sides)


def _placed(resize: Resize, places: Tensor, side: Tensor, sides: Tensor) -> _Side:
    if resize == "crop":
        longest = STRIP_RATIO * sides.min()
        start = ((side - longest) // 2).clamp(min=0)
        length = torch.minimum(side, longest)
        resized = CROP_RESIZE * length // sides.min()
        first = ((resized - IMAGE_SIZE).double() / 2).round().long()
        return _Side(places - start, length, resized, first)
    if resize == "pad":
        resized = (side.double() * IMAGE_SIZE / sides.max()).round().long().clamp(min=1)
        return _Side(places, side, resized, -((IMAGE_SIZE - resized) // 2))
    return _Side(places, side, torch.tensor(IMAGE_SIZE), torch.tensor(0))


def _triangles(side: _Side) -> Tensor:
    """Return the weights of Pillow's filter, to the bit.

    Distances between the centres of an image's pixels and of the result's are multiplied by twice
    the resized length: then they are whole numbers.

    Returns:
        (598, side) float32, whole numbers: in the first 299 rows the whole steps of a weight, in
        the others the steps of these.
    """
    centres = (2 * side.wanted() + 1) * side.length
    distances = ((2 * side.places + 1) * side.resized - centres[:, None]).abs()
    reach = 2 * torch.maximum(side.length, side.resized)
    shares = torch.where(side.is_scaled(), (reach - distances).clamp(min=0), 0)
    # Of a pixel on padding, all shares are 0.
    total = shares.sum(dim=1, keepdim=True).clamp(min=1)
    whole = shares * STEPS // total
    rest = shares * STEPS - whole * total
    return torch.cat([whole, (2 * STEPS * rest + total) // (2 * total)]).float()


def _rounded(steps: Tensor, *, dim: int) -> Tensor:
    """Return averages of pixels, rounded as Pillow does, to the bit.

    Args:
        steps: pixels, whole numbers 0 to 255 in float32, times `_triangles`.
        dim: which has 299 whole numbers of steps, and 299 of the steps of these.
    """
    whole, rest = torch.split(steps, IMAGE_SIZE, dim=dim)
    carried = (rest / STEPS + STEPS / 2).floor()
    averages: Tensor = ((whole + carried) / STEPS).floor()
    return averages


def _samples(side: _Side) -> Tensor:
    """Return the weights (299, side) float32 of TensorFlow 1's `ResizeBilinear`."""
    places = side.wanted().float() * (side.length.double() / IMAGE_SIZE).float()
    weights = (1 - (side.places - places[:, None].double()).abs()).clamp(min=0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
