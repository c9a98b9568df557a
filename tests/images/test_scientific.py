"""What tifffile reads: other numbers, channels and stacks; and what is said without it."""

import io
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.openings import openings
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode, decode_file
from torch_inception.images.deep import DeepSettings, ValueRange
from torch_inception.images.tiff_tags import read_tiff_tags

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

BY_20 = ValueRange(0, 255 * 20)
"""A range in which a value of 20 is one level of 255."""


def written(values: NDArray[Any], **options: Any) -> bytes:  # noqa: ANN401
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def plane(number: int = 0) -> NDArray[Any]:
    """Return (6, 8) multiples of 20 up to 5000, others for each number."""
    generator = numpy.random.default_rng(number)
    return generator.integers(0, 251, (6, 8)) * 20.0


def levels(values: NDArray[Any]) -> NDArray[Any]:
    return (values / 20).round()


def pixels(content: bytes, **settings: Any) -> NDArray[numpy.uint8]:  # noqa: ANN401
    return numpy.asarray(decode(content, deep=DeepSettings(BY_20, **settings)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
def test_numbers_of_every_kind(dtype: str, photometric: str, big: bool, order: str) -> None:
    content = written(plane().astype(dtype), photometric=photometric, bigtiff=big, byteorder=order)
    expected = levels(plane().astype(dtype).astype("f8"))
    expected = 255 - expected if photometric == "miniswhite" else expected
    assert abs(pixels(content)[..., 0] - expected).max() <= 1


def test_what_stands_in_a_file_is_named() -> None:
    kinds = {"c8": "64-bit complex floats", "f8": "64-bit floats", "i4": "32-bit signed integers"}
    for dtype, expected in kinds.items():
        assert read_tiff_tags(written(plane().astype(dtype))).described().startswith(expected)


def test_signed_integers_of_8_bits_are_scaled_as_others_are() -> None:
    content = written(numpy.array([[-128, 0, 127]], "i1"))
    assert numpy.asarray(decode(content))[0, :, 0].tolist() == [0, 128, 255]


def test_white_of_few_bits_is_white() -> None:
    # Pillow reads no 3 bits. A row of 8 pixels is 24 bits: 0 to 7.
    content = written(numpy.arange(8, dtype="u1")[None], photometric="minisblack")
    packed = content.replace(
        bytes(range(8)), bytes([0b00000101, 0b00111001, 0b01110111]) + bytes(5)
    )
    packed = packed.replace(
        struct.pack("<HHIHH", 258, 3, 1, 8, 0), struct.pack("<HHIHH", 258, 3, 1, 3, 0)
    )
    assert numpy.asarray(decode(packed))[0, :, 0].tolist() == [0, 36, 73, 109, 146, 182, 219, 255]


INTEGERS = ("u1", "u2")
COMPRESSIONS = [
    *[(name, dtype) for name in ("jpegxl", "jpeg2000", "png") for dtype in INTEGERS],
    *[("jpegxl", dtype) for dtype in ("f2", "f4")],
    *[("lerc", dtype) for dtype in (*INTEGERS, "f4", "f8")],
    *[(name, "f8") for name in ("zlib", "lzw", "lzma", "zstd", "packbits")],
]


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize(("compression", "dtype"), COMPRESSIONS)
def test_compressions(compression: str, dtype: str, tile: tuple[int, int] | None) -> None:
    generator = numpy.random.default_rng(0)
    values = (generator.integers(0, 256, (40, 50)) * (1 if dtype == "u1" else 20)).astype(dtype)
    options = {"jpegxl": {"lossless": True}, "jpeg2000": {"level": 0, "reversible": True}}
    content = written(
        values, compression=compression, tile=tile, compressionargs=options.get(compression)
    )
    expected = values if dtype == "u1" else levels(values)
    assert abs(pixels(content)[..., 0] - expected).max() <= 1
    with pytest.raises(ImageError):
        decode(content[: len(content) - 700] if compression != "png" else content[:-30])


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_colour_is_right_in_planes_too(dtype: str, planar: str, samples: int) -> None:
    values = numpy.stack([plane(number) for number in range(samples)]).astype(dtype)
    if samples == 4:
        values[3] = 65535 if dtype == "u2" else 1
    stored = values if planar == "separate" else numpy.moveaxis(values, 0, -1)
    options = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    content = written(
        numpy.ascontiguousarray(stored), photometric="rgb", planarconfig=planar, **options
    )
    expected = levels(numpy.moveaxis(values[:3], 0, -1))
    assert abs(pixels(content) - expected).max() <= 1
    assert decode_file(content).original.channels == 1
    if samples == 3:
        green = pixels(content, channels=(2,))
        assert abs(green - expected[..., 1:2]).max() <= 1


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_premultiplied_colour_has_the_range_of_its_colours(dtype: str) -> None:
    most = 65535 if dtype == "u2" else 1
    straight = numpy.full((4, 25, 4), most / 2)
    straight[..., :3] = numpy.linspace(0, most, 100).reshape(4, 25, 1)
    straight[0, :5, 3] = 0
    multiplied = straight.copy()
    multiplied[..., :3] *= straight[..., 3:] / most
    found = [
        numpy.asarray(
            decode(written(values.astype(dtype), photometric="rgb", extrasamples=[alpha]))
        ).astype(int)[1:]
        for values, alpha in ((straight, "unassalpha"), (multiplied, "assocalpha"))
    ]
    assert abs(found[0] - found[1]).max() <= 1
    # Half of a colour and half of white.
    assert (found[1].min(), found[1].max()) == (pytest.approx(159, abs=3), 255)


def test_a_chosen_channel_of_premultiplied_colour_is_the_colour() -> None:
    values = numpy.full((6, 8, 4), 65535, "u2")
    values[..., 0], values[..., 3] = 1275, 65535 // 2
    content = written(values, photometric="rgb", extrasamples=["assocalpha"])
    # 1275 of half alpha are 2550: of 5100, half.
    assert abs(pixels(content, channels=(1,)).astype(int) - 128).max() <= 1


def test_colour_that_is_not_rgb_is_not_shown_as_if_it_were() -> None:
    two = numpy.full((2, 6, 8, 3), (76, 85, 255), "u1")
    two[1] = (255, 128, 128)
    content = written(two, photometric="ycbcr", compression="lzw", subsampling=(1, 1))
    for settings, expected in (({}, [254, 0, 0]), ({"page": 2}, [255, 255, 255])):
        assert pixels(content, **settings)[0, 0].tolist() == expected
    with pytest.raises(ImageError, match="read page by page only: there is no max of them"):
        pixels(content, page="max")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_five_samples_are_channels(planar: str) -> None:
    values = numpy.stack([plane(number) for number in range(5)]).astype("u2")
    stored = values if planar == "separate" else numpy.moveaxis(values, 0, -1)
    content = written(
        numpy.ascontiguousarray(stored), photometric="minisblack", planarconfig=planar
    )
    original = decode_file(content).original
    assert (original.pages, original.channels, original.mode) == (1, 5, "u2")
    assert (pixels(content) == levels(values[0])[..., None]).all()
    chosen = pixels(content, channels=(5, 2))
    assert (chosen[..., 0] == levels(values[4])).all()
    assert (chosen[..., 1] == levels(values[1])).all()
    assert (chosen[..., 2] == chosen[..., 0]).all()
    with pytest.raises(ImageError, match="channel 6 is asked for, and the file has 5"):
        pixels(content, channels=(1, 6))


LAYOUTS: list[dict[str, Any]] = [
    {"metadata": {"axes": "ZCYX"}},
    {"imagej": True, "metadata": {"axes": "ZCYX"}},
    {"imagej": True, "metadata": {"axes": "ZCYX"}, "truncate": True},
    {"ome": True, "metadata": {"axes": "ZCYX"}},
    {"ome": True, "metadata": {"axes": "ZCYX"}, "compression": "zstd", "bigtiff": True},
    {"metadata": {"axes": "ZCYX"}, "truncate": True, "byteorder": ">"},
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_and_channels_of_stacks(layout: dict[str, Any]) -> None:
    stack = numpy.stack([numpy.stack([plane(2 * z), plane(2 * z + 1)]) for z in range(3)]).astype(
        "u2"
    )
    content = written(stack, photometric="minisblack", **layout)
    original = decode_file(content).original
    assert original.pages * original.channels == 6
    assert (pixels(content)[..., 0] == levels(stack[0, 0])).all()
    found = pixels(content, page=3, channels=(2, 1))
    assert (found[..., :2] == levels(numpy.moveaxis(stack[2, ::-1], 0, -1))).all()
    found = pixels(content, page="max", channels=(1, 2))
    assert (found[..., :2] == levels(numpy.moveaxis(stack.max(axis=0), 0, -1))).all()
    found = pixels(content, page="mean", channels=(2,))
    assert abs(found[..., 0] - stack[:, 1].mean(axis=0) / 20).max() <= 0.5
    assert (pixels(content, page="max")[..., 0] == levels(stack[:, 0].max(axis=0))).all()
    with pytest.raises(ImageError, match="page 4 is asked for, and the file has 3"):
        pixels(content, page=4)


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True}, {"metadata": None}])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_one_axis_alone_is_what_is_asked_for(options: dict[str, Any], dtype: str) -> None:
    # Without a name of the axis, tifffile says that these are channels, or pages.
    scale = 1 if dtype == "u1" else 20
    stack = numpy.stack([plane(number) / 20 * scale for number in range(4)]).astype(dtype)
    content = written(stack, photometric="minisblack", **options)
    shown = stack / scale
    assert (pixels(content, page=4)[..., 0] == shown[3]).all()
    assert (pixels(content, page="max")[..., 0] == shown.max(axis=0)).all()
    assert abs(pixels(content, page="mean")[..., 0] - shown.mean(axis=0)).max() <= 0.5
    assert (pixels(content, channels=(3, 1, 2)) == numpy.moveaxis(shown[[2, 0, 1]], 0, -1)).all()


