"""What an image file becomes: decoded by content, upright, RGB, on white, 299 x 299."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.drawings import encoded
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode, to_image
from torch_inception.images.read import read_file

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def png(
    pixels: list[list[int]], *, depth: int, colour_type: int, transparent: tuple[int, ...] = ()
) -> bytes:
    """Write a PNG of one row by hand, for kinds that Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    sample = ">H" if depth == 16 else ">B"
    row = b"".join(struct.pack(sample, value) for pixel in pixels for value in pixel)
    header = struct.pack(">IIBBBBB", len(pixels), 1, depth, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", header)]
    if transparent:
        parts.append(chunk(b"tRNS", b"".join(struct.pack(">H", v) for v in transparent)))
    parts += [chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def values(image: Image.Image) -> list[list[tuple[int, ...]]]:
    array = numpy.asarray(image)
    assert array.dtype == numpy.uint8
    assert array.ndim == 3
    assert array.shape[2] == 3
    return [[tuple(int(v) for v in pixel) for pixel in row] for row in array]


def noise(width: int, height: int) -> Image.Image:
    generator = numpy.random.default_rng(width * 10_007 + height)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("MPO", {"save_all": True, "append_images": [Image.new("RGB", (16, 8), WHITE)]}),
        ("PNG", {}),
        ("PNG", {"save_all": True, "append_images": [Image.new("RGB", (16, 8), WHITE)]}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"save_all": True, "append_images": [Image.new("RGB", (16, 8), WHITE)]}),
        ("GIF", {}),
        ("GIF", {"save_all": True, "append_images": [Image.new("RGB", (16, 8), WHITE)]}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"save_all": True, "append_images": [Image.new("RGB", (16, 8), WHITE)]}),
    ],
)
def test_every_format_decodes_to_the_first_frame_whatever_the_file_is_called(
    kind: str, options: dict[str, Any], tmp_path: Path
) -> None:
    image = Image.new("RGB", (16, 8), (200, 30, 60))
    path = tmp_path / "wrong-ending.txt"
    path.write_bytes(encoded(image, kind, **options))
    decoded = to_image(path)
    assert (decoded.mode, decoded.size) == ("RGB", (16, 8))
    difference = numpy.asarray(decoded).astype(int) - (200, 30, 60)
    assert abs(difference).max() <= (8 if kind in ("JPEG", "MPO", "WEBP") else 0)


def palette(*, transparency: int | bytes | None = None) -> bytes:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 10, 20, 30])
    image.putdata([0, 1])
    if transparency is None:
        return encoded(image)
    return encoded(image, transparency=transparency)


def cells(mode: str, content: list[Any]) -> Image.Image:
    image = Image.new(mode, (len(content), 1))
    image.putdata(content)
    return image


def array_file(array: NDArray[Any], kind: str) -> bytes:
    return encoded(Image.fromarray(array), kind)


