"""A camera's raw image that is built as a TIFF is named as one, and nothing else is."""

import io
import struct

import numpy
import pytest
from PIL import Image

from tests.drawings import encoded
from tests.robustness.by_hand import tiff
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode

Tag = tuple[int, int, int, int]
"""Number, type, count and value."""

SUBFILE_TYPE, PHOTOMETRIC, MAKE, SUB_IFDS, DNG_VERSION = 254, 262, 271, 330, 50706

REDUCED: Tag = (SUBFILE_TYPE, 4, 1, 1)
WHOLE: Tag = (SUBFILE_TYPE, 4, 1, 0)
CAMERA: Tag = (MAKE, 2, 4, int.from_bytes(b"Cam\0", "little"))
FILTER_ARRAY: Tag = (PHOTOMETRIC, 3, 1, 32803)
LINEAR: Tag = (PHOTOMETRIC, 3, 1, 34892)
GREY: Tag = (PHOTOMETRIC, 3, 1, 1)


def with_sub_image(first: list[Tag], sub: list[Tag]) -> bytes:
    """Write a grey TIFF of 4 x 4 pixels, and the tags of an image below it."""
    place = len(tiff(*first, (SUB_IFDS, 4, 1, 0)))
    content = tiff(*first, (SUB_IFDS, 4, 1, place))
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(sub))
    return content + struct.pack("<H", len(sub)) + entries + bytes(4)


RAW = {
    "DNG": with_sub_image([REDUCED, (DNG_VERSION, 1, 4, 0x00000401)], [WHOLE, FILTER_ARRAY]),
    "DNG with the whole image first": tiff(WHOLE, (DNG_VERSION, 1, 4, 0x00000401)),
    "DNG, linear": with_sub_image([REDUCED, CAMERA], [WHOLE, LINEAR]),
    "NEF": with_sub_image([REDUCED, CAMERA], [WHOLE, FILTER_ARRAY]),
    "ARW that says less": with_sub_image([REDUCED, CAMERA], [WHOLE]),
    "PEF": tiff(CAMERA, FILTER_ARRAY),
    "a filter array below a plain image": with_sub_image([], [FILTER_ARRAY]),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + bytes(500),
    "CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(500),
    "ORF": b"IIRO\x08\0\0\0" + bytes(500),
    "ORF, other order": b"MMOR\0\0\0\x08" + bytes(500),
    "RW2": b"IIU\0\x18\0\0\0" + bytes(500),
    "RAF": b"FUJIFILMCCD-RAW " + bytes(500),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(500),
}


@pytest.mark.parametrize("kind", RAW)
def test_a_raw_image_is_named_and_never_decoded_as_its_thumbnail(kind: str) -> None:
    said = "^not an image that can be read but a camera's raw image: save it as PNG or JPEG first$"
    with pytest.raises(ImageError, match=said):
        decode(RAW[kind])


SOUND = {
    "a pyramid": with_sub_image([], [REDUCED, GREY]),
    "a pyramid of a scanner": with_sub_image([CAMERA, WHOLE], [REDUCED, GREY]),
    "two images of a camera": with_sub_image([CAMERA], [WHOLE, GREY]),
    "a thumbnail of nobody": tiff(REDUCED),
    "a thumbnail without the image": tiff(REDUCED, CAMERA),
    "smaller ones below a smaller one": with_sub_image([REDUCED, CAMERA], [REDUCED, GREY]),
    "an image below that is elsewhere": tiff(CAMERA, (SUB_IFDS, 4, 1, 2**31)),
    "a letter for a number": tiff((SUB_IFDS, 2, 4, 0)),
}


@pytest.mark.parametrize("kind", SOUND)
def test_other_images_below_the_first_are_no_sign_of_a_raw_image(kind: str) -> None:
    assert decode(SOUND[kind]).size == (4, 4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
def test_a_raw_image_is_told_in_every_layout_of_tiff(order: str, is_big: bool) -> None:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, byteorder=order, bigtiff=is_big) as file:
        small, large = numpy.zeros((4, 4, 3), numpy.uint8), numpy.zeros((64, 64), numpy.uint16)
        file.write(small, photometric="rgb", subifds=1, metadata=None)
        file.write(large, photometric=32803, extratags=[(33421, 3, 2, (2, 2), True)], metadata=None)
    with pytest.raises(ImageError, match="camera's raw image"):
        decode(stream.getvalue())


def test_a_tiff_that_keeps_what_its_camera_said_is_decoded() -> None:
    exif = Image.Exif()
    exif[MAKE] = "NIKON CORPORATION"
    content = encoded(Image.new("RGB", (9, 5)), "TIFF", exif=exif)
    assert decode(content).size == (9, 5)
