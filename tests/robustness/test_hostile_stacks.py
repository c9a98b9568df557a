"""Files for tifffile that nobody should trust: bounded in time and memory, each with its reason."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.robustness.hostile import in_process, mutations
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.deep import DeepSettings

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")

SECONDS = 10
MEMORY = 10**9


def written(values: Any, **options: Any) -> bytes:  # noqa: ANN401
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def written_apart(*planes: Any) -> bytes:  # noqa: ANN401
    """Return a file of a page for each plane, whatever its size."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for plane in planes:
            file.write(plane, photometric="minisblack")
    return stream.getvalue()


Tag = tuple[int, int, int, int]


def tiff(size: tuple[int, int], part: bytes, *tags: Tag, then: int = 0) -> bytes:
    """Write a page of one strip of 64-bit floats, with other tags in the place of its own."""
    width, height = size
    own = {
        256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 64), 259: (3, 1, 1), 262: (3, 1, 1),
        273: (4, 1, 8), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, len(part)), 339: (3, 1, 3),
    }  # fmt: skip
    own |= {tag: rest for tag, *rest in tags}  # type: ignore[misc]
    entries = b"".join(struct.pack("<HHII", tag, *rest) for tag, rest in sorted(own.items()))
    page = struct.pack("<H", len(own)) + entries + struct.pack("<I", then)
    return b"II*\0" + struct.pack("<I", 8 + len(part)) + part + page


def chain(count: int) -> bytes:
    """Write pages of one pixel, each with the tags that it needs."""
    page = struct.pack("<H", 3) + b"".join(
        struct.pack("<HHII", tag, 4, 1, 1) for tag in (256, 257, 258)
    )
    size = len(page) + 4
    pages = (page + struct.pack("<I", 8 + size * (n + 1)) for n in range(count))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


def upon_one_another(pages: int = 10_000, tags: int = 4_000) -> bytes:
    """Write directories that begin 12 bytes one behind another, each of so many tags.

    The tags of each are parts of the next ones; what leads to the next stands in one of them.
    """
    behind = (max(0, number - tags + 1) for number in range(pages + tags))
    parts = (struct.pack("<HI6x", tags, 8 + 12 * number) for number in behind)
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts)


def laughs() -> str:
    """Write XML of nine levels, each ten times the one before."""
    names = [f"a{level}" for level in range(9)]
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)
    )
    start = '<?xml version="1.0"?><!DOCTYPE OME [' + entities + "]>"
    return start + '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">&a8;</OME>'


BOMB = zlib.compress(bytes(2**28), 9)
JPEG_XL = b"\xff\x0a" + (
    # All but the sides is 0: "not small", a height of 30 bits, no ratio, a width of 30 bits.
    (0 | 3 << 1 | (2**30 - 1) << 3 | 0 << 33 | 3 << 36 | (2**30 - 1) << 38).to_bytes(12, "little")
)
LERC = b"Lerc2 " + struct.pack("<iI3i", 4, 0, 2**16, 2**15 - 1, 1) + bytes(200)
J2K = b"\xff\x4f\xff\x51\0\x2f\0\0" + struct.pack(">8IH", 2**31, 2**31, 0, 0, 9, 9, 0, 0, 1)

FILES: dict[str, Callable[[], bytes]] = {
    "pixels": lambda: tiff((60_000, 60_000), b"x"),
    "unpacks to a page that is too large": lambda: tiff((9_400, 9_400), BOMB, (259, 3, 1, 8)),
    "unpacks to more than its page": lambda: tiff((40, 50), BOMB, (259, 3, 1, 8)),
    "one row too long": lambda: tiff((2_000_000, 1), b"x"),
    "tile": lambda: tiff((4, 4), b"x", (322, 4, 1, 2**20), (323, 4, 1, 2**20), (324, 4, 1, 8),
                         (325, 4, 1, 1)),
    "samples": lambda: tiff((4000, 4000), b"x", (277, 3, 1, 60_000)),
    "JPEG XL": lambda: tiff((40, 50), JPEG_XL, (259, 3, 1, 50_002)),
    "LERC": lambda: tiff((40, 50), LERC, (259, 3, 1, 34_887)),
    "JPEG 2000": lambda: tiff((40, 50), J2K, (259, 3, 1, 34_712)),
    "JPEG": lambda: tiff((40, 50), b"\xff\xd8", (259, 3, 1, 34_892)),
    "pages without end": lambda: chain(200_000),
    "pages upon one another": upon_one_another,
    "a page that leads to itself": lambda: tiff((4, 4), bytes(128), then=136),
    "small copies": lambda: tiff((4, 4), bytes(128), (330, 4, 2**18, 8)),
    "XML": lambda: written(numpy.zeros((2, 5, 5)), description=laughs(), metadata=None),
    "a description": lambda: tiff((4, 4), b"a" * 2**23, (270, 2, 2**23, 8)),
    "OME's pages": lambda: written(
        numpy.zeros((2, 5, 5)), photometric="minisblack", metadata=None,
        description='<OME><Image><Pixels DimensionOrder="XYCZT" SizeX="5" SizeY="5" SizeC="1" '
        'SizeZ="2000000000" SizeT="1"><TiffData PlaneCount="2000000000"/></Pixels></Image></OME>',
    ),
    "MetaMorph's pages": lambda: tiff((4, 4), bytes(128), (33_629, 5, 2**31, 8)),
    "ImageJ's pages": lambda: written(
        numpy.zeros((4, 4)), metadata=None,
        description="ImageJ=1.11a\nimages=2000000000\nslices=2000000000\n",
    ),
    "tifffile's pages": lambda: written(
        numpy.zeros((4, 4)), description='{"shape": [99999999, 4, 4]}', metadata=None
    ),
}  # fmt: skip


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def pages(*tables: bytes, count: int, tags: list[Tag]) -> bytes:
    """Write pages with the same tags behind 8 bytes, and what they point to."""
    data = b"".join(tables)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    size, start = 6 + len(entries), 8 + len(data)
    found = b"II*\0" + struct.pack("<I", start) + data
    for number in range(1, count + 1):
        following = start + size * number if number < count else 0
        found += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return found


