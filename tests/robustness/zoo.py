"""Bad and odd files, made anew each time: what each is called, and what must become of it."""

import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy
from PIL import Image

from tests.drawings import encoded, landscape
from tests.robustness.by_hand import (
    after,
    chunk,
    interlaced_png,
    jpeg_of_many_scans,
    patched,
    png,
    tall_jpeg,
    tiff,
    webp_of,
    with_chunk,
)
from torch_inception.images.plugins import readable_formats

EXIF_ORIENTATION = 0x0112

LIMIT = 9400
"""A square of this side is nearly as large as images may be."""

IMAGE = Image.fromarray(landscape(64)).resize((60, 44))

HAS_AVIF = "AVIF" in readable_formats()

Maker = Callable[[bytes], None]


class Animal(NamedTuple):
    """A file.

    Attributes:
        name: what it is called.
        content: what it contains, or a function that makes it at a path.
        reason: words that tell why it is skipped; empty for one that is a good image.
    """

    name: bytes
    content: bytes | Maker
    reason: str = ""

    def release(self, folder: Path) -> Path:
        """Make the file in a folder; return its path."""
        path = os.path.join(os.fsencode(folder), self.name)  # noqa: PTH118 - not valid UTF-8
        if callable(self.content):
            self.content(path)
        else:
            Path(os.fsdecode(path)).write_bytes(self.content)
        return Path(os.fsdecode(path))


def zoo() -> list[Animal]:
    """Return all of them."""
    animals = [*_cut(), *_no_images(), *_odd(), *_large(), *_hostile(), *_named(), *_no_files()]
    assert len({animal.name for animal in animals}) == len(animals)
    return animals


def small_files() -> dict[str, bytes]:
    """Return the content of those that are decoded or refused at once."""
    small = [*_cut(), *_no_images(), *_odd(), *_hostile()]
    contents = {os.fsdecode(animal.name): animal.content for animal in small}
    return {n: c for n, c in contents.items() if isinstance(c, bytes) and len(c) < 10**6}


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = number
    return exif


