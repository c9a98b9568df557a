"""Walk through a GIF's blocks to the end of the first image."""

from torch_inception.errors import ImageError
from torch_inception.images.limits import MAX_PARTS

_MAX_GIF_BLOCKS = 2**21
"""Blocks of one image; 256 MiB have half as many if each is full."""

_MAX_GIF_COMMENT = 2**20
"""Bytes before the first image; Pillow copies a comment again for each block."""


def check_gif(content: bytes) -> None:
    """Walk through the blocks to the first image; GIF89a, sections 18 to 24."""
    position = 13 + _colours(content[10:11])
    for _ in range(MAX_PARTS):
        introducer = content[position : position + 1]
        if introducer == b"," or position > _MAX_GIF_COMMENT:
            break
        # Before the first image come extensions, and sometimes bytes that mean nothing.
        position = _after_blocks(content, position + 2)[0] if introducer == b"!" else position + 1
        if position > len(content):
            raise ImageError("cut short: a GIF image without pixels")
    if position > _MAX_GIF_COMMENT or content[position : position + 1] != b",":
        raise ImageError("damaged: a GIF image that is preceded by too many other blocks")
    position += 11 + _colours(content[position + 9 : position + 10])
    end, last = _after_blocks(content, position)
    # The code that ends the data has a bit that is set, and at most 12 bits.
    if end > len(content) or last.endswith(bytes(3)):
        raise ImageError("cut short: a GIF image whose data are not all there")


def _colours(flags: bytes) -> int:
    """Return the bytes of a colour table that is described by flags."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _after_blocks(content: bytes, position: int) -> tuple[int, bytes]:
    """Return where a chain of blocks ends (beyond the content: nowhere), and its last bytes.

    Raises:
        ImageError: it has more blocks than a file of full ones.
    """
    last = b""
    for _ in range(_MAX_GIF_BLOCKS):
        length = content[position] if position < len(content) else 0
        if length == 0:
            return position + 1, last
        last = last[-3:] + content[position + 1 : position + 1 + length]
        position += 1 + length
    raise ImageError("damaged: a GIF image of far too many blocks")
