"""What the lists of an audit say, done: images moved away, or given other labels."""

import difflib
import errno
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from torch_inception.audit.listed_images import ListedImage, listed_images
from torch_inception.audit.move_log import MoveLog, absolute, move_log
from torch_inception.audit.subject import AuditSubject
from torch_inception.audit.table_edit import edit_table
from torch_inception.audit.tables import QUARANTINE_FILE, QUARANTINE_NEEDS, RELABEL_NEEDS
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import class_folders, quoted
from torch_inception.datasets.load_dataset import class_roots
from torch_inception.errors import ConfigError
from torch_inception.images.find import find_images
from torch_inception.system.escape import brief, counted
from torch_inception.training.examples import relative_name
from torch_inception.training.output_folder import check_output

log = logging.getLogger(__name__)


class Changed(NamedTuple):
    """What was done, and what could not be.

    Attributes:
        images: how many were moved, or have another label in the table.
        problems: images that could not be moved and stay, in words.
    """

    images: int
    problems: list[str]


class _Move(NamedTuple):
    """A file that is to be moved.

    Attributes:
        source: the file.
        target: where it goes, unless another file is there.
        data: the folder of its data set.
        told: what else the log says of it.
    """

    source: Path
    target: Path
    data: Path
    told: Mapping[str, str]


def quarantine(subject: AuditSubject, folder: Path) -> Changed:
    """Move the images that quarantine.csv lists into a folder.

    Below the folder they lie as they lay below the data folder. A table of labels loses their
    lines.

    Args:
        subject: what was audited.
        folder: where they go; not in the data folder.

    Raises:
        ConfigError: the list cannot be read or is not of these images, or the folder is among them
            or cannot be one.
        DatasetError: the images cannot be listed.
        OSError: the table cannot be written; nothing is changed.
    """
    file = subject.output / QUARANTINE_FILE
    if not file.is_file():
        subject.dataset(to_train=False)  # what no audit takes is told first
        raise ConfigError(
            f"there is no {file}. Audit first, look at {subject.output / 'audit.html'}, and take "
            f"out of {QUARANTINE_FILE} what is to stay."
        )
    _check_apart(folder, subject)
    with _alone_with_data(subject, folder) as (moves, dataset):
        listed = listed_images(subject.config, dataset, file, QUARANTINE_NEEDS, log_folder=folder)
        if dataset.table and listed:
            edit_table(moves, subject.config, {absolute(image.path): None for image in listed})
        roots = subject.data_folders()
        wanted = [
            _Move(
                image.path,
                folder / _name_below(image.path, dataset.folder),
                _root_of(image.path, roots),
                {},
            )
            for image in listed
        ]
        return _move_all(moves, dataset, wanted)


def relabel(subject: AuditSubject, file: Path) -> Changed:
    """Give the images of a list their new labels.

    Files move to the folders of their new classes, with the folders below these; of a table, lines
    are edited. The log is in the folder of the audit's results. What the log says was done already,
    and not undone since, is not done again.

    Args:
        subject: what was audited.
        file: relabel.csv, as a person has edited it.

    Raises:
        ConfigError: the list cannot be read, is not of these images, or names a class that is not
            there.
        DatasetError: the images cannot be listed.
        OSError: the table cannot be written; nothing is changed.
    """
    folder = subject.output
    check_output(folder, *class_roots(subject.config))
    with _alone_with_data(subject, folder) as (moves, dataset):
        listed = [
            image
            for image in listed_images(
                subject.config, dataset, file, RELABEL_NEEDS, log_folder=folder
            )
            if image.new_label != image.label
        ]
        _check_labels(file, listed, dataset.classes)
        if not dataset.table:
            roots = subject.data_folders()
            return _move_all(moves, dataset, _to_new_classes(listed, dataset.classes, roots))
        if listed:
            changes = {absolute(image.path): image.new_label for image in listed}
            edit_table(moves, subject.config, changes)
        return Changed(len(listed), [])


@contextmanager
def _alone_with_data(subject: AuditSubject, folder: Path) -> Iterator[tuple[MoveLog, Dataset]]:
    """Yield the log of a folder and the images, which no command changes beside this one."""
    with move_log(folder) as moves, moves.lock_data(subject.data_folders()):
        yield moves, subject.dataset(to_train=False)


