"""Images of more than 8 bits, in the core: what range they are scaled by, and what stays."""

import io
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.images.test_decode import png
from torch_inception.errors import ConfigError, ImageError
from torch_inception.images import deep
from torch_inception.images.decode import decode, decode_file, may_be_deep, to_image
from torch_inception.images.deep import DeepSettings, ValueRange, image_range
from torch_inception.images.preprocess import Preprocessing

TWELVE_BITS = DeepSettings(ValueRange(0, 4095))


def tiff(values: NDArray[Any], **tags: Any) -> bytes:  # noqa: ANN401
    stream = io.BytesIO()
    info = {int(name[1:]): value for name, value in tags.items()}
    Image.fromarray(values).save(stream, "TIFF", tiffinfo=info)
    return stream.getvalue()


def grey(content: bytes, settings: DeepSettings = deep.ITS_OWN_RANGE) -> NDArray[numpy.uint8]:
    """Decode an image whose channels must be the same, and return one."""
    pixels = numpy.asarray(decode(content, deep=settings))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def ramp(dtype: str = "u2", *, low: float = 100, high: float = 1100) -> NDArray[Any]:
    return numpy.linspace(low, high, 1001).reshape(7, 143).astype(dtype)


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
def test_the_range_of_an_image_is_its_percentiles(dtype: str) -> None:
    # Of 1001 equal steps from 100 to 1100, 0.1 and 99.9 percent are the second and the last but
    # one.
    assert image_range(ramp(dtype)) == pytest.approx((101, 1099))
    expected = ((ramp("f8") - 101) / 998 * 255).round().clip(0, 255)
    assert abs(grey(tiff(ramp(dtype))) - expected).max() <= 1
    assert (grey(tiff(ramp(dtype)))[[0, -1], [0, -1]] == [0, 255]).all()


def test_few_hot_pixels_do_not_darken_the_others() -> None:
    values = numpy.full((100, 100), 200, "u2")
    values[50:] = 300
    values[0, :5] = 60_000
    assert sorted(set(grey(tiff(values)).ravel())) == [0, 255]
    assert (grey(tiff(values))[50:] == 255).all()


def test_where_nearly_all_values_are_the_same_the_others_are_seen() -> None:
    values = numpy.full((100, 100), 7, "u2")
    values[0, 0] = 9
    assert grey(tiff(values))[0, :2].tolist() == [255, 0]


@pytest.mark.parametrize("value", [0, 1, 40_000, numpy.nan, numpy.inf])
def test_an_image_of_one_value_is_black(value: float) -> None:
    dtype = "u2" if numpy.isfinite(value) else "f4"
    assert not grey(tiff(numpy.full((5, 4), value, dtype))).any()
    assert not grey(tiff(numpy.full((5, 4), value, dtype), _262=0)).any()


def test_what_is_not_finite_counts_for_no_range_and_is_told() -> None:
    values = ramp("f4")
    expected = grey(tiff(values))
    values[0, :3] = numpy.nan, numpy.inf, -numpy.inf
    found = decode_file(tiff(values))
    assert found.original.not_finite == pytest.approx(3 / 1001)
    assert grey(tiff(values))[0, :3].tolist() == [0, 255, 0]
    assert abs(grey(tiff(values))[1:].astype(int) - expected[1:]).max() <= 2
    assert decode_file(tiff(ramp("f4"))).original.not_finite == 0


@pytest.mark.parametrize("dtype", ["u2", "f4", "u1"])
def test_low_values_are_bright_where_the_file_says_so(dtype: str) -> None:
    values = ramp(dtype, low=5, high=250)
    white_is_zero = tiff(values, _262=0)
    if dtype == "u1":  # Pillow turns these over when it writes them, too
        white_is_zero = tiff(255 - values).replace(
            b"\x06\x01\x03\0\x01\0\0\0\x01\0", b"\x06\x01\x03\0\x01\0\0\0\0\0"
        )
        assert (grey(white_is_zero) == values).all()
    else:
        total = grey(white_is_zero).astype(int) + grey(tiff(values))
        assert abs(total - 255).max() <= 1


def test_unsigned_integers_of_32_bits_have_no_sign() -> None:
    values = numpy.array([[0, 2**31 - 1, 2**32 - 1]], "u4")
    content = tiff(values.view("i4"))
    # The tag 339 that Pillow wrote says "signed"; 1 is "unsigned".
    signed, unsigned = b"\x53\x01\x03\0\x01\0\0\0\x02\0", b"\x53\x01\x03\0\x01\0\0\0\x01\0"
    assert signed in content
    assert grey(content.replace(signed, unsigned))[0].tolist() == [0, 127, 255]
    assert grey(tiff(numpy.array([[-300, 1, 300]], "i4")))[0].tolist() == [0, 128, 255]


