"""Why a head answers as it does: its logits, taken apart by the places of the image.

The head is linear on spatial means of feature maps, or on their square roots, so every logit is a
sum over places; for means that is class activation mapping (Zhou et al. 2016, "Learning Deep
Features for Discriminative Localization", CVPR, equation 2). A channel under the root, of mean m,
is shared out in proportion to its map: sqrt(m) = sum over places of f(x, y) / (sqrt(m) places).
Nothing is approximated, and no gradient is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.answers.prediction import Map, class_number
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import ROOTED, head_layers
from torch_inception.images.placement import Placement
from torch_inception.images.preprocess import IMAGE_SIZE, Pixels
from torch_inception.network import COLUMNS

FIRST_CENTRE = {"Mixed_6e": 21, "Mixed_7a": 37, "Mixed_7c": 37}
"""Pixel that the first place of a map is centred on, down and across: what the strides and the
missing borders of the network's layers add up to."""

STRIDE = {"Mixed_6e": 16, "Mixed_7a": 32, "Mixed_7c": 32}
"""Pixels from one place of a map to the next."""


@dataclass(frozen=True)
class Explanation:
    """What of an image speaks for and against each class.

    `logits[k]` is `base[k]` and all places of all `maps[layer][k]` together. The maps of an average
    training image add up to 0.

    Attributes:
        labels: class names.
        logits: (C,) float64, calibrated.
        base: (C,) float64, the logits of the average training image; those of an image without any
            features where the model does not know the average (`Model.mean_inputs`).
        maps: layer -> (C, height, width) float32, in logits, of the layers that the head reads.
        pixels: (299, 299, 3) uint8, what the network sees.
        placement: where that lies in the image.
        probabilities: (C,) float64, the scores of `predict`.
    """

    labels: Sequence[str]
    logits: NDArray[numpy.float64]
    base: NDArray[numpy.float64]
    maps: Mapping[str, Map]
    pixels: Pixels
    placement: Placement
    probabilities: NDArray[numpy.float64]

    @property
    def best(self) -> str:
        """Label of the class with the highest logit."""
        return self.labels[int(self.logits.argmax())]

    def seen(self, label: str, *, versus: str = "") -> Map:
        """Return what speaks for a class, over what the network sees.

        Args:
            label: of the class.
            versus: label of another class: what speaks for the first and not for this one.

        Returns:
            (299, 299) float32, in logits per pixel; the sum is the logit less its base, or the
            difference of both classes'.

        Raises:
            ConfigError: there is no such class.
        """
        first = class_number(self.labels, label)
        others = [class_number(self.labels, versus)] if versus else []
        total = numpy.zeros((IMAGE_SIZE, IMAGE_SIZE))
        for layer, maps in self.maps.items():
            of_class = maps[first].astype(numpy.float64)
            for other in others:
                of_class = of_class - maps[other]
            spread = spread_over_pixels(layer, len(of_class))
            total += spread @ of_class @ spread.T
        return total.astype(numpy.float32)

    def in_image(self, label: str, *, versus: str = "") -> Map:
        """Return what `seen` does in the geometry of the image itself, upright.

        Args:
            label: as for `seen`.
            versus: as for `seen`.

        Returns:
            (height, width) float32, in logits per pixel: 0 where the network does not look. What
            lies on padding is left out.

        Raises:
            ConfigError: there is no such class.
        """
        return self.placement.in_image(self.seen(label, versus=versus))

    def score(self, label: str) -> float:
        """Return the probability of a class, 0 to 1."""
        return float(self.probabilities[class_number(self.labels, label)])


def logit_maps(
    head: Head, maps: Sequence[Tensor], row: Tensor, mean_inputs: Tensor | None
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Take the logits of an image apart.

    Args:
        head: of C classes.
        maps: of the network's layers, (channels, height, width) each.
        row: (4096,) their means, as the head reads them: rounded to float16 where it was fitted on
            such. Each channel of a map is scaled so that its mean is this.
        mean_inputs: (D,) what the head reads of an average image; zeros where that is not known.

    Returns:
        logits (C,) and base (C,) float64, and layer -> (C, height, width) float64.
    """
    weight, base = head.weight.double(), head.bias.double()
    mean = torch.zeros(weight.shape[1]).double() if mean_inputs is None else mean_inputs.double()
    found: dict[str, Tensor] = {}
    start = 0
    for layer in head_layers(head):
        columns = COLUMNS[layer]
        map_of_layer = maps[list(COLUMNS).index(layer)].double()
        channels, height, width = map_of_layer.shape
        own = weight[:, start : start + channels]
        inputs = row[columns].double()
        if columns.stop <= ROOTED and head.layers == "all":
            inputs = inputs.sqrt()
        totals = map_of_layer.sum(dim=(1, 2))
        share = torch.where(totals > 0, inputs / totals, 0)
        place_of_mean = own @ mean[start : start + channels] / (height * width)
        by_place = (own * share) @ map_of_layer.flatten(1)
        found[layer] = by_place.view(-1, height, width) - place_of_mean[:, None, None]
        start += channels
    base = base + weight @ mean
    logits = base + sum(each.sum(dim=(1, 2)) for each in found.values())
    return logits, base, found


def spread_over_pixels(layer: str, places: int) -> NDArray[numpy.float64]:
    """Return how each place of a map's axis is spread over pixels, (299, places); columns sum to 1.

    It is spread as the cubic B-spline around its centre, two strides far, which is smooth.
    """
    pixels = numpy.arange(IMAGE_SIZE)[:, None]
    centres = FIRST_CENTRE[layer] + STRIDE[layer] * numpy.arange(places)
    distance = abs(pixels - centres) / STRIDE[layer]
    inner = 2 / 3 - distance**2 + distance**3 / 2
    outer = (2 - distance).clip(min=0) ** 3 / 6
    shares = numpy.where(distance < 1, inner, outer)
    spread: NDArray[numpy.float64] = shares / shares.sum(axis=0)
    return spread