def _move_all(moves: MoveLog, dataset: Dataset, wanted: Sequence[_Move]) -> Changed:
    """Move files; one that may not be moved stays, and a full disk ends it."""
    _warn_of_links(dataset, [each.source for each in wanted])
    problems: list[str] = []
    moved: list[_Move] = []
    for place, each in enumerate(wanted):
        try:
            moves.move(each.source, each.target, data=each.data, **each.told)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                problems.append(
                    f"{Path(error.filename).parent} is full ({error.strerror}): "
                    f"{counted(len(wanted) - place, 'image')} not moved. Free space there and run "
                    "the same command again"
                )
                break
            problems.append(f"{each.source} is not moved to {error.filename} ({error.strerror})")
        else:
            moved.append(each)
    if not dataset.table:
        _warn_of_emptied(moved)
    return Changed(len(moved), problems)


def _warn_of_links(dataset: Dataset, moved: Sequence[Path]) -> None:
    """Warn of links in a data set that lead to files that are about to be moved."""
    gone = {os.path.realpath(path) for path in moved if not path.is_symlink()}
    if not gone:
        return
    links = [
        relative_name(path, dataset.folder)
        for path in dataset.paths
        if path.is_symlink() and os.path.realpath(path) in gone
    ]
    if links:
        log.warning(
            "WARNING: images are moved that links lead to; these links lead nowhere now, and are "
            "no images until you make them anew or restore: %s",
            quoted(links),
        )  # fmt: skip


def _warn_of_emptied(moved: Iterable[_Move]) -> None:
    """Warn of class folders without an image, where the next audit or training would stop."""
    folders = dict.fromkeys(
        each.data / each.source.relative_to(each.data).parts[0]
        for each in moved
        if each.source.is_relative_to(each.data)
    )
    for folder in folders:
        # A folder in it that is empty now is found, too.
        if not any(path.is_file() for path in find_images(folder)):
            log.warning(
                "WARNING: the class folder %s has no images now, and audits and trainings stop at "
                "it. Remove that folder; restoring makes it again.",
                folder,
            )  # fmt: skip


def _check_apart(folder: Path, subject: AuditSubject) -> None:
    for data in class_roots(subject.config):
        if folder.resolve().is_relative_to(data.resolve()):
            raise ConfigError(
                f"quarantine = {str(folder)!r} lies in the data folder {data}, where it would "
                "become a class. Name a folder elsewhere."
            )


def _check_labels(file: Path, listed: Sequence[ListedImage], labels: Sequence[str]) -> None:
    unknown = [image.new_label for image in listed if image.new_label not in labels]
    if unknown:
        close = difflib.get_close_matches(unknown[0], labels, n=1)
        advice = (
            f"did you mean {brief(close[0])!r}?"
            if close
            else f"there are {quoted(labels)}. For a new class, make its folder first."
        )
        raise ConfigError(
            f"{file} has the new label {brief(unknown[0])!r}, and there is no such class; {advice}"
        )


def _name_below(path: Path, folder: Path) -> Path:
    """Return where a file lies below a folder; one that lies elsewhere, its name alone."""
    name = Path(relative_name(path, folder))
    return Path(name.name) if name.is_absolute() or ".." in name.parts else name


def _root_of(path: Path, roots: Sequence[Path]) -> Path:
    return next((root for root in roots if path.is_relative_to(root)), path.parent)


def _to_new_classes(
    listed: Sequence[ListedImage], labels: Sequence[str], roots: Sequence[Path]
) -> list[_Move]:
    """Return, for each file, where it goes: into the folder of its new class, in the same part."""
    folders = {root: class_folders(root, labels) for root in roots}
    wanted = []
    for image in listed:
        root = _root_of(image.path, roots)
        below = image.path.relative_to(root).parts[1:]
        target = root / folders[root].get(image.new_label, image.new_label) / Path(*below)
        told = {"given_label": image.label, "new_label": image.new_label}
        wanted.append(_Move(image.path, target, root, told))
    return wanted
