"""What a file that is no image is instead, told by how it begins."""

import re
from collections.abc import Container

_SAVE = ": save it as PNG or JPEG first"

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
    (rb"....ftypcrx|FUJIFILM", "a camera's raw image" + _SAVE),
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


def told_kind(content: bytes, *, known: Container[str]) -> str:
    """Say what a file is that no format fits, and what to do about it.

    Args:
        content: of the file.
        known: the formats that can be decoded, in Pillow's names.
    """
    head = content[:2048]
    for start, image in _IMAGES:
        if re.match(start, head, re.DOTALL):
            missing = image == "HEIC" and "HEIF" not in known
            return _NO_HEIC if missing else _BEGUN.format(image)
    for start, other in _OTHERS:
        if re.match(start, head, re.DOTALL):
            return f"not an image that can be read but {other}"
    if _is_text(head):
        return "not an image but text"
    return "not an image in a format that is known here"


def _is_text(head: bytes) -> bool:
    try:
        # The last character may be cut in two.
        text = head[:-4].decode() if len(head) == 2048 else head.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)
