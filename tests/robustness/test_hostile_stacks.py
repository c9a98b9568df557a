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
    for seed, content in enumerate(whole):
        for damaged in mutations(content, seed=seed, number=number):
            start = time.perf_counter()
            try:
                image = decode(damaged, deep=DeepSettings(page="max"))
            except ImageError as error:
                assert str(error)
            else:
                assert image.mode == "RGB"
            assert time.perf_counter() - start < SECONDS
