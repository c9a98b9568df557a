"""Thumbnails: small JPEGs of the same shape and colours."""

import io

import numpy
import pytest
from PIL import Image

from tests.drawings import landscape
from torch_inception.images.thumbnail import make_thumbnail


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (128, 96)),
        ((480, 641), (96, 128)),
        ((129, 129), (128, 128)),
        ((128, 50), (128, 50)),
        ((6, 4), (6, 4)),
        ((5000, 3), (128, 1)),
        ((1, 5000), (1, 128)),
    ],
)
def test_the_longer_side_has_128_pixels_at_most(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = opened(make_thumbnail(Image.new("RGB", size, (200, 30, 60))))
    assert image.size == expected
    assert numpy.abs(numpy.asarray(image).astype(int) - (200, 30, 60)).max() <= 8


def test_it_looks_like_the_image_and_is_some_4_kilobytes() -> None:
    image = Image.fromarray(landscape(600))
    content = make_thumbnail(image)
    assert 1500 < len(content) < 6000
    exact = numpy.asarray(image.resize((128, 128), Image.Resampling.BILINEAR)).astype(int)
    assert numpy.abs(numpy.asarray(opened(content)) - exact).mean() < 6


def test_colour_is_kept_at_full_size() -> None:
    stripes = numpy.zeros((64, 64, 3), numpy.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (220, 40, 40), (40, 40, 220)
    kept = numpy.asarray(opened(make_thumbnail(Image.fromarray(stripes)))).astype(int)
    assert numpy.abs(kept - stripes).mean() < 12  # 90 where colours are averaged