def test_a_fixed_range_is_the_same_for_all_images() -> None:
    for values in ([[0, 4095, 819]], [[819, 819, 819]], [[9000, 0, 819]]):
        found = grey(tiff(numpy.array(values, "u2")), TWELVE_BITS)
        assert found[0, 2] == 51
    assert grey(tiff(numpy.array([[9000]], "u2")), TWELVE_BITS)[0, 0] == 255


@pytest.mark.parametrize("settings", [deep.ITS_OWN_RANGE, TWELVE_BITS])
def test_images_of_8_bits_are_left_alone(settings: DeepSettings) -> None:
    values = ramp("u1", low=40, high=60)
    assert (grey(tiff(values), settings) == values).all()
    for kind in ("PNG", "BMP", "PPM", "TIFF"):
        stream = io.BytesIO()
        Image.fromarray(values).convert("RGB").save(stream, kind)
        assert (grey(stream.getvalue(), settings) == values).all()
    assert (numpy.asarray(to_image(Image.fromarray(values), deep=settings))[..., 0] == values).all()


def test_a_pil_image_goes_the_way_of_its_file() -> None:
    for content in (tiff(ramp()), tiff(ramp("f4"), _262=0)):
        opened = Image.open(io.BytesIO(content))
        for settings in (deep.ITS_OWN_RANGE, TWELVE_BITS):
            assert to_image(opened, deep=settings) == decode(content, deep=settings)


