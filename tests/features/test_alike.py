"""How much two images differ: expected numbers are worked out by hand."""

import io
from collections.abc import Callable

import numpy
import pytest
import torch
from PIL import Image, ImageDraw

from torch_inception.features.alike import NOISE, SHIFT, compare, side_of, small_image
from torch_inception.images.thumbnail import make_thumbnail


def stripes(*, dark: int = 50, bright: int = 160, side: int = 32) -> Image.Image:
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
    difference, contrast = compared(stripes(), stripes(dark=60, bright=170))
    # Of 16 columns, 12 are 10 apart, and a plain image 55. In the 4 beside the edge, whose slope is
    # 55 a pixel, 2.5^2 + 0.15^2 * 55^2 = 74 is usual; half of these fit once the edge moves.
    beside = NOISE**2 + SHIFT**2 * 55**2
    assert difference == pytest.approx((12 * 100 / NOISE**2 + 2 * 100 / beside) / 16, rel=0.1)
    assert contrast == pytest.approx((12 * 55**2 / NOISE**2 + 4 * 55**2 / beside) / 16, rel=0.05)


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


def drawn(*, ink: tuple[int, int, int] = (167, 21, 252), width: int = 3) -> Image.Image:
    """Draw lines of a strong colour on a plain ground: all that there is to see is at edges."""
    image = Image.new("RGB", (384, 384), (245, 243, 238))
    pen = ImageDraw.Draw(image)
    pen.polygon([(90, 90), (320, 100), (290, 300), (95, 285)], outline=ink, width=4 * width)
    pen.ellipse([260, 140, 360, 230], outline=ink, width=4 * width)
    return image.resize((96, 96), Image.Resampling.BOX)


def shown(image: Image.Image) -> Image.Image:
    """Return an image as the cache keeps it."""
    return Image.open(io.BytesIO(make_thumbnail(image))).convert("RGB")


def saved(image: Image.Image) -> Image.Image:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=30)
    return Image.open(content).convert("RGB")


@pytest.mark.parametrize(
    ("copied", "most"),
    [
        (lambda image: image.resize((48, 48), Image.Resampling.BICUBIC), 0.5),
        (lambda image: image.resize((63, 63), Image.Resampling.LANCZOS), 0.5),
        (saved, 1.5),
        (lambda image: image.crop((2, 2, 94, 94)), 0.5),
        (lambda image: image.crop((0, 0, 91, 91)), 0.5),
    ],
)
def test_copies_of_a_drawing_in_a_strong_colour_hardly_differ(
    copied: Callable[[Image.Image], Image.Image], most: float
) -> None:
    for image in (drawn(), drawn(ink=(20, 160, 40)), noise(4).resize((96, 96))):
        pair = shown(image), shown(copied(image))
        for each in (pair, pair[::-1]):
            assert compared(*each)[0] < most


@pytest.mark.parametrize("other", [drawn(width=5), drawn(ink=(21, 52, 182))])
def test_another_width_or_colour_of_lines_is_another_drawing(other: Image.Image) -> None:
    assert compared(shown(drawn()), shown(other))[0] > 5
