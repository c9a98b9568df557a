"""Decode as Pillow does by default, whatever the program around us has set.

Pillow's switches are variables of its modules, and Python's filter of warnings is one for all
threads: neither can be chosen for one image. So, only where the program has set one that matters
to an image's format, it is set to the default while that image is decoded, and given back.
"""

import ctypes
import importlib
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import NamedTuple, TypeVar

from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from torch_inception.images.limits import MAX_PIXELS

Result = TypeVar("Result")


class _Setting(NamedTuple):
    """A variable of Pillow, its default, and the formats that it matters to (None: all)."""

    module: ModuleType
    name: str
    default: object
    formats: frozenset[str] | None


_HAS_PNG = frozenset({"PNG", "ICO"})
_SETTINGS = (
    _Setting(ImageFile, "LOAD_TRUNCATED_IMAGES", False, None),
    _Setting(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS, frozenset({"GIF", "ICO", "TIFF", "WEBP"})),
    _Setting(PngImagePlugin, "MAX_TEXT_CHUNK", 2**20, _HAS_PNG),
    _Setting(PngImagePlugin, "MAX_TEXT_MEMORY", 2**26, _HAS_PNG),
    _Setting(TiffImagePlugin, "READ_LIBTIFF", False, frozenset({"TIFF"})),
)

_lock = threading.Lock()
"""Held while something is not as the program has set it."""


@contextmanager
def default_settings(image_format: str | None, *, warn: bool) -> Iterator[None]:
    """Have a format be decoded with Pillow's defaults during a block.

    Where that changes anything, our other threads wait: they must not take it for the program's
    choice. Blocks must not lie inside each other, nor wait for another thread.

    Args:
        image_format: in Pillow's names.
        warn: whether warnings go where the program wants them; otherwise they are lost.
    """
    with _lock, ExitStack() as stack:
        changed = [each for each in _SETTINGS if _matters(each, image_format)]
        for setting in changed:
            chosen = getattr(setting.module, setting.name)
            stack.callback(setattr, setting.module, setting.name, chosen)
            setattr(setting.module, setting.name, setting.default)
        if not warn:
            stack.enter_context(warnings.catch_warnings(action="ignore"))
        if changed or not warn:
            yield
            return
    yield


def _matters(setting: _Setting, image_format: str | None) -> bool:
    is_read = setting.formats is None or image_format in setting.formats
    return is_read and getattr(setting.module, setting.name) != setting.default


def retry_without_warnings(work: Callable[[bool], Result]) -> Result:
    """Return `work(True)`, or `work(False)` where the program makes errors of warnings.

    Pillow warns of oddities that change no pixel, such as broken EXIF.

    Args:
        work: is told what to give to `default_settings` as `warn`.
    """
    with suppress(Warning):
        return work(True)
    # By now the first image is let go of.
    return work(False)


@contextmanager
def silent_libtiff() -> Iterator[None]:
    """Have libtiff write nothing to standard error during a block, in the whole process.

    It tells there what it thinks of a file, without the file's name. A library leaves that to the
    program around it; this is for commands.
    """
    try:
        libtiff = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
        set_handler = libtiff.TIFFSetErrorHandler
    except (AttributeError, OSError):  # it cannot be reached
        yield
        return
    set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    before = set_handler(None)
    try:
        yield
    finally:
        set_handler(before)