def page_tags(size: tuple[int, int], *tags: Tag, bits: int = 8) -> list[Tag]:
    width, height = size
    own: list[Tag] = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]  # fmt: skip
    return own + list(tags)


def sharing_strips() -> bytes:
    """Write 100 pages that share one table of 20,000 strips of one byte."""
    count = 20_000
    return pages(
        bytes(4) + struct.pack("<I", 8) * count, struct.pack("<H", 1) * count, count=100,
        tags=page_tags((1, count), (259, 3, 1, 1), (278, 3, 1, 1), (273, 4, count, 12),
                       (279, 3, count, 12 + 4 * count)),
    )  # fmt: skip


def strips_upon_one_another() -> bytes:
    """Write a page of 400 strips, all of which are one PNG image with a long comment."""
    png = imagecodecs.png_encode(numpy.zeros((1, 4), "u1"))
    comment = struct.pack(">I4s", 2**20, b"teXt") + bytes(2**20)
    image = png[:33] + comment + struct.pack(">I", zlib.crc32(comment[4:])) + png[33:]
    return pages(
        image, struct.pack("<I", 8) * 400, struct.pack("<I", len(image)) * 400, count=1,
        tags=page_tags((4, 400), (259, 3, 1, 34_933), (278, 3, 1, 1), (273, 4, 400, 8 + len(image)),
                       (279, 4, 400, 8 + len(image) + 1600)),
    )  # fmt: skip


def copies_without_end() -> bytes:
    """Write a page with 32 smaller copies that are one directory of 65,535 tags."""
    first = pages(bytes(128), count=1, tags=page_tags((4, 4), (330, 4, 32, 0)))
    place = len(first)
    first = first.replace(
        struct.pack("<HHII", 330, 4, 32, 0), struct.pack("<HHII", 330, 4, 32, place)
    )
    tags = b"".join(struct.pack("<HHII", 1000, 3, 1, 0) for _ in range(65_535))
    return first + struct.pack("<I", place + 128) * 32 + struct.pack("<H", 65_535) + tags


SMALL, LARGE = numpy.zeros((8, 8), "u1"), numpy.zeros((5000, 5000), "u1")
PAGE_OF_PART = "larger images in it than it is itself"


def lerc_images() -> bytes:
    return tiff((2000, 2000), imagecodecs.lerc_encode(numpy.zeros((2000, 2000))) * 60,
                (259, 3, 1, 34_887))  # fmt: skip


def lerc_of_other_numbers() -> bytes:
    """Write a page of bytes, the LERC image of which has 64-bit floats."""
    part = imagecodecs.lerc_encode(numpy.zeros((2000, 2000)))
    return tiff((2000, 2000), part, (258, 3, 1, 8), (339, 3, 1, 1), (259, 3, 1, 34_887))


def jpegxl_behind_another() -> bytes:
    decoy = imagecodecs.jpegxl_encode(SMALL)
    real = imagecodecs.jpegxl_encode(LARGE)
    part = JPEG_XL_FILE + box(b"uuid", b"jxlc" + decoy) + box(b"jxlc", real)
    return tiff((16, 16), part, (258, 3, 1, 8), (339, 3, 1, 1), (259, 3, 1, 50_002))


def jpegxl_in_pieces() -> bytes:
    real = imagecodecs.jpegxl_encode(LARGE)
    start = box(b"jxlp", struct.pack(">I", 0) + real[:3])
    part = JPEG_XL_FILE + start + box(b"jxlp", struct.pack(">I", 2**31 + 1) + real[3:])
    return tiff((16, 16), part, (258, 3, 1, 8), (339, 3, 1, 1), (259, 3, 1, 50_002))


