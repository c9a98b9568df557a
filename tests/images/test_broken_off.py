"""A download that was broken off is found by the zeros in the first image's own data."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from PIL import Image, WebPImagePlugin

from tests.drawings import encoded, landscape
from tests.robustness.by_hand import webp_of
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.integrity.isobmff import image_parts
from torch_inception.images.integrity.webp import is_broken_off
from torch_inception.images.limits import MAX_PARTS
from torch_inception.images.plugins import readable_formats

IMAGE = Image.fromarray(landscape(200))
BLACK = Image.new("RGB", IMAGE.size)

TIFFS = {
    "packbits": IMAGE, "tiff_lzw": IMAGE, "tiff_adobe_deflate": IMAGE, "lzma": IMAGE,
    "jpeg": IMAGE, "group3": IMAGE.convert("1"), "group4": IMAGE.convert("1"),
}  # fmt: skip


def strips(content: bytes) -> list[tuple[int, int]]:
    """Return where the strips or tiles of a TIFF's first image begin and end."""
    tags = Image.open(io.BytesIO(content)).tag_v2  # type: ignore[attr-defined]
    places, counts = (273, 279) if 273 in tags else (324, 325)
    return [(p, p + n) for p, n in zip(tags[places], tags[counts], strict=True)]


def zeroed(content: bytes, start: int, end: int) -> bytes:
    return content[:start] + bytes(end - start) + content[end:]


def is_refused(content: bytes) -> bool:
    try:
        decode(content)
    except ImageError as error:
        assert "cut short" in str(error)
        return True
    return False


