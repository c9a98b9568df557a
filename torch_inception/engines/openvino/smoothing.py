"""Even out the channels of a network, so that eight bits are enough for all of them.

A layer's output is quantised with one step for all channels; a channel whose values are small
next to the largest loses most of them. After a ReLU a channel can be divided by any positive
number, if what reads it multiplies by the same: the pools and joins in between do not mind. The
idea, and the square root, are those of Xiao et al. 2023, "SmoothQuant" (arXiv:2211.10438),
equation 4, with the share of the activations alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.network import Convolution, InceptionV3

MIGRATION = 0.5
"""Exponent of a channel's range: 0 leaves channels as they are, 1 makes all ranges equal."""

LOWEST_SHARE = 0.05
"""Ranges under this share of the largest count as this: silent channels are not magnified."""


@torch.no_grad()
def smooth(network: InceptionV3, batches: Sequence[Tensor]) -> Tensor:
    """Rescale the channels of every convolution's output, in place.

    Args:
        network: folded.
        batches: images (B, 3, 299, 299) float32, 0 to 255, whose values show the ranges.

    Returns:
        (4096,) float32, what the network's rows are to be multiplied by: then they are as before,
        but for rounding.
    """
    factors = {
        # A convolution that gives nothing but zeros stays as it is, but for a factor.
        unit: (peaks / peaks.max().clamp(min=1e-12)).clamp(min=LOWEST_SHARE) ** MIGRATION
        for unit, peaks in _peaks(network, batches).items()
    }

    def rescale(unit: Convolution, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        # What flows through the network here is not an image, but each channel's factor.
        incoming, outgoing = _middle(inputs[0]), factors[unit]
        kernel = unit.weight * incoming.view(1, -1, 1, 1) / outgoing.view(-1, 1, 1, 1)
        assert unit.bias is not None
        unit.weight = nn.Parameter(kernel, requires_grad=False)
        unit.bias = nn.Parameter(unit.bias / outgoing, requires_grad=False)
        return outgoing.view(1, -1, 1, 1).expand(output.shape)

    with _hooked(network, rescale):
        maps = network(torch.ones(1, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.float32))
        return torch.cat([_middle(each) for each in maps])


def _peaks(network: InceptionV3, batches: Sequence[Tensor]) -> dict[nn.Module, Tensor]:
    """Return the largest value (C,) of each channel of each convolution's output."""
    peaks: dict[nn.Module, Tensor] = {}

    def watch(unit: Convolution, inputs: tuple[Tensor], output: Tensor) -> None:
        found = output.amax(dim=(0, 2, 3))
        peaks[unit] = torch.maximum(peaks.get(unit, found), found)

    with _hooked(network, watch):
        for batch in batches:
            network(batch)
    return peaks


def _middle(maps: Tensor) -> Tensor:
    """Return the values (C,) at the middle of the first of (B, C, H, W)."""
    return maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].clone()


@contextmanager
def _hooked(network: InceptionV3, hook: object) -> Iterator[None]:
    handles = [
        unit.register_forward_hook(hook)  # type: ignore[arg-type]
        for _, unit in network.convolutions()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
