"""How much two images differ: expected numbers are worked out by hand."""

import numpy
import pytest
import torch
from PIL import Image

from torch_inception.features.alike import NOISE, compare, side_of, small_image


def stripes(*, dark: int = 50, bright: int = 150, side: int = 32) -> Image.Image:
    pixels = numpy.full((side, side, 3), dark, numpy.uint8)
    pixels[:, : side // 2] = bright
    return Image.fromarray(pixels)


def noise(seed: int) -> Image.Image:
    coarse = numpy.random.default_rng(seed).integers(0, 256, (12, 12, 3), numpy.uint8)
    return Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC)


def compared(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    side = side_of(one.size, other.size)
    difference, contrast = compare(*(small_image(each, side)[None] for each in (one, other)))
    return float(difference), float(contrast)


def test_the_same_image_does_not_differ_whatever_its_size() -> None:
    assert compared(noise(1), noise(1))[0] == pytest.approx(0, abs=1e-6)
    assert compared(noise(1), noise(1).resize((64, 64)))[0] < 0.1


def test_brightness_counts_most_where_there_are_no_edges() -> None:
    difference, contrast = compared(stripes(), stripes(dark=60, bright=160))
    # 28 of 32 columns are 10 apart, and a plain image 50. In the 4 beside the edge, whose slope is
    # 50 a pixel, 16 + 0.2^2 * 50^2 = 116 is usual; half of these fit once the edge moves.
    assert difference == pytest.approx((28 * 100 / NOISE**2 + 2 * 100 / 116) / 32, abs=0.1)
    assert contrast == pytest.approx((28 * 2500 / NOISE**2 + 4 * 2500 / 116) / 32, rel=0.02)


@pytest.mark.parametrize("corner", [(0, 0), (3, 3), (6, 6), (6, 0)])
def test_a_crop_is_laid_over_the_image(corner: tuple[int, int]) -> None:
    left, top = corner
    cropped = noise(2).crop((left, top, left + 122, top + 122))
    for pair in ((noise(2), cropped), (cropped, noise(2))):
        difference, contrast = compared(*pair)
        assert difference < 0.5
        assert contrast > 20


def test_another_image_differs() -> None:
    assert compared(noise(2), noise(3))[0] > 50
    small = torch.stack([small_image(noise(seed), 32) for seed in (1, 2, 3)])
    together = compare(small, small[[0, 0, 2]]).difference
    assert together[[0, 2]].max() < 1e-6 < 50 < together[1]


def test_shared_colours_of_plain_images_are_no_agreement() -> None:
    red = numpy.random.default_rng(0).integers(-3, 4, (2, 32, 32, 3))
    red += numpy.array((200, 60, 40))
    one, other = (Image.fromarray(each.astype(numpy.uint8)) for each in red)
    assert compared(one, other)[0] == numpy.inf
