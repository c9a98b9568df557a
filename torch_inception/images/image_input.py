"""What stands for one image, what for several, and what to say of all else."""

import os
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard, Union

from PIL import Image

from torch_inception.images.preprocess import Pixels

if TYPE_CHECKING:
    from torch import Tensor

ImageInput = Union[str, os.PathLike[str], bytes, BinaryIO, Image.Image, Pixels, "Tensor"]
"""What stands for one image: a path, the content of a file, a binary file object (it is read from
where it stands), a PIL image, a uint8 array (H, W, 3) or a uint8 tensor (3, H, W)."""

_WANTED = (
    "an image is a path, the bytes of a file, a binary file object, a PIL image, a uint8 array "
    "(H, W, 3) or a uint8 tensor (3, H, W), not {}"
)

_ABOUT_PIXELS = ". Scale RGB to 0 to 255, as uint8; PIL.Image.fromarray takes grey and RGBA arrays"

PATH_COLUMNS = ("path", "file_name", "fname", "image", "filename")
"""Names of a column of paths in tables, as usual: the first that is there."""

_NO_LISTS = (Mapping, Set, range)
"""What can be iterated over, and is no list of images all the same."""

_CHANNELS = {"uint8": 2, "torch.uint8": 0}
"""Type of the pixels -> place of the three channels in the shape."""

_TRANSPOSED = {"uint8": "array.transpose(1, 2, 0)", "torch.uint8": "tensor.permute(2, 0, 1)"}
"""Type of the pixels -> what puts them right where the channels are at the other end."""


def is_path(item: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether an item is the path of an image."""
    return isinstance(item, (str, os.PathLike))


def is_path_of_something(item: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether an item is a path and not '', of which `Path` would make the current folder."""
    return is_path(item) and item != ""


def is_file_object(item: object) -> bool:
    """Tell whether an item can be read, as open files can."""
    return hasattr(item, "read")


def is_data_frame(items: object) -> bool:
    """Tell whether this has columns with names, as data frames of pandas do."""
    return hasattr(items, "columns") and hasattr(items, "__getitem__")


def holds_pixels(item: Any, *, images: bool = False) -> bool:  # noqa: ANN401
    """Tell whether an item is an array (H, W, 3) or tensor (3, H, W) of uint8.

    Args:
        item: anything.
        images: whether (N, H, W, 3) and (N, 3, H, W) are asked for instead.
    """
    channels = _CHANNELS.get(str(getattr(item, "dtype", "")))
    if channels is None or item.ndim != 3 + images:
        return False
    return bool(item.shape[channels + images] == 3)


def is_list(items: Any) -> bool:  # noqa: ANN401
    """Tell whether this stands for several images; all else is one, or a mistake.

    Lists are iterables of images, arrays of text or objects (N,), and pixels of N images.
    """
    if hasattr(items, "ndim"):
        is_of_objects = getattr(getattr(items, "dtype", None), "kind", "") in ("O", "T", "U")
        return (items.ndim == 1 and is_of_objects) or holds_pixels(items, images=True)
    is_one = is_path(items) or is_file_object(items) or isinstance(items, (bytes, bytearray))
    return isinstance(items, Iterable) and not is_one and not isinstance(items, _NO_LISTS)


def path_column(items: Any) -> Any:  # noqa: ANN401
    """Return a data frame's column of paths: that with a usual name, or its only one.

    What is no data frame is returned as it is.

    Raises:
        TypeError: a data frame has several columns and none with such a name.
    """
    if not is_data_frame(items):
        return items
    names = list(items.columns)
    name = next((usual for usual in PATH_COLUMNS if usual in names), None)
    if name is None and len(names) != 1:
        raise TypeError(
            f"the data frame has no column called {', '.join(PATH_COLUMNS)}: give the column of "
            "paths alone, as frame['name']"
        )
    return items[names[0] if name is None else name]


def check_list(items: object) -> None:
    """Do nothing if this stands for several images.

    Raises:
        TypeError: it does not.
    """
    if not is_list(items):
        raise TypeError(f"give a list of images, not {_described(items)}")


def no_image(item: Any) -> TypeError:  # noqa: ANN401
    """Return the error that says what an item is, and what an image would be."""
    advice = _about_pixels(item) if hasattr(item, "dtype") else ""
    return TypeError(_WANTED.format(_described(item)) + advice)


def _about_pixels(item: Any) -> str:  # noqa: ANN401
    kind = str(item.dtype)
    if kind in _CHANNELS and item.ndim == 3 and item.shape[2 - _CHANNELS[kind]] == 3:
        return f". Its axes are in another order: give {_TRANSPOSED[kind]}"
    return _ABOUT_PIXELS


def image_name(item: Any, number: int) -> str:  # noqa: ANN401
    """Return what a message calls an image: its path, or its number in a list, from 0."""
    return os.fspath(item) if is_path_of_something(item) else f"image {number}"


def _described(item: object) -> str:
    """Return the type of an item, and the type of its numbers and its shape if it has such."""
    words = [type(item).__name__]
    if hasattr(item, "dtype"):
        words.append(str(item.dtype))
    if hasattr(item, "shape"):
        words.append(str(tuple(item.shape)))
    return " ".join(words)
