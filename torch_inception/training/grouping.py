"""Groups: images that belong together by their contents and names, or by what the user says."""

import hashlib
import logging
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from torch_inception.config import GROUP_COLUMN_ADVICE
from torch_inception.errors import DatasetError
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

GROUP_MARK = "_nohash_"

_KINDS = ("group", "prefix", "content")


class LabelledImage(NamedTuple):
    """One image.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: name of its class.
        digest: SHA-256 of its content.
        group: that the user puts it into, by its name, or "".
        labels: its classes, where an image may have several or none, and then `label` is all that
            is known of them, as text; None where it has the one class.
    """

    path: str
    label: str
    digest: bytes
    group: str = ""
    labels: tuple[str, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it has."""
        return (self.label,) if self.labels is None else self.labels


def groups_of(images: Sequence[LabelledImage]) -> list[str]:
    """Name, for each image, the group that its content and names put it into.

    Images that the user puts into one group, with the same content, or with the same name before
    `_nohash_`, share a group.
    """
    keys = [keys_of(image) for image in images]
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    for content, *names in keys:
        for other in names:
            first, second = sorted((find(content), find(other)), key=leadership)
            leader[second] = first
    return [find(content) for content, *_ in keys]


def leadership(group: str) -> tuple[int, str]:
    """Order names of groups: the first gives its name to several that are joined.

    What the user names leads over a prefix and a prefix over a content, so that images that are
    added to it change nothing. Among equals the end of the hash decides, which has no part in the
    position: the lowest of several positions would more often be one of the test.
    """
    return _KINDS.index(group.partition(":")[0]), group[-16:]


def keys_of(image: LabelledImage) -> list[str]:
    """Return what an image can share with others: its content first, then its names."""
    name = image.path.rpartition("/")[2]
    prefix, mark, _ = name.partition(GROUP_MARK)
    keys = [f"content:{image.digest.hex()}"]
    if mark:
        keys.append(hashed("prefix", os.fsencode(prefix)))
    if image.group:
        keys.append(hashed("group", image.group.encode(errors="surrogatepass")))
    return keys


def hashed(kind: str, name: bytes) -> str:
    """Return the name of a group: hashed, so that what is not valid text can stand in a table."""
    return f"{kind}:{hashlib.sha256(name).hexdigest()}"


def named_groups(pattern: str, paths: Sequence[str], *, of_table: bool = False) -> list[str]:
    """Return what the pattern's first group finds in each path; "" where it finds nothing.

    Args:
        pattern: a regular expression that has a group.
        paths: relative to the data folder, with forward slashes.
        of_table: whether a table names them.

    Raises:
        DatasetError: it finds nothing in any.
    """
    found = [re.search(pattern, path) for path in paths]
    groups = [(match[1] or "") if match else "" for match in found]
    if not any(groups):
        raise DatasetError(
            f"group = {pattern!r} finds a group in none of {counted(len(paths), 'image')}, such as "
            f"{paths[0]!r}. It is a regular expression, searched in the path below the data "
            "folder; what its first (...) finds names the group."
            + (f" {GROUP_COLUMN_ADVICE}" if of_table else "")
        )
    return groups


def tell_of_named_groups(pattern: str, groups: Sequence[str]) -> None:
    """Log how many images have a group of `named_groups`."""
    matched = [group for group in groups if group]
    log.info(
        "groups: %r matches %d of %s, in %s%s",
        pattern, len(matched), counted(len(groups), "image"), counted(len(set(matched)), "group"),
        "" if len(matched) == len(groups) else "; each of the others is by itself",
    )  # fmt: skip
