"""How an image comes to 299 x 299, where images are found, and what may stand for one."""

import io
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy
import pytest
import torch
from PIL import Image
from torchvision.models import Inception_V3_Weights

from torch_inception.config import Resize
from torch_inception.errors import ImageError
from torch_inception.images.decode import to_image
from torch_inception.images.find import find_images
from torch_inception.images.preprocess import Preprocessing

WAYS: tuple[Resize, ...] = get_args(Resize)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def noise(width: int, height: int) -> Image.Image:
    generator = numpy.random.default_rng(width * 10_007 + height)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (299, 299), (700, 500)])
@pytest.mark.parametrize("resize", WAYS)
def test_every_size_becomes_299_pixels_square(resize: Resize, size: tuple[int, int]) -> None:
    pixels = Preprocessing(resize)(noise(*size))
    assert pixels.shape == (299, 299, 3)
    assert pixels.dtype == numpy.uint8


@pytest.mark.parametrize(
    "size",
    [
        *[(1, 1), (5, 3), (2, 31), (640, 200), (201, 333)],
        *[(342, 342), (299, 299), (343, 500), (1500, 1201), (1000, 1999)],
    ],
)
def test_crop_is_torchvisions_own_bit_for_bit(size: tuple[int, int]) -> None:
    image = noise(*size)
    transforms = Inception_V3_Weights.IMAGENET1K_V1.transforms()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (transforms.mean, transforms.std))
    theirs = ((transforms(image) * std + mean) * 255).round().byte().permute(1, 2, 0).numpy()
    assert numpy.array_equal(Preprocessing("crop")(image), theirs)


def test_squash_keeps_the_whole_image() -> None:
    image = Image.new("RGB", (800, 100), RED)
    image.paste(BLUE, (400, 0, 800, 100))
    pixels = Preprocessing("squash")(image)
    assert (pixels[:, :147] == RED).all()
    assert (pixels[:, 152:] == BLUE).all()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_tensorflows_way_looks_at_four_pixels_only(times: int) -> None:
    image = noise(299 * times, 299 * times)
    pixels = Preprocessing("tensorflow")(image)
    # Where each place falls on a pixel, that one is all that counts.
    assert numpy.array_equal(pixels, numpy.asarray(image)[::times, ::times])


def test_tensorflows_way_is_between_two_pixels_and_repeats_the_last() -> None:
    image = Image.fromarray(numpy.array([[[0] * 3, [200] * 3]], numpy.uint8))
    row = Preprocessing("tensorflow")(image)[0, :, 0]
    places = numpy.minimum(numpy.arange(299) * 2 / 299, 1)
    assert numpy.abs(row - 200 * places).max() <= 0.501
    assert Preprocessing("tensorflow").shorter_side is None


@pytest.mark.parametrize("wide", [True, False])
def test_pad_keeps_the_shape_and_fills_up_with_white(wide: bool) -> None:
    # 600 x 200 becomes 299 x 100: 99 rows of white above, 100 below.
    pixels = Preprocessing("pad")(Image.new("RGB", (600, 200) if wide else (200, 600), RED))
    rows = pixels if wide else pixels.transpose(1, 0, 2)
    assert (rows[:99] == 255).all()
    assert (rows[99:199] == RED).all()
    assert (rows[199:] == 255).all()


def test_each_way_of_resizing_has_an_identity_of_its_own() -> None:
    assert len({Preprocessing(way).identity for way in WAYS}) == len(WAYS) == 4


def test_find_images_ignores_what_is_hidden_and_sorts_the_rest(tmp_path: Path) -> None:
    names = ["b.png", "a/z.gif", "a/.hidden.png", ".git/x.png", ".DS_Store", "a/b/c", "Ä.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a/b/c", "a/z.gif", "b.png", "Ä.jpg"]


def test_an_image_with_alpha_is_laid_on_white_too() -> None:
    image = Image.new("RGBA", (2, 1), (9, 9, 9, 255))
    image.putpixel((0, 0), (9, 9, 9, 0))
    found = to_image(image)
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (9, 9, 9)]


@pytest.mark.parametrize("resize", WAYS)
def test_an_image_that_pillow_opened_but_cannot_load_is_an_image_error(resize: Resize) -> None:
    stream = io.BytesIO()
    noise(60, 40).save(stream, "PNG")
    half = io.BytesIO(stream.getvalue()[: stream.tell() // 2])
    with pytest.raises(ImageError):
        Preprocessing(resize)(to_image(Image.open(half)))


SMALL_MACHINE = """
import pathlib, resource
from PIL import Image
from torch_inception.images.preprocess import Preprocessing
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(Preprocessing("crop")(Image.new("RGB", (30_000, 1), (30, 20, 10))).mean(axis=(0, 1)))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is told on Linux")
def test_a_strip_is_cropped_without_scaling_all_of_it() -> None:
    # Scaled as a whole it would have 10,260,000 x 342 pixels: 13 GiB.
    command = [sys.executable, "-c", SMALL_MACHINE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[30. 20. 10.]\n", done.stderr
