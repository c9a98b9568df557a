"""Why an image does not decode, in words."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from torch_inception.errors import ImageError
from torch_inception.images.kinds import told_kind
from torch_inception.images.limits import MAX_PIXELS

_TOO_SHORT = re.compile(r"truncated|not enough|reached eof|not large enough|eof", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"unsupported|not supported|not implemented", re.IGNORECASE)


@contextmanager
def explained(content: bytes, formats: Sequence[str]) -> Iterator[None]:
    """Turn whatever is raised by Pillow into an error that says why an image does not decode.

    Args:
        content: of the file.
        formats: that can be decoded, in Pillow's names.

    Raises:
        ImageError: something was raised.
    """
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(told_kind(content, known=formats)) from error
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        count = f"{int(found[0]):,}" if found else "too many"
        raise ImageError(
            f"too large to decode safely: {count} pixels, and at most {MAX_PIXELS:,} are decoded"
        ) from error
    except MemoryError as error:
        raise ImageError("too large for this machine's memory") from error
    except Exception as error:  # Pillow's plug-ins raise almost anything.
        raise ImageError(_reason(_told(error))) from error


def _reason(told: str) -> str:
    """Put what Pillow says of its own buffers into words."""
    if _TOO_SHORT.search(told):
        return "cut short: its data end before the image does"
    if "Decompressed data too large" in told:
        return "its text or colour profile unpacks to too much"
    if _UNSUPPORTED.search(told):
        return f"of a kind that cannot be decoded here ({told}); save it anew"
    return "damaged: its data make no sense as an image"


def _told(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