@pytest.mark.parametrize("samples", [3, 4])
def test_colour_of_16_bits_is_read_in_full_and_has_one_range(samples: int) -> None:
    # Values of 10 bits: the higher byte alone has four levels.
    red = numpy.arange(1001)
    pixels = numpy.stack([red, red // 2, red * 0, red * 0 + 65535][:samples], axis=-1)
    content = png(pixels.tolist(), depth=16, colour_type=2 if samples == 3 else 6)
    found = numpy.asarray(decode(content))[0]
    low, high = numpy.percentile(pixels[..., :3], (0.1, 99.9))
    expected = (pixels[..., :3] - low) / (high - low) * 255
    assert abs(found - expected.round().clip(0, 255)).max() <= 1
    assert len(set(found[:, 0].tolist())) == 256


@pytest.mark.parametrize("most", [300, 4095, 65535])
@pytest.mark.parametrize("kind", ["P5", "P6"])
def test_ppm_has_the_values_of_its_file(kind: str, most: int) -> None:
    values = numpy.array([[0, 150, 75, 300], [300, 15, 30, 0]])
    pixels = values if kind == "P5" else numpy.stack([values, values // 3, values // 5], axis=-1)
    content = f"{kind} 4 2 {most}\n".encode() + pixels.astype(">u2").tobytes()
    found = numpy.asarray(decode(content, deep=DeepSettings(ValueRange(0, 255 * 15))))
    expected = (pixels if kind == "P6" else pixels[..., None]) / 15
    assert abs(found - expected).max() <= 0.5
    assert numpy.asarray(decode(content)).max() == 255
    with pytest.raises(ImageError):
        decode(content[:-1])


@pytest.mark.parametrize("most", [300, 4095, 65535])
@pytest.mark.parametrize("kind", ["P2", "P3"])
def test_ppm_in_digits_has_the_values_of_its_file_too(kind: str, most: int) -> None:
    values = numpy.arange(4 * 2 * (1 if kind == "P2" else 3)) * 12
    pixels = values.reshape(2, 4, -1)
    digits = " ".join(map(str, values)).replace(" 12 ", " # a dozen\n12\t")
    content = f"{kind}\n# by hand\n4 2 {most}\n{digits}\n".encode()
    by_15 = DeepSettings(ValueRange(0, 255 * 15))
    decoded = decode_file(content, deep=by_15)
    assert abs(numpy.asarray(decoded.image) - pixels / 15).max() <= 0.5
    assert decoded.original.is_deep
    # What is damaged is Pillow's to refuse.
    for wrong in (
        content.replace(b" 36 ", b" 70000 "), content.replace(b" 36 ", b" x "), content[:-4] + b"\n"
    ):  # fmt: skip
        with pytest.raises(ImageError):
            decode(wrong, deep=by_15)


def test_values_that_a_range_cuts_off_are_counted() -> None:
    values = numpy.arange(0, 1000, 10, dtype="u2").reshape(10, 10)
    colours = png([[value] * 3 for value in values.ravel().tolist()], depth=16, colour_type=2)
    for content in (tiff(values), tiff(values.astype("f4")), colours):
        original = decode_file(content, deep=DeepSettings(ValueRange(95, 885))).original
        # 0 to 90, and 890 to 990.
        assert original.outside == pytest.approx(0.21)
        assert original.is_deep
        assert decode_file(content).original.outside == 0
    eight_bits = tiff(values.astype("u1"))
    assert decode_file(eight_bits, deep=DeepSettings(ValueRange(95, 885))).original.outside == 0
    assert not decode_file(eight_bits).original.is_deep


def test_grey_of_16_bits_with_alpha_is_laid_on_white() -> None:
    pixels = [[0, 65535], [300, 65535], [600, 65535], [300, 0]]
    found = numpy.asarray(decode(png(pixels, depth=16, colour_type=4)))[0]
    assert found[:, 0].tolist() == [0, 128, 255, 255]


def test_a_colour_of_16_bits_that_stands_for_clear_becomes_white() -> None:
    pixels = [[0, 0, 0], [300, 0, 0], [301, 0, 0]]
    content = png(pixels, depth=16, colour_type=2, transparent=(300, 0, 0))
    assert numpy.asarray(decode(content))[0, 1].tolist() == [255, 255, 255]
    assert numpy.asarray(decode(content))[0, 2].tolist() == [255, 0, 0]


def test_alpha_of_16_bits_that_is_zero_everywhere_is_ignored() -> None:
    colours = [[0, 300, 600, 0], [600, 0, 300, 0]]
    found = numpy.asarray(decode(png(colours, depth=16, colour_type=6)))
    assert found.tolist() == [[[0, 128, 255], [255, 0, 128]]]
    grey_levels = [[0, 0], [300, 0], [600, 0]]
    found = numpy.asarray(decode(png(grey_levels, depth=16, colour_type=4)))
    assert found[0, :, 1].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("colour_type", "clear", "seen", "other"),
    [(0, (819,), (51, 51, 51), (820,)), (2, (819, 0, 1638), (51, 0, 102), (819, 256, 1638))],
)
def test_deep_pixels_that_are_all_clear_are_seen_and_some_are_white(
    colour_type: int, clear: tuple[int, ...], seen: tuple[int, ...], other: tuple[int, ...]
) -> None:
    def written(*pixels: tuple[int, ...]) -> bytes:
        rows = [list(pixel) for pixel in pixels]
        return png(rows, depth=16, colour_type=colour_type, transparent=clear)

    assert decode(written(clear, clear), deep=TWELVE_BITS).getcolors() == [(2, seen)]
    some = decode(written(clear, other), deep=TWELVE_BITS)
    assert some.getpixel((0, 0)) == (255, 255, 255)
    assert some.getpixel((1, 0)) != (255, 255, 255)


def test_the_range_of_a_large_image_is_of_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    values = numpy.arange(40_000, dtype="u2").reshape(200, 200)
    whole = image_range(values)
    monkeypatch.setattr(deep, "MOST_VALUES", 1000)
    assert image_range(values) == pytest.approx(whole, abs=2000)
    assert image_range(values) != whole


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (tiff(ramp()), True),
        (png([[1]], depth=16, colour_type=0), True),
        (png([[1]], depth=8, colour_type=0), False),
        (b"P5 1 1 65535\n\0\0", True),
        (b"\xff\xd8\xff\xe0", False),
        (b"GIF89a", False),
    ],
)
def test_what_may_be_deep_is_told_by_the_first_bytes(content: bytes, expected: bool) -> None:
    assert may_be_deep(content) is expected


def test_an_identity_for_each_meaning() -> None:
    ways: list[dict[str, Any]] = [
        {}, {"intensity": "0,1"}, {"intensity": "0,2"}, {"page": "1"}, {"page": "max"},
        {"page": "mean"}, {"channels": "1"}, {"channels": "1,2"}, {"channels": "12"},
        {"intensity": "dataset", "dataset_range": (0.0, 3.0)},
        {"page": "max", "channels": "1"}, {"exact_decode": True}, {"resize": "pad"},
    ]  # fmt: skip
    assert len({Preprocessing(**way).identity for way in ways}) == len(ways)
    # Version 1 had no range of values, and took an image whose alpha is zero everywhere for white.
    assert all("reduced 1" not in Preprocessing(**way).identity for way in ways)
    # The same meaning has the same rows.
    dataset = Preprocessing(intensity="dataset", dataset_range=(0.0, 1.0))
    assert dataset.identity == Preprocessing(intensity="0,1").identity
    assert Preprocessing(intensity="dataset").identity == Preprocessing().identity
    assert Preprocessing(page="01").identity == Preprocessing(page="1").identity


@pytest.mark.parametrize(
    "settings",
    [
        {"intensity": "all"}, {"intensity": 5}, {"page": "0"}, {"page": 1}, {"channels": (1, 2)},
        {"dataset_range": (1, 2)}, {"dataset_range": (2.0, 1.0)}, {"dataset_range": "ab"},
        {"dataset_range": (0.0, float("nan"))}, {"dataset_range": (0.0, 1.0, 2.0)},
    ],
)  # fmt: skip
def test_a_preprocessing_that_means_nothing_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Preprocessing(**settings)
