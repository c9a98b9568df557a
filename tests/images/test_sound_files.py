"""Nothing good is refused: thousands of sound files, of every format that is read."""

import io
import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest
from PIL import Image

from tests.images import sound_files
from tests.images.sound_files import File
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.plugins import FORMATS, readable_formats

MAKERS: dict[str, tuple[Callable[[], Iterable[File]], int]] = {
    "JPEG": (sound_files.jpeg_files, 1500),
    "PNG": (sound_files.png_files, 1500),
    "GIF": (sound_files.gif_files, 1500),
    "WEBP": (sound_files.webp_files, 1000),
    "AVIF": (sound_files.avif_files, 200),
    "JPEG2000": (sound_files.jpeg2000_files, 1000),
    "ICO": (sound_files.ico_files, 400),
    "PPM": (sound_files.ppm_files, 500),
    "BMP": (sound_files.bmp_files, 400),
    "TIFF": (sound_files.tiff_files, 4000),
    "TIFF, odd": (sound_files.odd_tiff_files, 1500),
}
"""What makes files of a format, and how many at least."""

STEP = 4
"""Every so many-th image is taken; of seven contents in turn, so that each comes in some size."""


@pytest.fixture(autouse=True)
def step(long: bool, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have files made of every fourth image, in all modes and ways; of all in the long form."""
    step = 1 if long else STEP
    images = sound_files.images

    def some(sizes: list[tuple[int, int]]) -> Iterator[tuple[str, Image.Image]]:
        return itertools.islice(images(sizes), 0, None, step)

    monkeypatch.setattr(sound_files, "images", some)
    return step


def refused(files: Iterable[File]) -> tuple[list[str], int]:
    """Return which sound files are refused, or decoded to another size, and how many there are."""
    found, count = [], 0
    for name, content in files:
        count += 1
        try:
            image = decode(content)
        except ImageError as error:
            found.append(f"{name}: {error}")
            continue
        if image.size != Image.open(io.BytesIO(content)).size:
            found.append(f"{name}: {image.size}")
    return found, count


def test_every_format_has_its_files() -> None:
    assert {name.partition(",")[0] for name in MAKERS} == set(FORMATS)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_no_sound_file_is_refused(kind: str, step: int) -> None:
    if kind.partition(",")[0] not in readable_formats():
        pytest.skip(f"this Pillow has no {kind}")
    make, least = MAKERS[kind]
    found, count = refused(make())
    assert not found
    assert count * step >= least


def test_no_sound_tiff_of_tifffile_is_refused(step: int) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    found, count = refused(
        sound_files.tifffile_files(tifffile, [None, "zlib", "lzw", "packbits", "lzma"])
    )
    assert not found
    assert count * step >= 4000
