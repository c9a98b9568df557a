"""The images that a list names, as they are in the data set now: those that are still to change."""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch_inception.audit.move_log import LOG_FILE, Entry, absolute, is_taken, read_log
from torch_inception.audit.table_edit import images_of
from torch_inception.audit.tables import read_list
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import quoted
from torch_inception.errors import ConfigError
from torch_inception.system.escape import brief
from torch_inception.training.examples import relative_name

log = logging.getLogger(__name__)


class ListedImage(NamedTuple):
    """An image of a list, its label, and the one that it is to have: its own in a quarantine."""

    path: Path
    label: str
    new_label: str


class _Done(NamedTuple):
    """What a log says was done and not undone since. All paths are absolute.

    Attributes:
        moved: where files were moved from.
        relabelled: (path before, label before, new label) of files that are where they were moved
            to, or were moved on from there.
        in_table_before: images that the table had before its last edit. The lines of some are gone;
            a process that was killed may not have moved their files.
    """

    moved: Collection[str]
    relabelled: Collection[tuple[str, str, str]]
    in_table_before: Collection[str]


def listed_images(
    config: TrainConfig, dataset: Dataset, file: Path, columns: Sequence[str], *, log_folder: Path
) -> list[ListedImage]:
    """Return the images of a list that are still to change; what was done before is passed over.

    So is, with a word, an image whose content is not that which was listed.

    Args:
        config: the settings with which training takes the images.
        dataset: all of them.
        file: the list.
        columns: that it has to have.
        log_folder: where the log is of what was done.

    Raises:
        ConfigError: the list cannot be read; or one of its images is not in the data set, has
            another label there or stands twice.
    """
    done = _what_was_done(config, log_folder)
    labels = {
        relative_name(path, dataset.folder): (path, dataset.classes[target])
        for path, target in zip(dataset.paths, dataset.targets, strict=True)
    }
    found: dict[str, ListedImage] = {}
    changed = []
    for row in read_list(file, columns):
        name, digest = row["path"], row.get("sha256")
        try:
            image = _listed_image(row, labels, dataset, done)
        except ValueError as error:
            raise ConfigError(
                f"{file}: {brief(name)!r} {error}. Audit again, or take the line out."
            ) from None
        if name in found:
            raise ConfigError(f"{file} lists {brief(name)!r} twice. Keep one of the lines.")
        # Without a digest, nothing but the log tells whether another image has the name now.
        if image is None or (not digest and _key(image) in done.relabelled):
            continue
        if digest and not _has_content(image.path, digest):
            changed.append(name)
        else:
            found[name] = image
    if changed:
        log.warning(
            "WARNING: passed over, since the content is not that which %s lists: %s",
            file, quoted(changed),
        )  # fmt: skip
    return list(found.values())


def _listed_image(
    row: Mapping[str, str], labels: Mapping[str, tuple[Path, str]], dataset: Dataset, done: _Done
) -> ListedImage | None:
    """Return the image of a line; None where what the line wants is done.

    Args:
        row: the line.
        labels: name in tables -> (path, label) of all images.
        dataset: of these.
        done: what was done before.

    Raises:
        ValueError: it is another image than the line says; the message says why.
    """
    name, label, new_label = row["path"], row["given_label"], row.get("new_label", "")
    if name in labels:
        path, own = labels[name]
        if own == new_label:
            return None
        if own != label:
            raise ValueError(f"has the label {brief(own)!r}, and not {brief(label)!r}")
        return ListedImage(path, own, new_label or own)
    path = dataset.folder / name
    if not new_label and absolute(path) in done.in_table_before:
        return ListedImage(path, label, label)
    if absolute(path) in done.moved:
        return None
    raise ValueError(f"is not among the images of {dataset.name}")


def _key(image: ListedImage) -> tuple[str, str, str]:
    return absolute(image.path), image.label, image.new_label


def _has_content(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest.lower()
    except OSError:
        return False


def _what_was_done(config: TrainConfig, folder: Path) -> _Done:
    entries = list(read_log(folder).values()) if (folder / LOG_FILE).exists() else []
    moves = [entry for entry in entries if "from" in entry]
    moved = {entry["from"] for entry in moves}
    relabelled = {
        (entry["from"], entry["given_label"], entry["new_label"])
        for entry in moves
        if "new_label" in entry
        and (absolute(folder / entry["to"]) in moved or is_taken(folder, entry))
    }
    return _Done(moved, relabelled, _in_table_before(config, folder, entries))


def _in_table_before(config: TrainConfig, folder: Path, entries: Sequence[Entry]) -> set[str]:
    if not config.labels:
        return set()
    edits = [entry for entry in entries if entry.get("table") == absolute(Path(config.labels))]
    return images_of(folder / edits[-1]["backup"], config) if edits else set()
