"""Files that no library writes: hostile ones, and kinds that Pillow reads only."""

import struct
import zlib

from PIL import Image

from tests.drawings import encoded


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png(
    size: tuple[int, int], rows: bytes, *, depth: int = 8, colour: int = 0, interlaced: int = 0
) -> bytes:
    """Write a PNG; `rows` are its filter bytes and pixels, and may be too few or too many."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_chunk(content: bytes, name: bytes, inserted: bytes) -> bytes:
    """Insert a chunk after a PNG's header."""
    return content[:33] + chunk(name, inserted) + content[33:]


def interlaced_png(image: Image.Image) -> bytes:
    """Write RGB as Adam7; PNG specification, section 8.2."""
    rows = b""
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):  # fmt: skip
        for y in range(top, image.height, down):
            xs = range(left, image.width, across)
            row = b"".join(bytes(image.getpixel((x, y))) for x in xs)  # type: ignore[arg-type]
            rows += b"\0" + row if row else b""
    return png(image.size, rows, colour=2, interlaced=1)


def tiff(*tags: tuple[int, int, int, int], size: tuple[int, int] = (4, 4), then: int = 0) -> bytes:
    """Write a grey TIFF without compression; tags (number, type, count, value) replace its own.

    `then` is where the next image's tags are said to be.
    """
    own = {
        256: (4, 1, size[0]), 257: (4, 1, size[1]), 258: (3, 1, 8), 259: (3, 1, 1),
        262: (3, 1, 1), 273: (4, 1, 8), 277: (3, 1, 1), 278: (4, 1, size[1]), 279: (4, 1, 16),
    }  # fmt: skip
    own |= {number: rest for number, *rest in tags}  # type: ignore[misc]
    entries = b"".join(struct.pack("<HHII", number, *own[number]) for number in sorted(own))
    directory = struct.pack("<H", len(own)) + entries + struct.pack("<I", then)
    return b"II*\0" + struct.pack("<I", 24) + bytes(range(16)) + directory


def tall_jpeg(size: tuple[int, int], *, is_progressive: bool = False) -> bytes:
    """Write a huge JPEG of one colour; its rows of blocks are all the same few bytes."""
    width, height = size
    strip = Image.new("RGB", (width, 16), (90, 120, 60))
    content = encoded(strip, "JPEG", restart_marker_rows=1)
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    start = scan + 2 + int.from_bytes(content[scan + 2 : scan + 4], "big")
    kind = b"\xff\xc2" if is_progressive else b"\xff\xc0"
    sized = kind + content[frame + 2 : frame + 5] + struct.pack(">HH", height, width)
    head = content[:frame] + sized + content[frame + 9 : start]
    rows = -(-height // 16)
    restarts = (b"\xff" + bytes([0xD0 + row % 8]) for row in range(rows - 1))
    return head + b"".join(content[start:-2] + mark for mark in (*restarts, b"\xff\xd9"))


def jpeg_of_many_scans(size: tuple[int, int], scans: int) -> bytes:
    """Write a progressive JPEG that goes over a huge frame again and again, in a few bytes."""
    content = encoded(Image.new("L", (64, 64), 100), "JPEG", progressive=True)
    frame, last = content.index(b"\xff\xc2"), content.rindex(b"\xff\xda")
    height_and_width = struct.pack(">HH", size[1], size[0])
    start = content[: frame + 5] + height_and_width + content[frame + 9 : last]
    return start + content[last:-2] * scans + b"\xff\xd9"


def webp_of(size: tuple[int, int]) -> bytes:
    """Write a lossless WebP of one colour that says it has another size."""
    content = encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True)
    bits = size[0] - 1 | size[1] - 1 << 14
    return content[:21] + struct.pack("<I", bits) + content[25:]


def patched(content: bytes, place: int, layout: str, *values: int) -> bytes:
    """Overwrite numbers in a file."""
    new = struct.pack(layout, *values)
    return content[:place] + new + content[place + len(new) :]


def after(content: bytes, mark: bytes) -> int:
    return content.index(mark) + len(mark)
