"""Read HDF5 files that anybody may have made: what they hold themselves, nothing they point to.

An HDF5 file can name other files: by external links, by external storage, by virtual data sets
and by filters, for which the library loads plug-ins. None of them is followed.
"""

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.text import brief

_FILTERS = {1, 2, 3}
"""Deflate, shuffle and checksum, which are part of the library (H5Zpublic.h)."""

ENTRY_LIMIT = 10_000
"""Most entries of a group, and texts of an attribute; Inception-v3 has 313 layers."""

TEXT_LIMIT = 2**24


@contextlib.contextmanager
def opened(source: Path | bytes) -> Iterator[Any]:
    """Open a file, or the content of one, for reading and give its root group.

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
        with h5py.File(source if isinstance(source, Path) else _image(source), "r") as group:
            yield group
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"it is cut short or not a whole HDF5 file ({brief(error)}).") from error


def _image(content: bytes) -> Any:  # noqa: ANN401 - h5py has no types
    import h5py

    try:
        return h5py.h5f.open_file_image(content)
    except ValueError as error:
        # That is how h5py says that the library has not opened it.
        raise OSError(str(error)) from error


def entries(group: Any) -> list[str]:  # noqa: ANN401 - as above
    """List the names in a group; numbers in them count as numbers.

    Raises:
        WeightsError: there are too many, or it is no group.
    """
    if not is_group(group):
        raise WeightsError(f"{_path(group)} is not a group.")
    if len(group) > ENTRY_LIMIT:
        raise WeightsError(f"{_path(group)} has over {ENTRY_LIMIT} entries.")
    with _whole(group):
        names = list(group)
    if not all(isinstance(name, str) for name in names):
        raise WeightsError(f"{_path(group)} has a name that is no text.")
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
        with _whole(group):
            link = group.get(name, getlink=True) if is_group(group) and name else None
        if link is None:
            raise WeightsError(f"there is no {brief(path)!r} in {_path(group)}.")
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(f"{brief(name)!r} in {_path(group)} is a link to elsewhere.")
        with _whole(group):
            group = group[name]
    return group


def dataset(group: Any, path: str) -> Any:  # noqa: ANN401 - as above
    """Return the data set at a path within a group, unread.

    Raises:
        WeightsError: it is not there, kept elsewhere, or packed in a way that is not known.
    """
    import h5py

    found = entry(group, path)
    if not isinstance(found, h5py.Dataset):
        raise WeightsError(f"{_path(found)} is not a data set.")
    with _whole(found):
        is_elsewhere = found.external or found.is_virtual
        creation = found.id.get_create_plist()
        filters = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())}
        _ = found.shape, found.dtype
    if is_elsewhere:
        raise WeightsError(f"{_path(found)} is kept in another file.")
    if not filters <= _FILTERS:
        raise WeightsError(f"{_path(found)} is packed with a filter that is not HDF5's own.")
    return found


def texts(group: Any, name: str) -> list[str] | None:  # noqa: ANN401 - as above
    """Read an attribute that is a text or a list of them; None where it is not there.

    Keras cuts a list that is too long for an attribute into `name0`, `name1` and so on.

    Raises:
        WeightsError: it is something else, or too long.
    """
    if name in group.attrs:
        return _texts(group, name)
    if f"{name}0" not in group.attrs:
        return None
    found: list[str] = []
    for number in range(ENTRY_LIMIT):
        if f"{name}{number}" not in group.attrs:
            break
        found += _texts(group, f"{name}{number}")
    return found


def _texts(group: Any, name: str) -> list[str]:  # noqa: ANN401 - as above
    with _whole(group):
        stored = group.attrs.get_id(name)
        count = math.prod(stored.shape or ())
        kind, size = stored.dtype.kind, count * stored.dtype.itemsize
    if count == 0:
        return []
    if kind not in "SO" or count > ENTRY_LIMIT or size > TEXT_LIMIT:
        raise WeightsError(f"the attribute {name!r} of {_path(group)} is not a list of names.")
    with _whole(group):
        value = group.attrs[name]
    values = [value] if isinstance(value, str | bytes) else list(value.flat)
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values
    ]


@contextlib.contextmanager
def _whole(group: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Tell of damage that h5py has other errors for than `OSError` and `RuntimeError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{_path(group)} is damaged ({brief(error)}).") from error


def address(group: Any) -> int:  # noqa: ANN401 - as above
    """Tell groups of a file apart, whatever names lead to them."""
    import h5py

    return int(h5py.h5o.get_info(group.id).addr)


def _path(group: Any) -> str:  # noqa: ANN401 - as above
    return brief(group.name)