def _cut() -> Iterator[Animal]:
    jpeg = encoded(IMAGE, "JPEG")
    whole = {
        "png": encoded(IMAGE, "PNG"),
        "progressive.jpg": encoded(IMAGE, "JPEG", progressive=True),
        "webp": encoded(IMAGE, "WEBP"),
        "lossless.webp": encoded(IMAGE, "WEBP", lossless=True),
        "gif": encoded(IMAGE, "GIF"),
        "bmp": encoded(IMAGE, "BMP"),
        "tif": encoded(IMAGE, "TIFF", compression="tiff_lzw"),
        "jp2": encoded(IMAGE, "JPEG2000"),
        "ppm": encoded(IMAGE, "PPM"),
        "ico": encoded(IMAGE.convert("RGBA"), "ICO", sizes=[(32, 32)]),
    }
    if HAS_AVIF:
        whole["avif"] = encoded(IMAGE, "AVIF")
    for place in range(1, 21, 3):
        yield Animal(b"cut %02d.jpg" % place, jpeg[: len(jpeg) * place // 21], "cut short")
    yield Animal(b"cut before its end.jpg", jpeg[:-2], "cut short")
    yield Animal(b"zeros at the end.jpg", jpeg[:-200] + bytes(200), "cut short")
    for ending, content in whole.items():
        for share in (30, 90):
            cut = content[: len(content) * share // 100]
            yield Animal(b"cut %d.%s" % (share, ending.encode()), cut, "cut short")
        if ending not in ("bmp", "ppm"):
            zeros = content[: len(content) * 3 // 4].ljust(len(content), b"\0")
            reason = "damaged" if ending in ("png", "ico") else "cut short"
            yield Animal(b"zeros at the end.%s" % ending.encode(), zeros, reason)
    yield Animal(b"one bit wrong.png", _flipped(whole["png"], len(whole["png"]) // 2), "checksum")
    yield Animal(b"wrong code.tif", patched(whole["tif"], 8, ">B", 0x7F), "damaged")
    yield Animal(b"numbers.ppm", b"P3 1 1 255\n200 100 30", "last number")


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _no_images() -> Iterator[Animal]:
    ftyp = b"\0\0\0\x18ftyp%s\0\0\0\0mif1miaf"
    error = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>"
    for name, content, reason in (
        ("empty.jpg", b"", "empty"),
        ("zeros.jpg", bytes(5000), "zeros"),
        ("noise.jpg", numpy.random.default_rng(0).bytes(5000), "not an image"),
        ("notes.txt", "remember the milk - déjà vu\n".encode(), "text"),
        ("404.jpg", error, "web page"),
        ("403.jpg", b"\n\n<html><body>Forbidden</body></html>", "web page"),
        ("drawing.svg", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        ("paper.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        ("layers.psd", b"8BPS\0\1" + bytes(20), "Photoshop"),
        ("archive.zip", b"PK\3\4" + bytes(30), "ZIP"),
        ("archive.gz", b"\x1f\x8b\x08\0" + bytes(9), "archive"),
        ("film.mp4", ftyp % b"isom", "video"),
        ("film.mov", ftyp % b"qt  ", "video"),
        ("film.avi", b"RIFF\0\0\1\0AVI LIST", "video"),
        ("film.mkv", b"\x1aE\xdf\xa3" + bytes(30), "video"),
        ("sound.mp3", b"ID3\4\0" + bytes(30), "sound"),
        ("settings.json", b'{"a": 1}', "JSON"),
        ("list.xml", b"<?xml version='1.0'?><list/>", "XML"),
        ("pointer.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs"),
        ("program.exe", b"MZ\x90\0" + bytes(60), "program"),
        ("image.jxl", b"\xff\x0a" + bytes(30), "JPEG XL"),
        ("image.heic", ftyp % b"heic", "HEIC"),
    ):
        yield Animal(name.encode(), content, reason)


def _odd() -> Iterator[Animal]:
    """Good images of kinds that are seldom."""
    grey = IMAGE.convert("L")
    deep = Image.fromarray(numpy.asarray(grey).astype(numpy.uint16) * 257)
    frames = [IMAGE.rotate(90 * turn) for turn in range(1, 4)]
    clear = IMAGE.convert("RGBA")
    clear.putalpha(grey)
    cmyk = encoded(IMAGE.convert("CMYK"), "JPEG")
    jpeg = encoded(IMAGE, "JPEG")
    several = {"save_all": True, "append_images": frames}
    for name, content in (
        ("wrong ending.png", jpeg),
        ("no ending", jpeg),
        ("cmyk.jpg", cmyk),
        ("cmyk, not inverted.jpg", patched(cmyk, after(cmyk, b"Adobe") + 6, ">B", 0)),
        ("16-bit grey.png", encoded(deep, "PNG")),
        ("16-bit grey.tif", encoded(deep, "TIFF")),
        ("1-bit.png", encoded(grey.convert("1"), "PNG")),
        ("fax.tif", encoded(grey.convert("1"), "TIFF", compression="group4")),
        ("palette.png", encoded(IMAGE.quantize(9), "PNG", transparency=b"\0\x80")),
        ("grey, clear.png", encoded(clear.convert("LA"), "PNG")),
        ("clear.webp", encoded(clear, "WEBP")),
        ("moving.gif", encoded(IMAGE, "GIF", **several)),
        ("moving.webp", encoded(IMAGE, "WEBP", **several)),
        ("moving.png", encoded(IMAGE, "PNG", **several)),
        ("several.tif", encoded(IMAGE, "TIFF", **several)),
        ("several.mpo", encoded(IMAGE, "MPO", save_all=True, append_images=frames[:1])),
        ("interlaced.png", interlaced_png(IMAGE)),
        ("progressive.jpg", encoded(IMAGE, "JPEG", progressive=True)),
        ("with a film after it.jpg", jpeg + b"\0\0\0\x18ftypmp42" + bytes(999)),
        ("broken exif.jpg", encoded(IMAGE, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")),
        ("broken profile.jpg", encoded(IMAGE, "JPEG", icc_profile=b"no profile" * 9)),
        ("broken profile.png", with_chunk(encoded(IMAGE, "PNG"), b"iCCP", b"x\0\0nothing")),
        ("one pixel.png", encoded(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG")),
        ("high.png", encoded(Image.new("RGB", (1, 20_000)), "PNG")),
        ("wide.png", encoded(Image.new("RGB", (20_000, 1)), "PNG")),
        ("thousand frames.gif", _thousand_frames()),
        ("loop.tif", tiff(then=24)),
    ):
        yield Animal(name.encode(), content)
    yield from _odd_to_pillow()
    for number in range(1, 9):
        yield Animal(
            b"orientation %d.jpg" % number, encoded(IMAGE, "JPEG", exif=orientation(number))
        )


def _odd_to_pillow() -> Iterator[Animal]:
    """Good images that Pillow warns of, or that its switches decide about."""
    png, jpeg = encoded(IMAGE, "PNG"), encoded(IMAGE, "JPEG")
    icon = encoded(IMAGE.convert("RGBA"), "ICO", sizes=[(32, 32)])
    no_index = b"MPF\0II*\0\x08\0\0\0\xff\xff" + bytes(20)
    mpf = b"\xff\xe2" + struct.pack(">H", len(no_index) + 2) + no_index
    # A signalling NaN, infinity, the largest and the smallest number, and minus zero.
    numbers = struct.pack("<5I", 0x7FA00001, 0x7F800000, 0x7F7FFFFF, 1, 0x80000000)
    floats = Image.fromarray(numpy.frombuffer(numbers, numpy.float32).reshape(1, 5))
    for name, content in (
        ("packed text.png", with_chunk(png, b"zTXt", b"a\0\0" + zlib.compress(bytes(5000)))),
        ("profile.png", encoded(IMAGE, "PNG", icc_profile=bytes(5000))),
        ("palette with alpha.png", encoded(IMAGE.quantize(9), "PNG", transparency=bytes(range(9)))),
        ("animation of nothing.png", with_chunk(png, b"acTL", bytes(8))),
        ("says less.ico", patched(icon, 6, "<BB", 16, 16)),
        ("index of no images.jpg", jpeg[:2] + mpf + jpeg[2:]),
        ("tag beyond the file.tif", tiff((305, 2, 4000, 9000))),
        ("strips of one row.tif", tiff((278, 4, 1, 1))),
        ("odd numbers.tif", encoded(floats, "TIFF")),
        ("beyond its screen.gif", patched(encoded(IMAGE, "GIF"), 6, "<HH", 30, 20)),
        ("clear.gif", encoded(IMAGE.quantize(9), "GIF", transparency=3)),
        ("clear, grey.gif", encoded(IMAGE.convert("L"), "GIF", transparency=7)),
    ):
        yield Animal(name.encode(), content)


def _thousand_frames() -> bytes:
    frames = [Image.new("L", (8, 8), number % 256) for number in range(1000)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _large() -> Iterator[Animal]:
    """Files of a few kB: those that would take all memory are refused, the largest others not."""
    side, rows = LIMIT, LIMIT * (LIMIT + 1)
    small = encoded(IMAGE, "PNG")
    j2k = encoded(IMAGE, "JPEG2000", no_jp2=True)
    jpeg = encoded(IMAGE, "JPEG")
    yield Animal(b"bomb.png", png((50_000, 50_000), bytes(10**6), depth=1), "too large")
    yield Animal(b"bomb.gif", patched(encoded(IMAGE, "GIF"), 6, "<HH", 60_000, 60_000), "large")
    yield Animal(b"bomb.bmp", patched(encoded(IMAGE, "BMP"), 18, "<II", 50_000, 9999), "large")
    yield Animal(b"bomb.tif", tiff(size=(30_000, 30_000)), "too large")
    yield Animal(b"bomb.ppm", b"P6 20000 8000 255\n", "too large")
    if HAS_AVIF:
        avif = encoded(IMAGE, "AVIF")
        bomb = patched(avif, after(avif, b"ispe") + 4, ">II", 30_000, 30_000)
        yield Animal(b"bomb.avif", bomb, "damaged")
    yield Animal(
        b"bomb.jp2", patched(j2k, 8, ">IIIIII", 60_000, 60_000, 0, 0, 60_000, 60_000), "large"
    )
    frame = jpeg.index(b"\xff\xc0") + 5
    yield Animal(b"bomb.jpg", patched(jpeg, frame, ">HH", 65_000, 65_000), "too large")
    yield Animal(b"a long line.png", png((1, 2 * 10**6), bytes(4 * 10**6)), "too long")
    yield Animal(
        b"large text bomb.png", with_chunk(small, b"zTXt", b"a\0\0" + _zeros(10**8)), "too much"
    )
    yield Animal(b"many scans.jpg", jpeg_of_many_scans((16_000, 8000), 20_000), "scans")
    yield Animal(b"kept scans.jpg", jpeg_of_many_scans((17_000, 17_000), 2), "memory")
    yield Animal(b"one scan.jpg", tall_jpeg((17_000, 17_000), is_progressive=True), "memory")
    yield Animal(b"large.jpg", tall_jpeg((31_000, 32_000)))
    yield Animal(b"large.png", png((side, side), bytes(rows)))
    yield Animal(b"large, 16 bits.png", png((side, side), bytes(rows + side * side), depth=16))
    yield Animal(b"large, clear.png", png((side, side), bytes(rows + 3 * side * side), colour=6))
    yield Animal(b"large, interlaced.png", png((side, side), bytes(rows + 9 * side), interlaced=1))
    yield Animal(b"large.webp", webp_of((6480, 6480)))
    yield Animal(b"text.png", with_chunk(small, b"tEXt", b"a\0" + b"b" * 10**6))


def _zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def _hostile() -> Iterator[Animal]:
    jpeg, image = encoded(IMAGE, "JPEG"), encoded(IMAGE, "PNG")
    text = chunk(b"zTXt", b"a\0\0" + _zeros(2**20 - 1))
    # Without a table of colours the blocks begin at once.
    gif = encoded(IMAGE, "GIF")
    gif = gif[:10] + b"\0" + gif[11:13] + gif[13 + 3 * 256 :]
    for name, content, reason in (
        ("strips.tif", tiff((273, 4, 2**31, 8)), "numbers in one tag"),
        ("bits.tif", tiff((258, 3, 2**32 - 1, 8)), "numbers in one tag"),
        ("strip elsewhere.tif", tiff((273, 4, 1, 2**31)), "cut short"),
        ("no rows.tif", tiff((278, 4, 1, 0)), "damaged"),
        ("no size.tif", tiff(size=(0, 0)), "TIFF"),
        ("no tags.tif", b"II*\0\x08\0\0\0\xff\xff", "tags"),
        ("tags elsewhere.tif", b"MM\0*\xff\xff\xff\xff", "tags"),
        ("big tags.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**63), "tags"),
        ("compression.tif", tiff((259, 3, 1, 60_000)), "seldom kind"),
        ("segments.jpg", jpeg[:2] + b"\xff\xfe\0\2" * 200_000 + jpeg[2:], "segments"),
        ("exif.jpg", jpeg[:2] + (b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)) * 40, "EXIF"),
        ("chunks.png", with_chunk(b"\x89PNG\r\n\x1a\n" + bytes(25), b"", b""), "PNG"),
        ("blocks.gif", gif[:13] + b"!\xfe\0" * 500_000 + gif[13:], "preceded"),
        ("filled.jpg", jpeg[:2] + b"\xff" * 10**8 + jpeg[2:], "segments"),
        (
            "comment.gif",
            gif[:13] + b"!\xfe" + (b"\xff" + bytes(255)) * 10**4 + b"\0" + gif[13:],
            "preceded",
        ),
        (
            "short blocks.gif",
            gif[:13] + b"," + bytes(9) + b"\x08" + b"\1\1" * 10**7,
            "too many blocks",
        ),
        ("comment.ppm", b"P6 #" + b"x" * 10**8 + b"\n1 1 255\n\0\0\0", "without a size"),
        ("slow.ppm", b"P6 2000 2000 200\n" + bytes(12_000_000), "too long to decode"),
        ("bomb.webp", webp_of((16_383, 16_383)), "too large"),
        ("text bomb.png", with_chunk(image, b"zTXt", b"a\0\0" + _zeros(2**21)), "too much"),
        ("texts.png", image[:33] + text * 70 + image[33:], "damaged"),
        ("no such filter.png", png((2, 2), b"\x09" + bytes(5)), "damaged"),
        ("header only.jpg", b"\xff\xd8\xff\xe0", "cut short"),
        ("signature only.png", b"\x89PNG\r\n\x1a\n", "cut short"),
        ("icon of nothing.ico", b"\0\0\1\0\xff\xff", "cut short"),
    ):
        yield Animal(name.encode(), content, reason)


def _named() -> Iterator[Animal]:
    """Good images with names that trip programs up."""
    jpeg = encoded(IMAGE, "JPEG")
    names = [
        " spaces ", "quotes '\"` $(ls) %s {} ;&|", "two\nlines\r\n", "tab\tand bell\a",
        "emoji 🐈‍⬛", "right to left \u202egpj", "-rf", "~", "*?[a]", "ünï" * 30,
        "comma, semicolon;", "\x1b[31mred", "back\\slash",
    ]  # fmt: skip
    for name in names:
        yield Animal(name.encode() + b".jpg", jpeg)
    yield Animal(b"not UTF-8 \xff\xfe.jpg", jpeg)
    yield Animal(b"255 bytes ".ljust(251, b"n") + b".jpg", jpeg)


def _no_files() -> Iterator[Animal]:
    yield Animal(b"folder.jpg", os.mkdir, "empty folder")
    yield Animal(b"pipe.jpg", os.mkfifo, "a pipe")
    yield Animal(b"socket.jpg", _socket, "a socket")
    yield Animal(b"zero.jpg", _link("/dev/zero"), "a device")
    yield Animal(b"full.jpg", _link("/dev/full"), "a device")
    yield Animal(b"broken link.jpg", _link("nowhere"), "link")
    yield Animal(b"loop of links.jpg", _link("loop of links.jpg"), "back to itself")
    yield Animal(b"hole.jpg", _hole, "10,000,000,000 bytes")
    yield Animal(b"zeros after it.jpg", _jpeg_and_hole, "too large")


def _link(target: str) -> Maker:
    return lambda path: Path(os.fsdecode(path)).symlink_to(target)


def _socket(path: bytes) -> None:
    # The name of a socket has 107 bytes at most, and that of a test's folder may have more.
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(os.path.dirname(path))  # noqa: PTH120
        with socket.socket(socket.AF_UNIX) as opened, suppress(FileExistsError):
            opened.bind(os.path.basename(path))  # noqa: PTH119
    finally:
        os.fchdir(here)
        os.close(here)


def _hole(path: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123
        file.truncate(10 * 10**9)


def _jpeg_and_hole(path: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(encoded(IMAGE, "JPEG"))
        file.truncate(10 * 10**9)