def test_each_channel_has_its_own_range() -> None:
    values = numpy.stack([plane(0), plane(1) / 20]).astype("u2")
    found = numpy.asarray(decode(written(values), deep=DeepSettings(channels=(1, 2))))
    assert (found[..., :2].min(axis=(0, 1)) == 0).all()
    assert (found[..., :2].max(axis=(0, 1)) == 255).all()


def test_max_passes_over_nan() -> None:
    values = numpy.array([[[numpy.nan, 20]], [[100, numpy.nan]]], "f4")
    assert pixels(written(values), page="max")[0, :, 0].tolist() == [5, 1]


def test_a_file_of_one_page_is_as_it_is_whatever_is_asked_for() -> None:
    content = written(plane().astype("u2"))
    for settings in ({"page": 1}, {"page": "max"}, {"page": "mean"}, {"channels": (1,)}):
        assert (pixels(content, **settings)[..., 0] == levels(plane())).all()
    for settings in ({"page": 2}, {"channels": (2,)}):
        with pytest.raises(ImageError, match="2 is asked for, and the file has 1"):
            pixels(content, **settings)


def described(content: bytes, change: Callable[[str], str]) -> bytes:
    """Write the pages of an OME-TIFF with another description."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        text = change(file.pages.first.description)
        assert text != file.pages.first.description
        values = numpy.stack([page.asarray() for page in file.pages])
    return written(values, description=text, metadata=None, photometric="minisblack")


def test_planes_lie_where_the_description_says() -> None:
    stack = numpy.stack([numpy.stack([plane(z), plane(z + 3)]) for z in range(3)]).astype("u2")
    content = written(stack, ome=True, metadata={"axes": "ZCYX"}, photometric="minisblack")
    told = re.compile(r"<TiffData [^>]*/>")
    turned = "".join(
        f'<TiffData IFD="{5 - 2 * z - c}" FirstZ="{z}" FirstC="{c}" FirstT="0"/>'
        for z in range(3)
        for c in range(2)
    )
    changed = described(content, lambda text: told.sub(turned, text))
    assert (pixels(changed, page=1, channels=(1,))[..., 0] == levels(stack[2, 1])).all()
    assert (pixels(changed, page=3, channels=(2,))[..., 0] == levels(stack[0, 0])).all()
    wrong = described(content, lambda text: told.sub('<TiffData IFD="7"/>', text))
    with pytest.raises(ImageError, match="other planes than its description says"):
        pixels(wrong, page=1)


def images_of_ome() -> tuple[NDArray[Any], bytes]:
    """Return two stacks of (3, 2) pages and channels, and an OME-TIFF of both."""
    numbers = [plane(number) for number in range(12)]
    stacks = numpy.stack(numbers).reshape(2, 3, 2, 6, 8).astype("u2")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, ome=True) as file:
        for stack in stacks:
            file.write(stack, metadata={"axes": "ZCYX"}, photometric="minisblack")
    return stacks, stream.getvalue()


def test_of_several_images_in_an_ome_tiff_the_first_is_taken() -> None:
    stacks, content = images_of_ome()
    first = stacks[0]
    assert (pixels(content, page="max")[..., 0] == levels(first[:, 0].max(axis=0))).all()
    assert (pixels(content, page=2, channels=(2,))[..., 0] == levels(first[1, 1])).all()
    with pytest.raises(ImageError, match="page 4 is asked for, and the file has 3"):
        pixels(content, page=4)


@pytest.mark.parametrize(
    "sizes", [("9999999999999", "-9999999999993"), ("0", "12"), ("1", "2"), ("x", "3")]
)
def test_images_of_an_ome_tiff_with_other_sizes_are_not_believed(sizes: tuple[str, str]) -> None:
    stacks, content = images_of_ome()
    told = iter(sizes)
    changed = described(
        content, lambda text: re.sub('SizeZ="3"', lambda _: f'SizeZ="{next(told)}"', text)
    )
    assert (pixels(changed, page=12)[..., 0] == levels(stacks[1, 2, 1])).all()


WHOLE_ONLY: list[dict[str, Any]] = [
    {"photometric": "rgb", "compression": "jpeg"},
    {"photometric": "ycbcr", "compression": "lzw", "subsampling": (1, 1)},
    {"photometric": "separated"},
]


def saved(pages: list[Image.Image], **options: Any) -> bytes:  # noqa: ANN401
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], **options)
    return stream.getvalue()


def three_pages(mode: str) -> list[Image.Image]:
    """Return images (6, 8) of a mode, each of them darker below, at another row."""
    pages = [Image.new("L", (8, 6), 255) for _ in range(3)]
    for number, page in enumerate(pages):
        page.paste(0, (0, number + 2, 8, 6))
    return [page.convert(mode) for page in pages]


@pytest.mark.parametrize(
    ("mode", "compression"),
    [
        ("1", "group4"), ("1", "group3"), ("L", "jpeg"), ("RGB", "jpeg"), ("P", "raw"),
        ("P", "tiff_lzw"), ("CMYK", "raw"), ("CMYK", "tiff_adobe_deflate"), ("YCbCr", "raw"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("big", [False, True])
def test_a_page_of_a_kind_that_only_pillow_reads(mode: str, compression: str, big: bool) -> None:
    images = three_pages(mode)
    content = saved(images, compression=compression, big_tiff=big)
    for number, image in enumerate(images, start=1):
        decoded = decode_file(content, deep=DeepSettings(page=number))
        expected = numpy.asarray(image.convert("RGB")).astype(int)
        assert abs(numpy.asarray(decoded.image) - expected).max() <= 40
        assert decoded.original.pages == 3
    with pytest.raises(ImageError, match="page 4 is asked for, and the file has 3"):
        pixels(content, page=4)
    with pytest.raises(ImageError, match="there is no mean of them. Choose one, with --page"):
        pixels(content, page="mean")
    with pytest.raises(ImageError, match="cut short|damaged|make no sense"):
        pixels(content[: len(content) - 60], page=3)


def test_a_page_that_tifffile_wrote_as_jpeg() -> None:
    stack = numpy.zeros((3, 16, 16, 3), "u1")
    stack[1] = 200
    content = written(stack, photometric="rgb", compression="jpeg")
    assert abs(pixels(content, page=2).astype(int) - 200).max() <= 3
    assert not pixels(content, page=3).any()
    assert not pixels(content, channels=(1,)).any()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", ["u2", "f8"])
def test_pages_of_unlike_sizes_are_taken_one_by_one(dtype: str, big: bool, order: str) -> None:
    planes = [plane(), plane(1)[:4], plane(2)]
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=big, byteorder=order) as file:
        for each in (*planes, numpy.stack([plane(3)[:, :5], plane(4)[:, :5]])):
            file.write(each.astype(dtype), photometric="minisblack")
    content = stream.getvalue()
    planes += [plane(3)[:, :5], plane(4)[:, :5]]
    for number, each in enumerate(planes, start=1):
        decoded = decode_file(content, deep=DeepSettings(BY_20, page=number))
        assert (numpy.asarray(decoded.image)[..., 0] == levels(each)).all()
        assert decoded.original.pages == 5
    assert (pixels(content, channels=(1,))[..., 0] == levels(planes[0])).all()
    with pytest.raises(ImageError, match="page 6 is asked for, and the file has 5"):
        pixels(content, page=6)
    with pytest.raises(ImageError, match="channel 2 is asked for, and the file has 1"):
        pixels(content, page=1, channels=(2,))
    for how in ("max", "mean"):
        with pytest.raises(ImageError, match=f"unlike sizes or kinds: there is no {how} of them"):
            pixels(content, page=how)


def test_the_thumbnail_and_the_mask_of_a_page_are_taken_as_they_stand() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(plane().astype("u2"), metadata=None)
        file.write(plane()[::2, ::2].astype("u2"), subfiletype=1, metadata=None)
        file.write(plane(1).astype("u2"), metadata=None)
    assert (pixels(stream.getvalue(), page=2)[..., 0] == levels(plane(1))).all()
    assert (pixels(stream.getvalue(), page="max")[..., 0] == levels(
        numpy.maximum(plane(), plane(1))
    )).all()  # fmt: skip


@pytest.mark.parametrize("options", WHOLE_ONLY)
@pytest.mark.parametrize("settings", [{"page": 1}, {"page": "max"}, {"channels": (1, 2)}])
def test_where_there_is_nothing_to_choose_a_file_is_as_it_is(
    options: dict[str, Any], settings: dict[str, Any]
) -> None:
    samples = 4 if options["photometric"] == "separated" else 3
    content = written(numpy.full((16, 16, samples), 90, "u1"), **options)
    assert (pixels(content, **settings) == pixels(content)).all()
    with pytest.raises(ImageError, match="page 2 is asked for, and the file has 1"):
        pixels(content, page=2)


def test_a_file_that_another_belongs_to_opens_none(tmp_path: Path) -> None:
    other = tmp_path / "other.ome.tif"
    other.write_bytes(written(plane(1).astype("u2")))
    uuid = f'<TiffData IFD="0"><UUID FileName="{other}">urn:uuid:0</UUID></TiffData>'
    content = written(numpy.stack([plane(), plane(2)]).astype("u2"), ome=True)
    for size in ('SizeZ="1"', 'SizeZ="2"', 'SizeZ="1000000000"'):
        changed = described(
            content,
            lambda text, size=size: re.sub(  # type: ignore[misc]
                r"<TiffData [^>]*/>", uuid, text.replace('SizeZ="1"', size)
            ),
        )
        with openings(".tif") as opened:
            assert (pixels(changed, page=1)[..., 0] == levels(plane())).all()
        assert opened == []


def test_small_copies_are_no_pages() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(plane().astype("u2"), metadata=None)
        file.write(plane()[::2, ::2].astype("u2"), subfiletype=1, metadata=None)
    assert read_tiff_tags(stream.getvalue()).pages == 1
    assert decode_file(stream.getvalue()).original.pages == 1


WITHOUT = """
import sys
sys.modules["tifffile"] = sys.modules["imagecodecs"] = None
from torch_inception.images.decode import decode
from torch_inception.images.deep import DeepSettings
for number, name in enumerate(sys.argv[1:]):
    try:
        decode(open(name, "rb").read(), deep=DeepSettings(page="max" if number == 0 else None))
    except Exception as error:
        print(type(error).__name__, error)
    else:
        print("decoded")
