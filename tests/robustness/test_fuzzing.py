"""Thousands of damaged files through the decoder: a whole image comes out, or a reason."""

import functools
import io
import time
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.drawings import encoded, landscape
from tests.robustness.by_hand import interlaced_png
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.limits import MAX_PIXELS
from torch_inception.images.plugins import FORMATS, readable_formats

EXAMPLES, LONG_EXAMPLES = 1000, 20_000

SECONDS = 10

ZEROS = 80
"""Zeros at the end that are always noticed; half-done downloads leave 512 at least."""

IMAGE = Image.fromarray(landscape(64)).resize((53, 37))

GREY = IMAGE.convert("L")


def clear() -> Image.Image:
    image = IMAGE.convert("RGBA")
    image.putalpha(GREY)
    return image


def seeds() -> dict[str, bytes]:
    several = {"save_all": True, "append_images": [IMAGE.rotate(90)]}
    deep = Image.fromarray(numpy.asarray(GREY).astype(numpy.uint16) * 257)
    floats = Image.fromarray(numpy.asarray(GREY).astype(numpy.float32) / 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {
        "jpeg": encoded(IMAGE, "JPEG", exif=exif),
        "jpeg, progressive": encoded(IMAGE, "JPEG", progressive=True),
        "jpeg, restarts": encoded(IMAGE, "JPEG", restart_marker_blocks=2),
        "jpeg, grey": encoded(GREY, "JPEG"),
        "jpeg, cmyk": encoded(IMAGE.convert("CMYK"), "JPEG"),
        "jpeg, several": encoded(IMAGE, "MPO", **several),
        "png": encoded(IMAGE, "PNG", exif=exif),
        "png, palette": encoded(IMAGE.quantize(16), "PNG", transparency=3),
        "png, 1 bit": encoded(IMAGE.convert("1"), "PNG"),
        "png, 16 bits": encoded(deep, "PNG"),
        "png, interlaced": interlaced_png(IMAGE),
        "png, moving": encoded(IMAGE, "PNG", **several),
        "webp": encoded(IMAGE, "WEBP"),
        "webp, clear": encoded(clear(), "WEBP"),
        "webp, lossless": encoded(clear(), "WEBP", lossless=True),
        "webp, moving": encoded(IMAGE, "WEBP", **several),
        "gif": encoded(IMAGE, "GIF"),
        "gif, moving": encoded(IMAGE, "GIF", **several),
        "tiff, lzw": encoded(clear(), "TIFF", compression="tiff_lzw"),
        "tiff, deflate": encoded(IMAGE, "TIFF", compression="tiff_adobe_deflate"),
        "tiff, jpeg": encoded(IMAGE, "TIFF", compression="jpeg"),
        "tiff, fax": encoded(IMAGE.convert("1"), "TIFF", compression="group4"),
        "jpeg 2000": encoded(IMAGE, "JPEG2000"),
        "jpeg 2000, bare": encoded(
            IMAGE, "JPEG2000", no_jp2=True, quality_mode="rates", quality_layers=[20, 10]
        ),
        "ico": encoded(clear(), "ICO", sizes=[(16, 16), (32, 32)]),
        "plain: bmp": encoded(IMAGE, "BMP"),
        "plain: bmp, palette": encoded(IMAGE.quantize(16), "BMP"),
        "plain: tiff": encoded(IMAGE, "TIFF"),
        "plain: tiff, float": encoded(floats, "TIFF"),
        "plain: ppm": encoded(IMAGE, "PPM"),
        "plain: pgm in words": b"P2 9 9 255\n" + b" ".join(b"%d" % n for n in range(81)) + b"\n",
        "plain: ico": encoded(clear(), "ICO", sizes=[(32, 32)], bitmap_format="bmp"),
    }
    formats = set(FORMATS) & set(readable_formats())
    if "AVIF" in formats:
        found["avif"], found["avif, clear"] = encoded(IMAGE, "AVIF"), encoded(clear(), "AVIF")
    assert {Image.open(io.BytesIO(each)).format for each in found.values()} == {*formats, "MPO"}
    return found


SEEDS = seeds()

NUMBERS = st.sampled_from([0, 1, 0x7F, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1])


@st.composite
def cut_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return the name of a seed and what a download that was broken off leaves of it."""
    name = draw(st.sampled_from(sorted(SEEDS)))
    whole = SEEDS[name]
    if draw(st.booleans()) and not name.startswith("plain"):
        kept = draw(st.integers(0, len(whole) - ZEROS))
        return name, whole[:kept].ljust(len(whole), b"\0")
    return name, whole[: draw(st.integers(0, len(whole) - 1))]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Return a seed to which several things were done."""
    content = SEEDS[draw(st.sampled_from(sorted(SEEDS)))]
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
        place = draw(st.integers(0, len(content)))
        content = change(draw, content, place)
    return content


Change = Callable[[st.DrawFn, bytes, int], bytes]


def _cut(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    return content[:place]


def _flip(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    for offset in draw(st.lists(st.integers(0, 40), max_size=6)):
        if place + offset < len(content):
            changed[place + offset] ^= draw(st.integers(1, 255))
    return bytes(changed)


def _zero(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    length = min(draw(st.integers(1, 1000)), len(content) - place)
    return content[:place] + bytes(length) + content[place + length :]


def _insert(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    return content[:place] + draw(st.binary(max_size=50)) + content[place:]


def _repeat(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    piece = content[place : place + draw(st.integers(1, 300))]
    return content[:place] + piece * draw(st.integers(2, 50)) + content[place:]


def _remove(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    return content[:place] + content[place + draw(st.integers(1, 300)) :]


def _number(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    # Sizes and counts are near the beginning.
    place = draw(st.sampled_from([place, place % 64, place % 256]))
    length: int = draw(st.sampled_from([2, 4]))
    value: int = draw(NUMBERS)
    new = (value & (1 << 8 * length) - 1).to_bytes(length, "little")
    # As big-endian and little-endian formats store it.
    new = new if draw(st.booleans()) else new[::-1]
    return content[:place] + new + content[place + length :]


def _splice(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    other = SEEDS[draw(st.sampled_from(sorted(SEEDS)))]
    return content[:place] + other[draw(st.integers(0, len(other))) :]


CHANGES: list[Change] = [_cut, _flip, _zero, _insert, _repeat, _remove, _number, _splice]


def decoded(content: bytes) -> Image.Image | str:
    """Decode a file; return the image or the reason why there is none."""
    start = time.perf_counter()
    try:
        image = decode(content, shorter_side=598)
    except ImageError as error:
        assert str(error)
        return str(error)
    finally:
        assert time.perf_counter() - start < SECONDS
    assert image.mode == "RGB"
    assert 0 < image.width * image.height <= MAX_PIXELS
    return image


@functools.cache
def whole(name: str) -> tuple[tuple[int, int], bytes]:
    image = decoded(SEEDS[name])
    assert isinstance(image, Image.Image), image
    return image.size, image.tobytes()


@pytest.fixture
def examples(long: bool) -> int:
    """Return how many files are tried: by both tests together."""
    return LONG_EXAMPLES if long else EXAMPLES


def run(check: Callable[..., None], strategy: st.SearchStrategy[Any], count: int) -> None:
    """Try a check on as many examples, the same ones each time."""
    chosen = settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    chosen(given(strategy)(check))()


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::Warning")
def test_whatever_is_done_to_a_file_an_image_or_a_reason_comes_out(examples: int) -> None:
    def check(content: bytes) -> None:
        decoded(content)

    run(check, damaged_files(), examples * 3 // 4)


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::Warning")
def test_what_is_cut_and_taken_for_good_has_the_pixels_of_the_whole_file(examples: int) -> None:
    taken = set()

    def check(file: tuple[str, bytes]) -> None:
        name, content = file
        image = decoded(content)
        if isinstance(image, Image.Image):
            taken.add(name)
            is_same = (image.size, image.tobytes()) == whole(name)
            assert is_same, f"{name}: other pixels"

    run(check, cut_files(), examples // 4)
    # What follows the first image may be missing.
    check(("gif, moving", SEEDS["gif, moving"][:-9]))
    assert "gif, moving" in taken
