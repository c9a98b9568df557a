"""Sound image files of every format that is read, as Pillow and tifffile write them."""

import io
import itertools
import struct
from collections.abc import Iterator
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image

from tests.drawings import encoded
from tests.robustness.by_hand import interlaced_png, png

SIZES = [(1, 1), (1, 37), (37, 1), (5, 7), (16, 16), (17, 15), (64, 64), (65, 31)]
"""Width and height; strips, tiles and blocks are of 8, 16 or 64 pixels."""

LARGE = (300, 200)

File = tuple[str, bytes]
"""What it is, and its content."""


def contents(size: tuple[int, int]) -> dict[str, Image.Image]:
    """Return RGB images: rich and poor ones, and such as end in black."""
    width, height = size
    dice = numpy.random.default_rng(width * 1000 + height)
    noise = dice.integers(0, 256, (height, width, 3), numpy.uint8)
    y, x = numpy.mgrid[0:height, 0:width]
    gradient = numpy.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1)
    few = numpy.array([(0, 0, 0), (255, 0, 0), (0, 40, 90)])[(x // 3 + y // 5) % 3]
    ends_black = noise.copy()
    ends_black[height // 2 :] = 0
    kinds = {
        "noise": noise,
        "gradient": gradient,
        "few colours": few,
        "ends black": ends_black,
        "black": noise * 0,
        "white": noise * 0 + 255,
        "flat": noise * 0 + 130,
    }
    return {name: Image.fromarray(each.astype(numpy.uint8)) for name, each in kinds.items()}


def images(sizes: list[tuple[int, int]]) -> Iterator[tuple[str, Image.Image]]:
    """Yield RGB images and what they are."""
    for size in sizes:
        for name, image in contents(size).items():
            yield f"{name} {size[0]} x {size[1]}", image


ALL_SIZES = [*SIZES, LARGE]


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert RGB to a mode; where it has alpha, that is a gradient of grey."""
    grey = image.convert("L")
    if mode == "P":
        return image.quantize(16)
    if mode == "PA":
        return image.quantize(16).convert("PA")
    if mode in ("RGBA", "LA"):
        clear = image.convert(mode)
        clear.putalpha(grey.point([value // 2 for value in range(256)]))
        return clear
    if mode.startswith("I;16"):
        deep = numpy.asarray(grey).astype(numpy.uint16) * 257
        return Image.fromarray(deep.astype(">u2") if mode == "I;16B" else deep)
    if mode == "I":
        return Image.fromarray(numpy.asarray(grey).astype(numpy.int32) * 257)
    if mode == "F":
        return Image.fromarray(numpy.asarray(grey).astype(numpy.float32) / 255)
    if mode == "RGBX":
        return Image.merge("RGBX", (*image.split(), grey))
    return image.convert(mode)


def every(
    kind: str, modes: list[str], ways: list[dict[str, Any]], sizes: list[tuple[int, int]]
) -> Iterator[File]:
    """Yield files of each content, mode and way of saving."""
    for (name, image), mode in itertools.product(images(sizes), modes):
        converted = in_mode(image, mode)
        for options in ways:
            said = " ".join(f"{key}={str(value)[:20]}" for key, value in options.items())
            yield f"{kind} {mode} {said}: {name}", encoded(converted, kind, **options)


def jpeg_files() -> Iterator[File]:
    others = [Image.new("RGB", (30, 20), "red")]
    ways: list[dict[str, Any]] = [
        {}, {"quality": 1}, {"quality": 100, "subsampling": 0}, {"progressive": True},
        {"optimize": True}, {"restart_marker_blocks": 1}, {"restart_marker_rows": 1},
        {"progressive": True, "restart_marker_blocks": 2}, {"comment": b"\xff\xd8" * 9},
    ]  # fmt: skip
    yield from every("JPEG", ["L", "RGB", "CMYK"], ways, ALL_SIZES)
    yield from every("JPEG", ["RGB"], [{"subsampling": 1}, {"keep_rgb": True}], ALL_SIZES)
    yield from every("MPO", ["RGB"], [{"save_all": True, "append_images": others}], ALL_SIZES)
    film = b"\0\0\0\x18ftypmp42"
    for name, image in images([(17, 15)]):
        content = encoded(image, "JPEG")
        for number, behind in enumerate((b"\0", bytes(5000), film, content, b"\xff" * 9)):
            yield f"JPEG with something behind it ({number}): {name}", content + behind


def png_files() -> Iterator[File]:
    modes = ["1", "L", "LA", "I;16", "P", "RGB", "RGBA"]
    ways: list[dict[str, Any]] = [{}, {"optimize": True}, {"compress_level": 0}]
    yield from every("PNG", modes, ways, ALL_SIZES)
    yield from every("PNG", ["P"], [{"bits": bits} for bits in (4, 8)], ALL_SIZES)
    yield from every("PNG", ["L", "P"], [{"transparency": 0}], ALL_SIZES)
    yield from every("PNG", ["P"], [{"transparency": bytes(range(16))}], ALL_SIZES)
    yield from every("PNG", ["RGB"], [{"transparency": (0, 0, 0)}], ALL_SIZES)
    others = [Image.new("RGB", (5, 5), colour) for colour in ("black", "red")]
    yield from every("PNG", ["RGB"], [{"save_all": True, "append_images": others}], SIZES)
    for name, image in images(SIZES):
        yield f"PNG, interlaced: {name}", interlaced_png(image)
        yield f"PNG with zeros behind it: {name}", encoded(image, "PNG") + bytes(5000)
        width, height = image.size
        row = b"\0" + bytes(image.tobytes()[: 3 * width]) * 2
        yield f"PNG, RGB of 16 bits: {name}", png(image.size, row * height, depth=16, colour=2)


def gif_files() -> Iterator[File]:
    modes = ["1", "L", "P", "RGB", "RGBA"]
    ways: list[dict[str, Any]] = [
        {}, {"interlace": 0}, {"optimize": True}, {"comment": b"words " * 200},
    ]  # fmt: skip
    yield from every("GIF", modes, ways, ALL_SIZES)
    yield from every("GIF", ["L", "P"], [{"transparency": 0}], ALL_SIZES)
    for name, image in images(SIZES):
        frames = [Image.new("RGB", image.size), image.rotate(180), image]
        for disposal in (0, 1, 2, 3):
            options = {"save_all": True, "append_images": frames, "disposal": disposal}
            yield f"GIF, moving, {disposal}: {name}", encoded(image, "GIF", **options)
        yield f"GIF with zeros behind it: {name}", encoded(image, "GIF") + bytes(5000)


def webp_files() -> Iterator[File]:
    ways: list[dict[str, Any]] = [
        {"quality": quality, "method": method} for quality in (1, 60, 100) for method in (0, 4)
    ]
    ways += [{"lossless": True, **way} for way in ways]
    ways += [{"exif": bytes(200)}, {"xmp": b"x", "icc_profile": b"y"}]
    yield from every("WEBP", ["L", "P", "RGB", "RGBA"], ways, [(1, 1), (17, 15), LARGE])
    others = [Image.new("RGB", (5, 5))]
    for lossless in (False, True):
        moving = {"save_all": True, "append_images": others, "lossless": lossless}
        yield from every("WEBP", ["RGB", "RGBA"], [moving], [(5, 5)])
    for name, image in images(SIZES):
        yield f"WebP with zeros behind it: {name}", encoded(image, "WEBP") + bytes(5000)


def avif_files() -> Iterator[File]:
    fast = {"speed": 10}
    ways: list[dict[str, Any]] = [
        fast, {"quality": 1, **fast}, {"quality": 100, "subsampling": "4:4:4", **fast},
        {"subsampling": "4:0:0", "exif": Image.Exif().tobytes() + bytes(200), **fast},
    ]  # fmt: skip
    yield from every("AVIF", ["L", "RGB", "RGBA"], ways, [(1, 1), (17, 15), (65, 31)])
    yield from every("AVIF", ["RGB"], [fast], [LARGE])
    for mode in ("RGB", "RGBA"):
        others = [Image.new(mode, (17, 15))]
        yield from every("AVIF", [mode], [{"save_all": True, "append_images": others}], [(17, 15)])
    for name, image in images([(17, 15)]):
        yield f"AVIF with zeros behind it: {name}", encoded(image, "AVIF", **fast) + bytes(5000)


def jpeg2000_files() -> Iterator[File]:
    rates = {"quality_mode": "rates", "quality_layers": [40, 10, 2]}
    ways: list[dict[str, Any]] = [
        {}, {"no_jp2": True}, {"irreversible": True, **rates}, {"num_resolutions": 1, **rates},
        {"tile_size": (16, 16)}, {"tile_size": (16, 16), "tile_offset": (0, 0), **rates},
        {"progression": "RPCL", "codeblock_size": (4, 4)}, {"mct": 0, "plt": True},
        {"comment": b"words", "signed": False},
    ]  # fmt: skip
    small = [(1, 1), (37, 1), (17, 15), (64, 64)]
    yield from every("JPEG2000", ["L", "LA", "I;16", "RGB", "RGBA"], ways, small)
    for name, image in images([(17, 15)]):
        yield f"JPEG 2000 with zeros behind it: {name}", encoded(image, "JPEG2000") + bytes(5000)


def ico_files() -> Iterator[File]:
    sizes = [(16, 16), (32, 32), (48, 48), (256, 256)]
    ways: list[dict[str, Any]] = [
        {"sizes": chosen, "bitmap_format": kind}
        for chosen in (sizes, sizes[:1], sizes[1:3])
        for kind in ("png", "bmp")
    ]
    yield from every("ICO", ["1", "L", "P", "RGB", "RGBA"], ways, [(64, 64), (300, 200)])


def ppm_files() -> Iterator[File]:
    yield from every("PPM", ["1", "L", "I;16", "I", "RGB", "RGBA", "F"], [{}], ALL_SIZES)
    for name, image in images(SIZES):
        size = b"# a comment\n%d %d\n" % image.size
        grey = image.convert("L")
        for kind, values, most in (
            (b"P1\n", (value > 99 for value in grey.tobytes()), b""),
            (b"P2\n", grey.tobytes(), b"255\n"),
            (b"P3\n", image.tobytes(), b"255\n"),
        ):
            words = b" ".join(b"%d" % value for value in values)
            yield f"{kind!r} in words: {name}", kind + size + most + words + b"\n"


def bmp_files() -> Iterator[File]:
    yield from every("BMP", ["1", "L", "P", "RGB", "RGBA"], [{}], ALL_SIZES)
    for name, image in images(ALL_SIZES):
        content = encoded(image, "BMP")
        height = struct.pack("<i", -image.height)
        yield f"BMP, from the top: {name}", content[:22] + height + content[26:]
        yield f"BMP with zeros behind it: {name}", content + bytes(5000)


PLAIN = [None, "raw"]
PACKED = ["packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd"]
FAX = ["tiff_ccitt", "group3", "group4"]


def tiff_files() -> Iterator[File]:
    modes = [
        "1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B",
        "I", "F",
    ]  # fmt: skip
    sizes = [(1, 1), (1, 37), (37, 1), (17, 15), (64, 64)]
    for compression in [*PLAIN, *PACKED]:
        if compression in ("raw", *PACKED):
            modes = [mode for mode in modes if mode != "I;16B"]  # libtiff does not take it
        yield from every("TIFF", modes, [{"compression": compression}], sizes)
        yield from every("TIFF", ["1", "P", "RGB", "I;16"], [{"compression": compression}], [LARGE])
    yield from every("TIFF", ["1"], [{"compression": each} for each in FAX], ALL_SIZES)
    jpeg = {"compression": "jpeg", "quality": 75}
    yield from every("TIFF", ["L", "RGB", "CMYK", "YCbCr"], [jpeg], ALL_SIZES)


def odd_tiff_files() -> Iterator[File]:
    """Yield TIFFs that have something over, or several images, or small strips."""
    black = Image.new("RGB", (64, 64))
    ways: dict[str, dict[str, Any]] = {
        "a black last page": {"save_all": True, "append_images": [black]},
        "strips of few rows": {"strip_size": 64},
        "differences": {"tiffinfo": {317: 2}},
        "a tag of zeros": {"tiffinfo": {65000: bytes(3000)}},
        "BigTIFF": {"big_tiff": True},
    }
    for name, image in images([(17, 15), (64, 64), LARGE]):
        for mode, compression in itertools.product(("RGB", "P"), (*PLAIN, *PACKED)):
            converted = in_mode(image, mode)
            for odd, options in ways.items():
                if compression in (None, "raw", "packbits", "lzma") and odd == "differences":
                    continue
                content = encoded(converted, "TIFF", compression=compression, **options)
                yield f"TIFF {mode} {compression}, {odd}: {name}", content
            behind = encoded(converted, "TIFF", compression=compression) + bytes(5000)
            yield f"TIFF {mode} {compression}, zeros behind it: {name}", behind


def tifffile_files(tifffile: Any, compressions: list[str | None]) -> Iterator[File]:  # noqa: ANN401
    """Yield TIFFs that the package tifffile writes, without those that Pillow cannot read at all.

    Args:
        tifffile: the package.
        compressions: those that it can write here.
    """
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}), ({}, {"rowsperstrip": 1}), ({}, {"tile": (16, 16)}), ({}, {"tile": (64, 32)}),
        ({}, {"align": 4096}), ({"byteorder": ">"}, {}), ({"bigtiff": True}, {"tile": (16, 16)}),
    ]  # fmt: skip
    chosen = ((n, i) for n, i in images([(1, 1), (17, 33)]) if "white" not in n and "flat" not in n)
    for (name, image), compression in itertools.product(chosen, compressions):
        for kind, (array, own) in arrays(image).items():
            if compression is not None and "bitspersample" in own:
                continue  # it does not write that
            for of_file, of_image in ways:
                stream = io.BytesIO()
                with tifffile.TiffWriter(stream, **of_file) as file:
                    file.write(array, compression=compression, metadata=None, **of_image, **own)
                said = f"{kind} {of_file} {of_image} {compression}"
                yield f"tifffile, {said}: {name}", stream.getvalue()
    yield from _layers(tifffile, compressions)


def arrays(image: Image.Image) -> dict[str, tuple[NDArray[Any], dict[str, Any]]]:
    """Return an image in the kinds that TIFF has, and how each is written."""
    rgb, grey = numpy.asarray(image), numpy.asarray(image.convert("L"))
    few = image.quantize(16)
    colours = numpy.zeros((3, 256), numpy.uint16)
    found = numpy.array(few.getpalette()).reshape(-1, 3).T
    colours[:, : found.shape[1]] = found * 257
    clear, deep = numpy.dstack([rgb, grey // 2]), grey.astype(numpy.uint16) * 257
    black, alpha = {"photometric": "minisblack"}, {"extrasamples": ["unassalpha"]}
    plain, table = {"photometric": "rgb"}, {"photometric": "palette"}
    return {
        "grey": (grey, black),
        "grey, white is 0": (grey, {"photometric": "miniswhite"}),
        "grey, clear": (numpy.dstack([grey, grey]), {**black, **alpha, "planarconfig": "contig"}),
        "RGB": (rgb, plain),
        "RGB, planes": (rgb.transpose(2, 0, 1).copy(), {**plain, "planarconfig": "separate"}),
        "RGBA": (clear, {**plain, **alpha}),
        "RGBX": (clear, {**plain, "extrasamples": ["unspecified"]}),
        "palette": (numpy.asarray(few), {**table, "colormap": colours}),
        "CMYK": (numpy.asarray(image.convert("CMYK")), {"photometric": "separated"}),
        "1 bit": (grey > 99, black),
        "2 bits": (grey >> 6, {**black, "bitspersample": 2}),
        "4 bits": (grey >> 4, {**black, "bitspersample": 4}),
        "16 bits": (deep, black),
        "RGB of 16 bits": (rgb.astype(numpy.uint16) * 257, plain),
        "32 bits": (deep.astype(numpy.int32), black),
        "float": ((grey / 255).astype(numpy.float32), black),
    }


def _layers(tifffile: Any, compressions: list[str | None]) -> Iterator[File]:  # noqa: ANN401
    """Yield pyramids and stacks, as scanners and microscopes write them."""
    for (name, image), compression in itertools.product(images([(64, 64)]), compressions):
        rgb = numpy.asarray(image)
        options = {"photometric": "rgb", "compression": compression, "metadata": None}
        make = [(271, 2, 0, "Scanner Works", True)]
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream) as file:
            file.write(rgb, subifds=2, tile=(16, 16), extratags=make, **options)
            file.write(rgb[::2, ::2], subfiletype=1, tile=(16, 16), **options)
            file.write(rgb[::4, ::4] * 0, subfiletype=1, tile=(16, 16), **options)
        yield f"tifffile, a pyramid, {compression}: {name}", stream.getvalue()
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream, ome=True) as file:
            stack = numpy.stack([rgb, rgb * 0])
            file.write(stack, photometric="rgb", compression=compression, subifds=1)
            file.write(stack[:, ::2, ::2], subfiletype=1, photometric="rgb")
        yield f"tifffile, OME, {compression}: {name}", stream.getvalue()
    for name, image in images([(64, 64)]):
        grey = numpy.asarray(image.convert("L"))
        for number, stack in enumerate((grey, numpy.stack([grey, grey * 0]).astype(numpy.uint16))):
            stream = io.BytesIO()
            tifffile.imwrite(stream, stack, imagej=True)
            yield f"tifffile, ImageJ {number}: {name}", stream.getvalue()
