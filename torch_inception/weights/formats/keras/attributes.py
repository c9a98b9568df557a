"""Read the texts in the attributes of an HDF5 file that anybody may have made."""

import math
from typing import Any

from torch_inception.errors import WeightsError
from torch_inception.weights.formats.keras.hdf5 import ENTRY_LIMIT, OpenFile, path_of, whole

TEXT_LIMIT = 2**23
"""Characters of the longest text; the configuration of Inception-v3 has some 300 thousand."""

_PART_LIMIT = 100
"""Most parts of a list of names; each is of some 4000 names."""

_TEXTS_LIMIT = 2**28
"""Bytes that the texts of an attribute may take before they are looked at."""


def text(file: OpenFile, name: str) -> str | None:
    """Read an attribute of the root group that is one text; None where it is not there.

    Raises:
        WeightsError: it is something else, or too long.
    """
    found = _texts(file.root, name, dimensions=0, longest=file.longest)
    return found[0] if found else None


def names(group: Any, name: str, longest: int) -> list[str] | None:  # noqa: ANN401 - h5py has no types
    """Read an attribute that is a list of names; None where it is not there.

    Keras cuts a list that is too long for an attribute into `name0`, `name1` and so on.

    Args:
        group: that has it.
        name: of the attribute.
        longest: as in `OpenFile`.

    Raises:
        WeightsError: it is something else, or too long.
    """
    found = _texts(group, name, dimensions=1, longest=longest)
    for number in range(_PART_LIMIT if found is None else 0):
        part = _texts(group, f"{name}{number}", dimensions=1, longest=longest)
        if part is None:
            break
        found = (found or []) + part
    if found and (len(found) > ENTRY_LIMIT or sum(map(len, found)) > TEXT_LIMIT):
        raise WeightsError(f"the attribute {name!r} of {path_of(group)} is too long.")
    return found


def _texts(
    group: Any,  # noqa: ANN401 - as above
    name: str,
    *,
    dimensions: int,
    longest: int,
) -> list[str] | None:
    import h5py

    with whole(group):
        if name not in group.attrs:
            return None
        stored = group.attrs.get_id(name)
        shape, kind = stored.shape, stored.get_type()
        # Of a damaged type, h5py can read what is no text at all, and crash.
        is_text = isinstance(kind, h5py.h5t.TypeStringID)
        size = longest if is_text and kind.is_variable_str() else kind.get_size()
    if shape == (0,):
        return []
    if not is_text or shape is None or len(shape) != dimensions:
        wanted = "list of names" if dimensions else "text"
        raise WeightsError(f"the attribute {name!r} of {path_of(group)} is not a {wanted}.")
    count = math.prod(shape)
    if count > ENTRY_LIMIT or count * size > _TEXTS_LIMIT:
        raise WeightsError(f"the attribute {name!r} of {path_of(group)} is too long.")
    with whole(group):
        value = group.attrs[name]
    values = list(value) if dimensions else [value]
    if sum(map(len, values)) > TEXT_LIMIT:
        raise WeightsError(f"the attribute {name!r} of {path_of(group)} is too long.")
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values
    ]
