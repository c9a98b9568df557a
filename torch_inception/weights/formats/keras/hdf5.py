"""Read HDF5 files that anybody may have made: what they hold themselves, nothing they point to.

An HDF5 file can name other files: by external links, by external storage and by virtual data sets.
None of them is followed.
"""

import contextlib
import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[Any]:
    """Open the content of a file, and yield its root group.

    Raises:
        WeightsError: h5py is missing, or the file is damaged or not HDF5, also where that shows
            later on.
    """
    try:
        import h5py
    except ImportError as error:
        raise WeightsError(
            "weights of Keras need h5py: pip install 'torch-inception[keras]'."
        ) from error
    try:
        with h5py.File(io.BytesIO(content), "r") as root:
            yield root
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"it is cut short or not a whole HDF5 file ({brief(error)}).") from error


def entries(group: Any) -> list[str]:  # noqa: ANN401 - h5py has no types
    """List the names in a group; numbers in them count as numbers.

    Raises:
        WeightsError: it is not a group.
    """
    if not is_group(group):
        raise WeightsError(f"{path_of(group)} is not a group.")
    with _damage_reported(group):
        names = [str(name) for name in group]
    return sorted(names, key=lambda name: re.sub("[0-9]+", lambda digits: digits[0].zfill(9), name))


def is_group(found: Any) -> bool:  # noqa: ANN401 - as above
    """Tell a group from a data set."""
    import h5py

    return isinstance(found, h5py.Group)


def entry(group: Any, path: str) -> Any:  # noqa: ANN401 - as above
    """Return the group or data set at a path within a group.

    Raises:
        WeightsError: it is not there, or is a link.
    """
    import h5py

    for name in path.split("/"):
        with _damage_reported(group):
            link = group.get(name, getlink=True) if is_group(group) and name else None
        if link is None:
            raise WeightsError(f"there is no {brief(path)!r} in {path_of(group)}.")
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(f"{brief(name)!r} in {path_of(group)} is a link to elsewhere.")
        with _damage_reported(group):
            group = group[name]
    return group


def dataset(group: Any, path: str) -> Any:  # noqa: ANN401 - as above
    """Return the data set at a path within a group, unread.

    Raises:
        WeightsError: it is not there, or kept elsewhere.
    """
    import h5py

    found = entry(group, path)
    if not isinstance(found, h5py.Dataset):
        raise WeightsError(f"{path_of(found)} is not a data set.")
    with _damage_reported(found):
        is_elsewhere = found.external or found.is_virtual
        _ = found.shape, found.dtype
    if is_elsewhere:
        raise WeightsError(f"{path_of(found)} is kept in another file.")
    return found


def text(group: Any, name: str) -> str | None:  # noqa: ANN401 - as above
    """Read an attribute that is one text; None where it is not there.

    Raises:
        WeightsError: it is something else.
    """
    found = _texts(group, name, dimensions=0)
    return found[0] if found else None


def texts(group: Any, name: str) -> list[str] | None:  # noqa: ANN401 - as above
    """Read an attribute that is a list of texts; None where it is not there.

    Keras cuts a list that is too long for an attribute into `name0`, `name1` and so on.

    Raises:
        WeightsError: it is something else.
    """
    found = _texts(group, name, dimensions=1)
    if found is not None:
        return found
    parts: list[list[str]] = []
    while (part := _texts(group, f"{name}{len(parts)}", dimensions=1)) is not None:
        parts.append(part)
    return list(chain.from_iterable(parts)) if parts else None


def path_of(group: Any) -> str:  # noqa: ANN401 - as above
    """Return the name of a group or data set, for messages."""
    return brief(group.name)


def _texts(group: Any, name: str, *, dimensions: int) -> list[str] | None:  # noqa: ANN401
    import h5py

    with _damage_reported(group):
        if name not in group.attrs:
            return None
        stored = group.attrs.get_id(name)
        shape, kind = stored.shape, stored.get_type()
    if shape == (0,):
        return []
    # Of a damaged type, h5py can read what is not text at all, and crash.
    is_text = isinstance(kind, h5py.h5t.TypeStringID)
    if not is_text or shape is None or len(shape) != dimensions:
        wanted = "list of names" if dimensions else "text"
        raise WeightsError(f"the attribute {name!r} of {path_of(group)} is not a {wanted}.")
    with _damage_reported(group):
        value = group.attrs[name]
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
        for each in (value if dimensions else [value])
    ]


@contextlib.contextmanager
def _damage_reported(group: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Report damage for which h5py has other errors than `OSError` and `RuntimeError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path_of(group)} is damaged ({brief(error)}).") from error
