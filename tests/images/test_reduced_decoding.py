"""A large JPEG is decoded at the scale that is needed, and no other image is."""

import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy
import pytest
from PIL import Image

from tests.drawings import encoded, landscape
from tests.fakes import FakeEngine
from tests.robustness.by_hand import tall_jpeg
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.config import Resize
from torch_inception.errors import ImageError
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.decode import decode
from torch_inception.images.image_input import ImageInput
from torch_inception.images.preprocess import Pixels, Preprocessing

EXIF_ORIENTATION = 0x0112

# What is kept of the shorter side: twice 299, and twice 342 for the crop.
SIDES: dict[Resize, int] = {"squash": 598, "pad": 598, "crop": 684}


@functools.cache
def photograph(width: int, height: int) -> Image.Image:
    drawn = Image.fromarray(landscape(1000))
    return drawn.resize((width, height), Image.Resampling.BICUBIC)


def ramp(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Draw a gradient from top to bottom."""
    return Image.linear_gradient("L").resize((width, height)).convert(mode)


def scale(size: tuple[int, int], side: int) -> int:
    """Return the largest divisor, of those that JPEG has, that leaves the shorter side."""
    return max(divisor for divisor in (1, 2, 4, 8) if min(size) // side >= divisor or divisor == 1)


def difference(one: Pixels, other: Pixels) -> float:
    return float(abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("resize", SIDES)
def test_twice_the_size_that_it_is_resized_to_is_asked_for(resize: Resize) -> None:
    assert Preprocessing(resize).shorter_side == SIDES[resize]
    assert Preprocessing(resize, exact_decode=True).shorter_side is None


@pytest.mark.parametrize(
    "size",
    [
        *[(1196, 1196), (1197, 1301), (1367, 1367), (1368, 1369), (2391, 2393), (2392, 3001)],
        *[(3264, 2448), (2737, 4001), (4783, 4783), (4785, 4784), (6001, 5473)],
        *[(1600, 9001), (9003, 1201)],
    ],
)
@pytest.mark.parametrize("resize", SIDES)
def test_a_large_jpeg_keeps_at_least_twice_the_pixels_that_are_needed(
    resize: Resize, size: tuple[int, int]
) -> None:
    side = SIDES[resize]
    decoded = decode(encoded(ramp(*size), "JPEG"), shorter_side=Preprocessing(resize).shorter_side)
    divisor = scale(size, side)
    assert decoded.size == tuple(-(-length // divisor) for length in size)
    assert min(decoded.size) >= side
    assert min(decoded.size) <= 2 * side
    assert decoded.mode == "RGB"


def test_an_image_of_several_times_the_size_is_reduced_as_far_as_it_goes() -> None:
    sizes = [
        decode(encoded(ramp(n, n), "JPEG"), shorter_side=598).size[0]
        for n in (1195, 1196, 2392, 4784)
    ]
    assert sizes == [1195, 598, 598, 598]


@pytest.mark.parametrize("size", [(300, 200), (598, 598), (1195, 1100), (5001, 1195), (640, 4000)])
def test_a_small_or_narrow_jpeg_is_decoded_in_full(size: tuple[int, int]) -> None:
    content = encoded(photograph(*size), "JPEG")
    assert decode(content, shorter_side=598).tobytes() == decode(content).tobytes()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *[("PNG", {}), ("WEBP", {}), ("GIF", {}), ("BMP", {}), ("PPM", {}), ("TIFF", {})],
        ("TIFF", {"compression": "jpeg"}),
        ("JPEG2000", {}),
    ],
)
def test_other_formats_are_never_reduced(kind: str, options: dict[str, Any]) -> None:
    content = encoded(ramp(1300, 1400), kind, **options)
    assert decode(content, shorter_side=598).tobytes() == decode(content).tobytes()


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {"quality": 90}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"subsampling": 0, "restart_marker_blocks": 4}),
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "MPO", {"save_all": True, "append_images": [Image.new("RGB", (1301, 1203))]}),
    ],
)
@pytest.mark.parametrize("resize", SIDES)
def test_every_kind_of_jpeg_gives_nearly_the_same_pixels_reduced(
    resize: Resize, mode: str, kind: str, options: dict[str, Any]
) -> None:
    content = encoded(photograph(1501, 1403).convert(mode), kind, **options)
    reduced, exact = Preprocessing(resize), Preprocessing(resize, exact_decode=True)
    decoded = decode(content, shorter_side=reduced.shorter_side)
    assert decoded.size == (751, 702)
    pixels = reduced(decoded)
    full = exact(decode(content, shorter_side=exact.shorter_side))
    assert difference(pixels, full) < 1.5
    assert difference(pixels[::-1], full) > 10
    assert difference(pixels[:, ::-1], full) > 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_image_is_turned_upright_as_the_whole_one_is(orientation: int) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    content = encoded(photograph(1804, 1202), "JPEG", exif=exif)
    reduced, whole = decode(content, shorter_side=598), decode(content)
    assert whole.size == ((1804, 1202) if orientation < 5 else (1202, 1804))
    assert reduced.size == tuple(length // 2 for length in whole.size)
    squash = Preprocessing()
    assert difference(squash(reduced), squash(whole)) < 1.5


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_jpeg_that_is_cut_short_is_refused(progressive: bool, share: float) -> None:
    content = encoded(photograph(1401, 1199), "JPEG", progressive=progressive)
    assert decode(content, shorter_side=598).size == (701, 600)
    with pytest.raises(ImageError):
        decode(content[: int(len(content) * share)], shorter_side=598)


CAMERA = (16_320, 12_240)
"""Width and height of the largest images that telephones take."""

MEASURE = """
import resource, sys
from tests.robustness.by_hand import tall_jpeg
from torch_inception.images.decode import decode
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
decode(tall_jpeg((640, 640)), shorter_side=598)
content = tall_jpeg((int(sys.argv[1]), int(sys.argv[2])))
before = peak()
image = decode(content, shorter_side=598)
print(*image.size, peak() - before)
"""


def test_an_image_of_200_megapixels_is_decoded_in_little_memory() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, CAMERA)],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    width, height, memory = map(int, done.stdout.split())
    assert (width, height) == (2040, 1530)
    # Twice the 8 bytes that are allowed for each pixel that is left.
    assert memory < 16 * width * height


def test_a_message_states_the_limit_that_holds() -> None:
    said = (
        "too large to decode safely: 16320 x 12240 pixels, and at most 89,478,485 of a JPEG image "
        "are decoded at full size (--exact-decode), 1,000,000,000 at a reduced size"
    )
    with pytest.raises(ImageError, match=re.escape(said)):
        decode(tall_jpeg(CAMERA))
    said = (
        "too large to decode safely: 32000 x 32000 pixels, and at most 1,000,000,000 of a JPEG "
        "image are decoded"
    )
    with pytest.raises(ImageError, match=f"^{re.escape(said)}$"):
        decode(tall_jpeg((32_000, 32_000)), shorter_side=598)


def test_a_progressive_image_has_its_own_limit() -> None:
    # With two bytes for each of 1.5 samples a pixel, 512 MiB are enough for 178,956,970.
    said = "199,756,800 pixels.* at most 178,956,970 of one like it .*without progressive encoding"
    for side in (None, 598):
        with pytest.raises(ImageError, match=said):
            decode(tall_jpeg(CAMERA, is_progressive=True), shorter_side=side)


def test_how_an_image_is_decoded_is_part_of_the_identity() -> None:
    ways = [Preprocessing(r, exact_decode=exact) for r in SIDES for exact in (False, True)]
    assert len({way.identity for way in ways}) == 6


class Watched(Preprocessing):
    """Notes the sizes of the images that it is given."""

    seen: ClassVar[list[tuple[int, int]]] = []

    def __call__(self, image: Image.Image) -> Pixels:
        self.seen.append(image.size)
        return super().__call__(image)


@pytest.fixture
def seen() -> list[tuple[int, int]]:
    """Give the sizes of the images that are preprocessed, none so far."""
    Watched.seen.clear()
    return Watched.seen


def test_rows_of_reduced_and_of_whole_images_do_not_mix(
    seen: list[tuple[int, int]], own_cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(photograph(1600, 1200), "JPEG"))
    computed = [
        run_pass(FakeEngine(), Watched(exact_decode=exact), [path], cache=own_cache).computed
        for exact in (False, True, False, True)
    ]
    assert computed == [1, 1, 0, 0]
    assert seen == [(800, 600), (1600, 1200)]


def test_streamed_paths_are_reduced_and_images_that_are_given_are_not(
    seen: list[tuple[int, int]], tmp_path: Path
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(photograph(1600, 1200), "JPEG"))
    for exact, path_size in ((False, (800, 600)), (True, (1600, 1200))):
        seen.clear()
        items: list[ImageInput] = [path, photograph(1600, 1200)]
        one, other = stream_rows(FakeEngine(), Watched(exact_decode=exact), items)
        assert isinstance(one, numpy.ndarray)
        assert isinstance(other, numpy.ndarray)
        assert abs(one - other).max() < 0.01
        assert sorted(seen) == sorted([path_size, (1600, 1200)])


@pytest.mark.parametrize("flags", [(), ("--exact-decode",), ("--no-exact-decode",)])
def test_the_way_of_decoding_travels_with_the_model(
    flags: tuple[str, ...], train: Callable[..., tuple[int, str, str]], run: Path
) -> None:
    assert train(*flags)[0] == 0
    exact = flags == ("--exact-decode",)
    assert load_model(run).preprocessing.exact_decode is exact
    assert Classifier.load(run, engine=FakeEngine()).model.preprocessing == Preprocessing(
        exact_decode=exact
    )
    assert f"exact_decode = {'true' if exact else 'false'}\n" in (run / "config.toml").read_text()


def test_imagenet_images_are_decoded_exactly(plain_weights: Path) -> None:
    preprocessing = Classifier.imagenet(weights=plain_weights).model.preprocessing
    assert preprocessing == Preprocessing("crop", exact_decode=True)
