"""What stands for an image gives the same pixels; all else is named as it was given."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from torch_inception.errors import ImageError
from torch_inception.images.decode import to_image
from torch_inception.images.read import read_file_object

PIXELS = numpy.random.default_rng(0).integers(0, 256, (5, 7, 3), numpy.uint8)


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG")
    return stream.getvalue()


def test_all_that_stands_for_an_image_gives_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(png())
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    items: list[Any] = [
        path, str(path), png(), io.BytesIO(png()), Image.fromarray(PIXELS), Image.open(path),
        PIXELS, numpy.asfortranarray(PIXELS), PIXELS[::-1][::-1], tensor, tensor.contiguous(),
    ]  # fmt: skip
    for item in items:
        assert to_image(item).tobytes() == PIXELS.tobytes()
    PIXELS.setflags(write=False)
    assert to_image(PIXELS).tobytes() == PIXELS.tobytes()


def test_any_binary_file_object_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "image.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.png", png())
    raw = tmp_path / "raw"
    raw.write_bytes(b"a header" + png())
    with (
        zipfile.ZipFile(path).open("image.png") as unpacked,
        raw.open("rb", buffering=0) as file,
        tempfile.SpooledTemporaryFile() as spooled,
    ):
        file.seek(len("a header"))
        spooled.write(png())
        spooled.seek(0)
        for each in (unpacked, file, spooled):
            assert to_image(each).tobytes() == PIXELS.tobytes()


def test_a_file_object_that_gives_no_image_says_why() -> None:
    read = io.BytesIO(png())
    to_image(read)
    with pytest.raises(ImageError, match="nothing is left to read: it is empty, or was read"):
        to_image(read)
    read.close()
    with pytest.raises(ImageError, match="cannot be read .*closed"):
        to_image(read)
    with pytest.raises(ImageError, match="not an image but text"):
        to_image(io.BytesIO(b"a circle"))
    with pytest.raises(TypeError, match="opened as 'rb', not as text"):
        to_image(io.StringIO("a circle"))


def test_a_file_object_of_more_bytes_than_an_image_has_is_left_at_the_limit() -> None:
    class Endless:
        given = 0

        def read(self, count: int) -> bytes:
            self.given += count
            return bytes(count)

    endless = Endless()
    with pytest.raises(ImageError, match="too large for an image: .* at most 3,000,000 are read"):
        read_file_object(endless, max_bytes=3_000_000)
    assert endless.given < 5_000_000


def test_what_gives_no_bytes_when_it_is_read_is_named() -> None:
    class Request:
        def read(self, count: int) -> str:
            return "an image"

    with pytest.raises(TypeError, match="read as bytes, and Request gives str"):
        to_image(Request())


@pytest.mark.parametrize(
    ("item", "named"),
    [
        (None, "NoneType"),
        (3, "int"),
        (numpy.zeros((8, 8), numpy.uint8), r"ndarray uint8 \(8, 8\)\. Scale RGB"),
        (numpy.zeros((8, 8, 4), numpy.uint8), r"ndarray uint8 \(8, 8, 4\)"),
        (
            numpy.zeros((3, 8, 8), numpy.uint8),
            r"ndarray uint8 \(3, 8, 8\)\. Its axes .* give array\.transpose\(1, 2, 0\)$",
        ),
        (numpy.zeros((8, 8, 3), numpy.float32), r"ndarray float32 \(8, 8, 3\)"),
        (torch.zeros(3, 8, 8), r"Tensor torch.float32 \(3, 8, 8\)"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), r"Tensor torch.uint8 \(1, 8, 8\)"),
        (
            torch.zeros(8, 8, 3, dtype=torch.uint8),
            r"Tensor torch.uint8 \(8, 8, 3\)\. Its axes .* give tensor\.permute\(2, 0, 1\)$",
        ),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"Tensor torch.uint8 \(1, 3, 8, 8\)"),
    ],
)
def test_anything_else_is_a_type_error_that_says_what_is_wanted(item: object, named: str) -> None:
    wanted = r"an image is a path, the bytes .* array \(H, W, 3\) or a uint8 tensor \(3, H, W\)"
    with pytest.raises(TypeError, match=f"^{wanted}, not {named}"):
        to_image(item)


def test_pixels_of_no_size_are_an_image_error() -> None:
    for nothing in (PIXELS[:0], torch.zeros(3, 0, 5, dtype=torch.uint8)):
        with pytest.raises(ImageError, match="no pixels"):
            to_image(nothing)
