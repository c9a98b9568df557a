"""Read HDF5 files that anybody may have made: what they hold themselves, nothing they point to.

An HDF5 file can name other files: by external links, by external storage, by virtual data sets
and by filters, for which the library loads plug-ins. None of them is followed.
"""

import contextlib
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief

_FILTERS = {2, 3}
"""Shuffle and checksum, which are part of the library (H5Zpublic.h). Keras does not compress, and
the library unpacks a chunk to whatever size it has."""

_CHUNK_LIMIT = 2**20
"""Elements of the largest chunk that may be larger than its data set."""

ENTRY_LIMIT = 10_000
"""Most entries of a group, and names in an attribute; Inception-v3 has 313 layers."""

_HEAP = re.compile(rb"GCOL(?=\x01...(.{8}))", re.DOTALL)
"""Where texts of variable length are kept, and its size (HDF5's file format, "Global Heap")."""


class OpenFile(NamedTuple):
    """A file that is open for reading.

    Attributes:
        root: its root group.
        longest: bytes that no text of variable length in it surpasses. Many references can lead to
            one text, and only reading it tells how long it is.
    """

    root: Any
    longest: int


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[OpenFile]:
    """Open the content of a file.

    Raises:
        WeightsError: h5py is missing, or the file is damaged or none of HDF5, also where that
            shows later on.
    """
    try:
        import h5py
    except ImportError as error:
        raise WeightsError(
            "weights of Keras need h5py: pip install 'torch-inception[keras]'."
        ) from error
    try:
        with h5py.File(_image(content), "r") as root:
            yield OpenFile(root, _longest_text(content))
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"it is cut short or not a whole HDF5 file ({brief(error)}).") from error


def _image(content: bytes) -> Any:  # noqa: ANN401 - h5py has no types
    import h5py

    try:
        return h5py.h5f.open_file_image(content)
    except ValueError as error:
        # That is how h5py says that the library has not opened it.
        raise OSError(str(error)) from error


def _longest_text(content: bytes) -> int:
    sizes = (int.from_bytes(match[1], "little") for match in _HEAP.finditer(content))
    # Four letters can also be a number.
    return max((size for size in sizes if size <= len(content)), default=0)


def entries(group: Any) -> list[str]:  # noqa: ANN401 - as above
    """List the names in a group; numbers in them count as numbers.

    Raises:
        WeightsError: there are too many, or it is no group.
    """
    if not is_group(group):
        raise WeightsError(f"{path_of(group)} is not a group.")
    if len(group) > ENTRY_LIMIT:
        raise WeightsError(f"{path_of(group)} has over {ENTRY_LIMIT} entries.")
    with whole(group):
        names = list(group)
    if not all(isinstance(name, str) for name in names):
        raise WeightsError(f"{path_of(group)} has a name that is no text.")
    return sorted(names, key=lambda name: re.sub("[0-9]+", lambda digits: digits[0].zfill(9), name))


def is_group(found: Any) -> bool:  # noqa: ANN401 - as above
    """Tell a group from a data set."""
    import h5py

    return isinstance(found, h5py.Group)


def entry(group: Any, path: str) -> Any:  # noqa: ANN401 - as above
    """Return the group or data set at a path within a group.

    Raises:
        WeightsError: it is not there, or kept elsewhere.
    """
    import h5py

    for name in path.split("/"):
        with whole(group):
            link = group.get(name, getlink=True) if is_group(group) and name else None
        if link is None:
            raise WeightsError(f"there is no {brief(path)!r} in {path_of(group)}.")
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(f"{brief(name)!r} in {path_of(group)} is a link to elsewhere.")
        with whole(group):
            group = group[name]
    return group


def dataset(group: Any, path: str) -> Any:  # noqa: ANN401 - as above
    """Return the data set at a path within a group, unread.

    Raises:
        WeightsError: it is not there, kept elsewhere, compressed, or in chunks larger than it.
    """
    import h5py

    found = entry(group, path)
    if not isinstance(found, h5py.Dataset):
        raise WeightsError(f"{path_of(found)} is not a data set.")
    with whole(found):
        is_elsewhere = found.external or found.is_virtual
        creation = found.id.get_create_plist()
        filters = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())}
        chunk, count = math.prod(found.chunks or ()), math.prod(found.shape or ())
        _ = found.dtype
    if is_elsewhere:
        raise WeightsError(f"{path_of(found)} is kept in another file.")
    if not filters <= _FILTERS:
        raise WeightsError(
            f"{path_of(found)} is compressed, which Keras does not do. Unpack it: "
            "h5repack -f NONE FILE NEW_FILE."
        )
    if chunk > max(count, _CHUNK_LIMIT):
        raise WeightsError(f"{path_of(found)} has chunks larger than itself.")
    return found


@contextlib.contextmanager
def whole(group: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Tell of damage that h5py has other errors for than `OSError` and `RuntimeError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path_of(group)} is damaged ({brief(error)}).") from error


def address(group: Any) -> int:  # noqa: ANN401 - as above
    """Tell groups of a file apart, whatever names lead to them."""
    import h5py

    return int(h5py.h5o.get_info(group.id).addr)


def path_of(group: Any) -> str:  # noqa: ANN401 - as above
    """Return the name of a group or data set, for messages."""
    return brief(group.name)