# 51 / 255 of a colour on white is 0.2 * colour + 0.8 * 255.
FIFTH = (204, 204, 204)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(cells("L", [0, 77])), [BLACK, (77, 77, 77)], id="grey"),
        pytest.param(encoded(cells("1", [0, 255])), [BLACK, WHITE], id="1-bit"),
        pytest.param(encoded(cells("1", [0, 255]), "TIFF"), [BLACK, WHITE], id="1-bit TIFF"),
        pytest.param(palette(), [RED, (10, 20, 30)], id="palette"),
        pytest.param(palette(transparency=0), [WHITE, (10, 20, 30)], id="palette, one clear"),
        pytest.param(
            palette(transparency=b"\x33\xff"), [(255, 204, 204), (10, 20, 30)], id="palette, alpha"
        ),
        pytest.param(encoded(cells("LA", [(0, 51), (9, 255)])), [FIFTH, (9, 9, 9)], id="LA"),
        pytest.param(
            encoded(cells("RGBA", [(255, 0, 0, 51), (1, 2, 3, 0), (1, 2, 3, 255)])),
            [(255, 204, 204), WHITE, (1, 2, 3)],
            id="RGBA",
        ),
        pytest.param(
            encoded(cells("RGB", [(1, 2, 3), RED]), transparency=(1, 2, 3)),
            [WHITE, RED],
            id="RGB, one colour clear",
        ),
        pytest.param(encoded(cells("L", [5, 6]), transparency=5), [WHITE, (6, 6, 6)], id="L clear"),
        pytest.param(
            encoded(cells("CMYK", [(0, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)]), "TIFF"),
            [WHITE, RED, BLACK],
            id="CMYK TIFF",
        ),
        pytest.param(
            png([[65535], [0], [257 * 200]], depth=16, colour_type=0),
            [WHITE, BLACK, (200, 200, 200)],
            id="16-bit grey PNG",
        ),
        pytest.param(
            png([[65535], [257 * 200]], depth=16, colour_type=0, transparent=(257 * 200,)),
            [WHITE, WHITE],
            id="16-bit grey PNG, one clear",
        ),
        pytest.param(
            png([[65535, 0, 257 * 7]], depth=16, colour_type=2), [(255, 0, 7)], id="16-bit RGB PNG"
        ),
        pytest.param(
            png([[0, 257 * 51], [65535, 65535]], depth=16, colour_type=4),
            [FIFTH, WHITE],
            id="16-bit LA PNG",
        ),
        pytest.param(
            array_file(numpy.array([[65535, 0, 257 * 200]], numpy.uint16), "TIFF"),
            [WHITE, BLACK, (200, 200, 200)],
            id="16-bit grey TIFF",
        ),
        pytest.param(
            b"P5 3 1 65535\n\xff\xff\xc8\xc8\0\0",
            [WHITE, (200, 200, 200), BLACK],
            id="16-bit PGM, big-endian",
        ),
        pytest.param(
            array_file(numpy.array([[0, 0.2, 1, numpy.inf, -numpy.inf, numpy.nan]], "f4"), "TIFF"),
            [BLACK, (51, 51, 51), WHITE, WHITE, BLACK, BLACK],
            id="float TIFF",
        ),
        pytest.param(
            array_file(numpy.array([[0, 257 * 200, 65535, -4]], numpy.int32), "TIFF"),
            [BLACK, (200, 200, 200), WHITE, BLACK],
            id="32-bit TIFF",
        ),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_on_white(
    content: bytes, expected: list[tuple[int, ...]]
) -> None:
    assert values(decode(content)) == [expected]


def test_cmyk_jpeg_keeps_its_colours() -> None:
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    difference = numpy.asarray(decode(content)).astype(int) - RED
    assert abs(difference).max() <= 8


def test_transparent_first_frame_of_an_animation_is_laid_on_white() -> None:
    frames = [cells("RGBA", [(255, 0, 0, alpha), (255, 0, 0, 255)]) for alpha in (0, 255)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert values(decode(content)) == [[WHITE, RED]]


CLEAR = cells("RGBA", [(255, 0, 0, 0), (9, 8, 7, 0)])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(CLEAR), [RED, (9, 8, 7)], id="PNG"),
        pytest.param(encoded(CLEAR, "TIFF"), [RED, (9, 8, 7)], id="TIFF"),
        pytest.param(
            encoded(CLEAR, "WEBP", lossless=True, exact=True), [RED, (9, 8, 7)], id="WebP"
        ),
        pytest.param(encoded(cells("LA", [(5, 0), (9, 0)])), [(5, 5, 5), (9, 9, 9)], id="LA"),
        pytest.param(palette(transparency=b"\0\0"), [RED, (10, 20, 30)], id="palette"),
        pytest.param(
            encoded(cells("RGB", [RED, RED]), transparency=RED), [RED, RED], id="one colour clear"
        ),
        pytest.param(
            encoded(cells("RGBA", [(255, 0, 0, 1), (9, 8, 7, 0)])), [(255, 254, 254), WHITE],
            id="nearly clear",
        ),
    ],
)  # fmt: skip
def test_alpha_that_is_zero_everywhere_is_ignored(
    content: bytes, expected: list[tuple[int, ...]]
) -> None:
    assert values(decode(content)) == [expected]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