@pytest.mark.parametrize("compression", TIFFS)
@pytest.mark.parametrize("options", [{}, {"strip_size": 2000}, {"save_all": True}], ids=str)
@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_zeros_in_a_strip_are_found_and_those_elsewhere_are_sound(
    compression: str, options: dict[str, Any]
) -> None:
    image = TIFFS[compression]
    others = {"append_images": [BLACK.convert(image.mode)]} if "save_all" in options else {}
    content = encoded(image, "TIFF", compression=compression, **options, **others)
    assert not is_refused(content)
    assert not is_refused(content + bytes(5000))
    # Whole strips from one on, as they are missing, and half of the last.
    parts = strips(content)
    start, end = parts[-1]
    assert is_refused(zeroed(content, (start + end) // 2, end))
    assert is_refused(zeroed(content, parts[len(parts) // 2][0] + 100, end))


@pytest.mark.parametrize("compression", [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_zeros_in_a_table_of_colours_are_sound(compression: str | None) -> None:
    for count in (1, 2, 16, 255):
        content = encoded(IMAGE.quantize(count), "TIFF", compression=compression)
        assert decode(content).size == IMAGE.size


def test_a_strip_of_which_a_few_bytes_are_missing_is_found_where_zeros_go_on() -> None:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for image in (IMAGE, BLACK):
            file.write(numpy.asarray(image), photometric="rgb", compression="zlib", metadata=None)
    content = stream.getvalue()
    [(_, end)] = strips(content)
    assert not is_refused(content)
    assert is_refused(content[: end - 20].ljust(len(content), b"\0"))


def test_tables_of_jpeg_strips_that_are_missing_are_found() -> None:
    content = encoded(IMAGE, "TIFF", compression="jpeg")
    tables = content.index(Image.open(io.BytesIO(content)).tag_v2[347])  # type: ignore[attr-defined]
    assert is_refused(zeroed(content, tables + 100, len(content)))


def test_black_pixels_one_above_the_other_are_zeros_in_packbits() -> None:
    content = encoded(Image.new("L", (1, 500)), "TIFF", compression="packbits")
    [(start, end)] = strips(content)
    assert content[start:end] == bytes(1000)
    assert decode(content).getcolors() == [(500, (0, 0, 0))]


def test_equal_tiles_that_are_stored_once_are_sound() -> None:
    tile = zlib.compress(numpy.random.default_rng(0).bytes(256))
    count = 64 * 64
    tags = {
        256: (4, 1, 1024), 257: (4, 1, 1024), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1),
        277: (3, 1, 1), 322: (4, 1, 16), 323: (4, 1, 16), 324: (4, count, 0), 325: (4, count, 0),
    }  # fmt: skip
    behind = 8 + 2 + 12 * len(tags) + 4
    places = behind + len(tile)
    tags[324], tags[325] = (4, count, places), (4, count, places + 4 * count)
    entries = b"".join(struct.pack("<HHII", number, *tag) for number, tag in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    lists = struct.pack("<I", behind) * count + struct.pack("<I", len(tile)) * count
    content = b"II*\0\x08\0\0\0" + directory + tile + lists
    assert count * len(tile) > 4 * len(content)
    decoded = numpy.asarray(decode(content))
    assert (decoded[:16, :16] == decoded[-16:, -16:]).all()


def ending_black() -> Image.Image:
    """Draw noise above black."""
    pixels = numpy.random.default_rng(0).integers(0, 256, (200, 300, 3), numpy.uint8)
    pixels[100:] = 0
    return Image.fromarray(pixels)


WEBPS: dict[str, dict[str, Any]] = {
    "lossy": {"method": 0},
    "better": {"method": 6, "quality": 90},
    "lossless": {"lossless": True, "quality": 1, "method": 0},
    "smaller lossless": {"lossless": True, "quality": 100},
    "moving": {"save_all": True, "append_images": [BLACK.resize((200, 200))]},
}


def trailing_zeros(content: bytes) -> int:
    return len(content) - len(content.rstrip(b"\0"))


def test_a_black_end_of_a_webp_is_thousands_of_zeros_and_sound() -> None:
    content = encoded(ending_black(), "WEBP", **WEBPS["lossless"])
    assert trailing_zeros(content) > 5000
    expected = numpy.asarray(ending_black())
    assert (numpy.asarray(decode(content)) == expected).all()


@pytest.mark.parametrize("kind", WEBPS)
def test_a_webp_that_was_broken_off_is_found(kind: str) -> None:
    content = encoded(IMAGE, "WEBP", **WEBPS[kind])
    assert not is_refused(content)
    assert not is_refused(content + bytes(5000))
    length = int.from_bytes(content[content.index(b"VP8") + 4 :][:4], "little")
    end = content.index(b"VP8") + 8 + length
    for place in range(end - length + 50, end - 80, length // 9):
        with pytest.raises(ImageError):
            decode(content[:place].ljust(len(content), b"\0"))


def boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each box of an AVIF, and where it begins and ends."""
    position = 0
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        yield content[position + 4 : position + 8], position, position + length
        position += length


@pytest.mark.skipif("AVIF" not in readable_formats(), reason="this Pillow has no AVIF")
@pytest.mark.parametrize("image", [IMAGE, ending_black()], ids=["landscape", "black end"])
@pytest.mark.parametrize("options", [{}, {"exif": Image.Exif().tobytes() + bytes(500)}], ids=str)
def test_an_avif_that_was_broken_off_is_found(image: Image.Image, options: dict[str, Any]) -> None:
    content = encoded(image, "AVIF", speed=10, **options)
    assert not is_refused(content)
    assert not is_refused(content + bytes(5000))
    end = {name: end for name, _, end in boxes(content)}[b"mdat"]
    for place in (end - 100, end - 1000):
        assert is_refused(zeroed(content, place, end))
        assert is_refused(zeroed(content, place, end) + bytes(500))


@pytest.mark.skipif("AVIF" not in readable_formats(), reason="this Pillow has no AVIF")
def test_padding_in_a_box_of_its_own_is_sound() -> None:
    content = encoded(IMAGE, "AVIF", speed=10)
    assert not is_refused(content + struct.pack(">I4s", 508, b"free") + bytes(500))


def box(name: bytes, content: bytes, version: int = 0) -> bytes:
    """Write a box of the kind that has a version; ISO/IEC 14496-12, section 4.2."""
    return struct.pack(">I4sI", 12 + len(content), name, version << 24) + content


def places(sizes: bytes, items: int, extents: int, numbers: bytes = b"") -> bytes:
    """Write where items are, all of them equal; section 8.11.3."""
    item = struct.pack(">HHH", 1, 0, extents) + numbers * extents
    return box(b"iloc", sizes + struct.pack(">H", items) + item * items)


ITEMS = box(b"iinf", struct.pack(">H", 0))
HOSTILE = {
    "no bytes an extent": places(b"\0\0", 60_000, 65_535),
    "one byte an extent": places(b"\x01\0", 60, 65_535, b"\0"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_places_of_far_too_many_parts_are_not_all_listed(kind: str) -> None:
    assert len(image_parts(box(b"meta", ITEMS + HOSTILE[kind]))) <= MAX_PARTS


def test_the_places_of_an_image_are_found() -> None:
    numbers = struct.pack(">II", 70, 30)
    found = image_parts(box(b"meta", ITEMS + places(b"\x44\0", 2, 1, numbers)))
    assert found == [(70, 100), (70, 100)]


@pytest.mark.parametrize("sizes", [b"", b"\0", b"\x44", b"\x44\0"])
@pytest.mark.parametrize("last", [b"iloc", b"iinf"])
def test_an_odd_file_has_no_parts(last: bytes, sizes: bytes) -> None:
    first = ITEMS if last == b"iloc" else places(b"\x44\0", 0, 0)
    for content in (box(last, sizes), struct.pack(">I4s", 8, last)):
        assert image_parts(box(b"meta", first + content)) == []


@pytest.mark.skipif("AVIF" not in readable_formats(), reason="this Pillow has no AVIF")
def test_the_first_places_count_and_odd_ones_behind_a_sound_image_do_not() -> None:
    content = encoded(IMAGE, "AVIF", speed=10)
    empty = struct.pack(">I4s", 8, b"iloc")
    for kind in (HOSTILE["no bytes an extent"], empty):
        behind = content + box(b"meta", ITEMS + kind)
        assert image_parts(behind) == image_parts(content) != []
        assert not is_refused(behind)


def test_a_webp_whose_image_is_far_larger_than_it_says_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = webp_of((16_383, 16_383))
    data = large[20:] + bytes(100)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\x0f\0\0" * 2
    content = b"WEBP" + canvas + chunk
    content = b"RIFF" + struct.pack("<I", len(content)) + content
    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "load", lambda image: pytest.fail())
    assert not is_broken_off(content, (16, 16))