"""


def test_without_the_extra_the_reason_names_it(tmp_path: Path) -> None:
    colour = numpy.stack([plane()] * 3).astype("u2")
    contents = [
        written(numpy.stack([plane(0), plane(1)]).astype("u2")),
        written(plane()),
        written(plane().astype("f2")),
        written(colour, photometric="rgb", planarconfig="separate"),
        written(plane().astype("u2"), compression="lerc"),
        written(plane().astype("u2")),
        written(numpy.dstack([plane()] * 3).astype("u2"), photometric="rgb"),
    ]
    names = [str(tmp_path / f"{number}.tif") for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        Path(name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *names], capture_output=True, text=True, check=True
    )
    *others, of_grey, of_colour = done.stdout.splitlines()
    assert (of_grey, of_colour) == ("decoded", "decoded")
    for line in others:
        assert line.startswith("ImageError")
        assert 'pip install "torch-inception[science]"' in line


def test_tifffile_is_imported_only_where_it_is_needed() -> None:
    code = (
        "import io, sys; from PIL import Image; from torch_inception.images.decode import decode\n"
        "file = io.BytesIO(); Image.new('I;16', (9, 9)).save(file, 'TIFF')\n"
        "decode(file.getvalue())\n"
        "assert not {'tifffile', 'imagecodecs'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "layout", [{"imagej": True}, {"ome": True}, {}, {"compression": "zlib"}], ids=str
)
@pytest.mark.parametrize("share", [0.45, 0.6, 0.95])
def test_a_stack_that_is_cut_short_is_not_taken_for_a_shorter_one(
    layout: dict[str, Any], share: float
) -> None:
    values = numpy.random.default_rng(0).integers(0, 4095, (3, 64, 64)).astype(numpy.uint16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack", **layout)
    content, deep = stream.getvalue(), DeepSettings(page="max")
    assert decode(content, deep=deep).size == (64, 64)
    with pytest.raises(ImageError, match="cut short"):
        decode(content[: int(share * len(content))], deep=deep)