def jpegxl_film() -> bytes:
    part = imagecodecs.jpegxl_encode(numpy.zeros((50, 16, 16, 3), "u1"), photometric="rgb")
    return tiff((16, 16), part, (258, 3, 1, 8), (339, 3, 1, 1), (259, 3, 1, 50_002))


def jpeg2000_behind_another() -> bytes:
    decoy = imagecodecs.jpeg2k_encode(SMALL, codecformat="j2k")
    real = imagecodecs.jpeg2k_encode(LARGE, codecformat="jp2", level=50)
    head = real.index(b"jp2h") - 4
    part = real[:head] + box(b"uuid", decoy) + real[head:]
    return tiff((8, 8), part, (258, 3, 1, 8), (339, 3, 1, 1), (259, 3, 1, 34_712))


JPEG_XL_FILE = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "LERC images behind one another": (lerc_images, PAGE_OF_PART),
    "LERC of other numbers": (lerc_of_other_numbers, PAGE_OF_PART),
    "JPEG XL behind another": (jpegxl_behind_another, PAGE_OF_PART),
    "JPEG XL in pieces": (jpegxl_in_pieces, PAGE_OF_PART),
    "JPEG XL film": (jpegxl_film, "film"),
    "JPEG 2000 behind another": (jpeg2000_behind_another, PAGE_OF_PART),
    "pages that share strips": (sharing_strips, "more than 100,000 strips"),
    "strips upon one another": (strips_upon_one_another, "lie upon one another"),
    "pages that are only stated": (
        lambda: written(
            numpy.zeros((4, 4)), description='{"shape": [30000, 4, 4]}', metadata=None
        ) + bytes(128 * 30_000),
        "30,000 pages",
    ),
    "many pages of a slow compression": (
        lambda: written(
            numpy.zeros((150, 1000, 1000), "u1"), compression="jpeg2000", photometric="minisblack"
        ),
        "too large to decode safely: 150 pages",
    ),
    "copies of many tags": (copies_without_end, "tags: it is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_its_decoders_would_take_for_more_is_refused_before(name: str) -> None:
    make, reason = REFUSED[name]
    content = make()
    assert len(content) < 2**23
    start = time.perf_counter()
    with pytest.raises(ImageError, match=reason):
        decode(content, deep=DeepSettings(page="max"))
    assert time.perf_counter() - start < 2


def test_a_shape_without_commas_is_no_damage() -> None:
    values = numpy.array([[0, 1000]], "u2")
    content = written(values, description='{"shape": [1 2]}', metadata=None)
    assert numpy.asarray(decode(content))[0, :, 0].tolist() == [0, 255]


DECODE = """
import sys
import imagecodecs, tifffile
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.deep import DeepSettings
with open(sys.argv[1], "rb") as file:
    content = file.read()
before = peak()
for page in (None, "max"):
    try:
        decode(content, deep=DeepSettings(page=page))
    except ImageError as error:
        assert "NoneType" not in str(error), error
print(peak() - before)
"""


@pytest.mark.parametrize("name", FILES)
def test_bombs_are_refused_or_harmless(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    path.write_bytes(FILES[name]())
    start = time.perf_counter()
    [memory] = in_process(DECODE, str(path))
    assert int(memory) < MEMORY
    assert time.perf_counter() - start < 2 * SECONDS


def test_no_damage_crashes_or_hangs(pytestconfig: pytest.Config) -> None:
    number = 1000 if pytestconfig.getoption("--long") else 25
    values = numpy.random.default_rng(0).random((24, 20)) * 4000
    stack = numpy.stack([values, values / 2]).astype("u2")
    whole = [
        *[written(values, compression=name) for name in (None, "zlib", "zstd", "lzw", "lerc")],
        *[written(stack[0], compression=name) for name in ("jpegxl", "jpeg2000", "png")],
        written(values, tile=(16, 16), compression="zlib"),
        written(stack, ome=True), written(stack, imagej=True), written(stack, truncate=True),
        written(numpy.stack([stack[0]] * 3), photometric="rgb", planarconfig="separate"),
    ]  # fmt: skip
    alone = [written_apart(stack[0], stack[1][:9]), written(stack.astype("u1"), compression="jpeg")]
    chosen = [DeepSettings(page="max")] * len(whole)
    chosen += [DeepSettings(page=2), DeepSettings(page=2, channels=(1,))]
    for seed, (content, deep) in enumerate(zip([*whole, *alone], chosen, strict=True)):
        for damaged in mutations(content, seed=seed, number=number):
            start = time.perf_counter()
            try:
                image = decode(damaged, deep=deep)
            except ImageError as error:
                assert str(error)
            else:
                assert image.mode == "RGB"
            assert time.perf_counter() - start < SECONDS