def test_alpha_of_every_mode_that_is_zero_everywhere_is_ignored(mode: str) -> None:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(mode, mode)
    clear = Image.new("RGBA", (3, 2), (51, 51, 51, 0)).convert(straight).convert(mode)
    # Colours that are multiplied with an alpha of 0 are black.
    expected = (0, 0, 0) if mode in ("RGBa", "La") else (51, 51, 51)
    assert to_image(clear).getcolors() == [(6, expected)]


def test_a_single_pixel_that_is_not_clear_is_enough() -> None:
    # More than are converted at a time.
    image = Image.new("RGBA", (1100, 1000), (255, 0, 0, 0))
    image.putpixel((1099, 999), (0, 0, 0, 255))
    decoded = to_image(image)
    assert decoded.getpixel((0, 0)) == WHITE
    assert decoded.getpixel((1099, 999)) == BLACK


EXIF_ORIENTATION = 0x0112
# EXIF 2.32, 4.6.4: the side of the scene at which the stored row 0 and column 0 lie.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}
SCENE = numpy.arange(18, dtype=numpy.uint8).reshape(3, 2, 3) * 10


def stored(orientation: int) -> tuple[Image.Image, Image.Exif]:
    """Return the pixels as a camera that was held so stores them, and the tag that says so."""
    row, column = SIDES[orientation]
    pixels = SCENE.transpose(1, 0, 2) if row in ("left", "right") else SCENE
    pixels = pixels[::-1] if row in ("right", "bottom") else pixels
    pixels = pixels[:, ::-1] if column in ("right", "bottom") else pixels
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return Image.fromarray(numpy.ascontiguousarray(pixels)), exif


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", SIDES)
def test_every_exif_orientation_is_turned_upright_once(orientation: int, kind: str) -> None:
    image, exif = stored(orientation)
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(encoded(image, kind, exif=exif, **options))
    assert numpy.array_equal(numpy.asarray(decoded), SCENE)


def test_upright_jpeg_and_pil_image_agree() -> None:
    image, exif = stored(6)
    content = encoded(image.resize((48, 32), Image.Resampling.NEAREST), "JPEG", exif=exif)
    assert decode(content).size == (32, 48)
    assert to_image(Image.open(io.BytesIO(content))).tobytes() == decode(content).tobytes()


def test_broken_exif_says_nothing_about_the_pixels() -> None:
    content = encoded(Image.new("RGB", (8, 8), RED), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert values(decode(content)) == [[RED] * 8] * 8


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.filterwarnings("ignore:(Corrupt EXIF data|Truncated File Read)")
def test_a_file_that_is_cut_short_is_no_image(kind: str, share: float) -> None:
    content = encoded(noise(60, 40), kind)
    assert decode(content).size == (60, 40)
    with pytest.raises(ImageError):
        decode(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"a circle", b"<!DOCTYPE html><img src='a.jpg'>", b"%!PS-Adobe-3.0 EPSF-3.0\n"],
)
def test_what_is_no_image_is_an_image_error_with_a_reason(content: bytes) -> None:
    with pytest.raises(ImageError, match=r"empty|not an image|nothing but zeros"):
        decode(content)


@pytest.mark.parametrize("size", ["20000 8000", "1 1000001", "99999 99999"])
def test_a_decompression_bomb_is_refused(size: str) -> None:
    with pytest.raises(ImageError, match=r"too (large|long)"):
        decode(f"P6 {size} 255\n".encode())


@pytest.mark.parametrize("name", ["missing.jpg", "."])
def test_a_path_that_is_no_file_is_an_image_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match=r"no such file|not a regular file"):
        read_file(tmp_path / name)
