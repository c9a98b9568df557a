"""Facts of images: what was worked out by hand, and which images are alike."""

import io
import math

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.drawings import landscape
from torch_inception.images.decode import decode_file
from torch_inception.images.facts import FACTS, ImageFacts, Original, image_facts
from torch_inception.images.preprocess import Preprocessing

ORIGINAL = Original(640, 480, "JPEG", "CMYK")


def facts(pixels: NDArray[numpy.uint8]) -> ImageFacts:
    return image_facts(ORIGINAL, pixels)


def plain(red: int, green: int, blue: int) -> NDArray[numpy.uint8]:
    return numpy.full((299, 299, 3), (red, green, blue), numpy.uint8)


def test_a_plain_image_has_the_luma_of_its_colour_and_nothing_else() -> None:
    # 0.299 x 255 = 76.2; of all frequencies it has the lowest alone.
    assert facts(plain(255, 0, 0)) == ImageFacts(*ORIGINAL[:4], 76, 0, 0, 1)
    assert facts(plain(0, 0, 0)) == ImageFacts(*ORIGINAL[:4], 0, 0, 0, 0)


@pytest.mark.parametrize("is_turned", [False, True])
def test_an_edge_from_black_to_white(is_turned: bool) -> None:
    pixels = plain(0, 0, 0)
    pixels[:, 149:] = 255
    found = facts(pixels.transpose(1, 0, 2).copy() if is_turned else pixels)
    share = 150 / 299
    assert found.brightness == pytest.approx(255 * share)
    assert found.contrast == pytest.approx(255 * math.sqrt(share * (1 - share)))
    # Of 297 columns that have neighbours, one has 255 and the next -255.
    assert found.sharpness == pytest.approx(2 * 255**2 / 297)


def test_one_bright_pixel_has_the_kernel_around_it() -> None:
    pixels = plain(0, 0, 0)
    pixels[150, 150] = 100
    # Once -4 x 100 and four times 100, whose mean is 0.
    assert facts(pixels).sharpness == pytest.approx(20 * 100**2 / 297**2)
    pixels = plain(0, 0, 0)
    pixels[0, 0] = 100
    assert facts(pixels).sharpness == 0


def test_the_hash_is_that_of_the_definition() -> None:
    luma = Image.fromarray(landscape()).convert("L")
    small = numpy.asarray(luma.resize((32, 32), Image.Resampling.BOX), numpy.float64)

    def coefficient(u: int, v: int) -> float:
        total = math.fsum(
            small[y, x]
            * math.cos(math.pi * (2 * y + 1) * u / 64)
            * math.cos(math.pi * (2 * x + 1) * v / 64)
            for y in range(32)
            for x in range(32)
        )
        return total * (0.5 if u == 0 else 1) ** 0.5 * (0.5 if v == 0 else 1) ** 0.5

    found = [coefficient(u, v) for u in range(8) for v in range(8)]
    middle = sum(sorted(found)[31:33]) / 2
    expected = sum(2**place for place, each in enumerate(found) if each > middle)
    assert facts(landscape()).perceptual_hash == expected
    assert expected.bit_count() == 32


def test_alike_images_differ_in_few_bits_and_others_in_many() -> None:
    image = Image.fromarray(landscape())
    jpeg = io.BytesIO()
    image.resize((150, 150)).save(jpeg, "JPEG", quality=40)
    again = Preprocessing()(Image.open(io.BytesIO(jpeg.getvalue())))
    darker = (landscape() * 0.7).astype(numpy.uint8)
    one = facts(landscape()).perceptual_hash
    for alike in (again, darker):
        assert (one ^ facts(alike).perceptual_hash).bit_count() <= 6
    for other in (landscape()[::-1], landscape()[:, ::-1]):
        assert (one ^ facts(other.copy()).perceptual_hash).bit_count() >= 16


def test_blur_takes_sharpness_away() -> None:
    blurred = numpy.asarray(Image.fromarray(landscape()).resize((60, 60)).resize((299, 299)))
    assert facts(blurred).sharpness < 0.1 * facts(landscape()).sharpness


def test_a_record_has_them_all() -> None:
    found = facts(landscape())
    record = numpy.array(found, FACTS)
    assert record.dtype.names == ImageFacts._fields
    again = ImageFacts(*record.item())
    assert (*again[:4], *again[8:]) == ORIGINAL
    assert again[4:7] == pytest.approx(found[4:7], rel=1e-6)
    assert again.perceptual_hash == found.perceptual_hash


ON_ITS_SIDE = Image.Exif()
ON_ITS_SIDE[0x0112] = 6


@pytest.mark.parametrize(
    ("image", "kind", "options", "expected"),
    [
        (Image.new("RGB", (1201, 800)), "JPEG", {}, Original(1201, 800, "JPEG", "RGB")),
        (
            Image.new("RGB", (1201, 800)), "JPEG", {"exif": ON_ITS_SIDE},
            Original(800, 1201, "JPEG", "RGB"),
        ),
        (Image.new("CMYK", (30, 20)), "JPEG", {}, Original(30, 20, "JPEG", "CMYK")),
        (Image.new("P", (30, 20)), "GIF", {}, Original(30, 20, "GIF", "P")),
        (Image.new("I;16", (5, 3)), "PNG", {}, Original(5, 3, "PNG", "I;16", is_deep=True)),
        (
            Image.new("LA", (30, 20)), "PNG", {"exif": ON_ITS_SIDE},
            Original(20, 30, "PNG", "LA"),
        ),
    ],
)  # fmt: skip
def test_what_a_file_holds_is_told_whatever_it_is_decoded_to(
    image: Image.Image, kind: str, options: dict[str, object], expected: Original
) -> None:
    file = io.BytesIO()
    image.save(file, kind, **options)
    decoded = decode_file(file.getvalue(), shorter_side=150)
    assert decoded.original == expected
    assert decoded.image.mode == "RGB"
    wide = decoded.image.width > decoded.image.height
    assert wide == (expected.width > expected.height)
    assert max(decoded.image.size) == (301 if expected.width + expected.height > 2000 else
                                       max(expected.width, expected.height))  # fmt: skip
