"""Why a file does not decode, in words: what it is instead, or what is wrong with it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from torch_inception.errors import ImageError
from torch_inception.images.limits import MAX_PIXELS
from torch_inception.images.plugins import readable_formats

_SAVE = ": save it as PNG or JPEG first"
_CAMERA_RAW = "a camera's raw image" + _SAVE
_NO_IMAGE = "not an image that can be read but {}"

NO_CAMERA_RAW = _NO_IMAGE.format(_CAMERA_RAW)
"""Why a TIFF is not decoded that is one."""

_IMAGES = (
    (rb"\xff\xd8", "JPEG"),
    (rb"\x89PNG", "PNG"),
    (rb"GIF8", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"II[*+]\0|MM\0[*+]", "TIFF"),
    (rb"BM.{4}\0{4}", "BMP"),
    (rb"\0\0\x01\0", "ICO"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"P[1-6]\s", "PPM"),
    (rb"....ftypavi[fs]", "AVIF"),
    (rb"....ftyp(he[iv]|mif|msf)", "HEIC"),
)
"""How an image begins, as a regular expression, and its format."""

_OTHERS = (
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image" + _SAVE),
    (
        rb"....ftypcrx|FUJIFILM|IIR[OS]\x08|MMOR|IIU\0|FOVb|\0MRM|.{6}HEAPCCDR",
        _CAMERA_RAW,
    ),
    (rb"8BPS|gimp xcf", "a document of Photoshop or GIMP" + _SAVE),
    (rb"%PDF|%!PS|\xc5\xd0\xd3\xc6", "a PDF or PostScript document" + _SAVE),
    (
        rb".{0,200}<(?i:!doctype html|html|head|body)[\s>]",
        "a web page: was an error page downloaded in its place?",
    ),
    (rb".{0,1000}<svg[\s>]", "an SVG drawing" + _SAVE),
    (rb"\s*<\?xml", "an XML document"),
    (rb"\s*[{\[]\s*[\"{\[]", "JSON text"),
    (rb"version https://git-lfs", "a pointer of Git LFS: run git lfs pull"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive or an office document: unpack it first"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", "an archive: unpack it first"),
    (
        rb"....ftyp|....moov|RIFF....AVI |\x1aE\xdf\xa3|\0\0\x01[\xb3\xba]|FLV",
        "a video: save a frame of it first",
    ),
    (rb"ID3|OggS|fLaC|RIFF....WAVE|\xff[\xfb\xf3\xf2]", "a sound recording"),
    (rb"MZ.\0|\x7fELF", "a program"),
    (rb"SQLite format 3", "a database"),
    (rb"\0+\Z", "nothing but zeros: a download that was not finished?"),
)
"""How something else begins, what it is, and what to do."""

_BEGUN = "damaged, cut short or of a seldom kind: it starts as {} does"
_NO_HEIC = (
    "a HEIC image; reading it needs a plug-in: pip install pillow-heif, or convert it to JPEG"
)
_NO_AVIF = "an AVIF image, which this Pillow cannot read: pip install --upgrade pillow"

_TOO_SHORT = re.compile(r"truncated|not enough|reached eof|not large enough|eof", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"unsupported|not supported|not implemented|not available", re.IGNORECASE)


@contextmanager
def explain_failures(content: bytes) -> Iterator[None]:
    """Turn whatever is raised by Pillow into an error that says why an image does not decode.

    Args:
        content: of the file.

    Raises:
        ImageError: something was raised.
    """
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(describe_file(content)) from error
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        count = f"{int(found[0]):,}" if found else "too many"
        raise ImageError(
            f"too large to decode safely: {count} pixels, and at most {MAX_PIXELS:,} are decoded"
        ) from error
    except MemoryError as error:
        raise ImageError("too large for this machine's memory") from error
    except Exception as error:  # Pillow's plug-ins raise almost anything.
        raise ImageError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    """Put what Pillow says of its own buffers into words."""
    said = (str(error).splitlines() or [""])[0] or type(error).__name__
    if _TOO_SHORT.search(said):
        return "cut short: its data end before the image does"
    if "decompressed data too large" in said.lower():
        return "its text or colour profile unpacks to too much"
    if _UNSUPPORTED.search(said):
        return f"of a kind that cannot be decoded here ({said}); save it anew"
    return "damaged: its data make no sense as an image"


def describe_file(content: bytes) -> str:
    """Say what a file is that no plug-in takes, and what to do about it.

    Args:
        content: of the file.
    """
    start = content[:2048]
    for pattern, name in _IMAGES:
        if re.match(pattern, start, re.DOTALL):
            return _describe_image(name)
    for pattern, other in _OTHERS:
        if re.match(pattern, start, re.DOTALL):
            return _NO_IMAGE.format(other)
    if _is_text(start):
        return "not an image but text"
    return "not an image in a format that is known here"


def _describe_image(name: str) -> str:
    formats = readable_formats()
    if name == "HEIC" and "HEIF" not in formats:
        return _NO_HEIC
    if name == "AVIF" and "AVIF" not in formats:
        return _NO_AVIF
    return _BEGUN.format(name)


def _is_text(start: bytes) -> bool:
    try:
        # The last character may be cut in two.
        text = start[:-4].decode() if len(start) == 2048 else start.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)
