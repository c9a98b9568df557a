"""What the lists of an audit say, done: images moved away, given other labels, and put back."""

import difflib
import errno
import hashlib
import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from torch_inception.audit.audited_data import Audited
from torch_inception.audit.move_log import (
    LOG_FILE,
    Entry,
    MoveLog,
    absolute,
    is_taken,
    move_log,
    read_log,
    undo_move,
)
from torch_inception.audit.table_edit import edit_table, images_of, undo_edit
from torch_inception.audit.tables import (
    QUARANTINE_FILE,
    ListedForQuarantine,
    ListedForRelabel,
    read_list,
)
from torch_inception.config import TrainConfig
from torch_inception.errors import ConfigError
from torch_inception.images.find import find_images
from torch_inception.system.escape import brief, counted
from torch_inception.training.dataset import Dataset
from torch_inception.training.divided_folder import given_folders
from torch_inception.training.examples import relative_name
from torch_inception.training.folder_shapes import class_folders, quoted
from torch_inception.training.load_dataset import class_roots
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


class Restored(NamedTuple):
    """What is as it was, and what could not be put back.

    Attributes:
        moves: of files that were undone.
        edits: of tables that were undone.
        problems: what could not be undone, in words.
    """

    moves: int
    edits: int
    problems: list[str]


class _Listed(NamedTuple):
    """An image of a list, and the label that it is to have."""

    path: Path
    label: str
    new_label: str


class _Move(NamedTuple):
    """A file that is to be moved: where to, the folder of its data set, what the log tells."""

    source: Path
    target: Path
    data: Path
    told: Mapping[str, str]


def quarantine(found: Audited, folder: Path) -> Changed:
    """Move the images that quarantine.csv lists into a folder.

    Below the folder they lie as they lay below the data folder. A table of labels loses their
    lines.

    Args:
        found: what was audited.
        folder: where they go; not in the data folder.

    Raises:
        ConfigError: the list cannot be read or is not of these images, or the folder is among them
            or cannot be one.
        OSError: the table cannot be written; nothing is changed.
    """
    file = found.output / QUARANTINE_FILE
    if not file.is_file():
        found.dataset(to_train=False)  # what no audit takes is told first
        raise ConfigError(
            f"there is no {file}. Audit first, look at {found.output / 'audit.html'}, and take out "
            f"of {QUARANTINE_FILE} what is to stay."
        )
    _check_apart(folder, found)
    with move_log(folder) as moves:
        dataset = found.dataset(to_train=False)
        listed = _listed(found, dataset, file, ListedForQuarantine._fields[:2], folder=folder)
        if found.config.labels and listed:
            edit_table(moves, found.config, {absolute(image.path): None for image in listed})
        roots = _roots(found, dataset)
        return _move_all(
            moves,
            dataset,
            [
                _Move(
                    image.path,
                    folder / _name_below(image.path, dataset.folder),
                    _root_of(image.path, roots),
                    {},
                )
                for image in listed
            ],
        )


def relabel(found: Audited, file: Path) -> Changed:
    """Give the images of a list their new labels.

    Files move to the folders of their new classes, with the folders below these; of a table, lines
    are edited. The log is in the folder of the audit's results. What the log says was done already,
    and not undone since, is not done again.

    Args:
        found: what was audited.
        file: relabel.csv, as a person has edited it.

    Raises:
        ConfigError: the list cannot be read, is not of these images, or names a class that is not
            there.
        OSError: the table cannot be written; nothing is changed.
    """
    check_output(found.output, *class_roots(found.config))
    with move_log(found.output) as moves:
        dataset = found.dataset(to_train=False)
        listed = [
            image
            for image in _listed(
                found, dataset, file, ListedForRelabel._fields[:3], folder=found.output
            )
            if image.new_label != image.label
        ]
        _check_labels(file, listed, dataset.classes)
        if not found.config.labels:
            return _move_all(moves, dataset, _to_new_classes(listed, found, dataset))
        if listed:
            changes = {absolute(image.path): image.new_label for image in listed}
            edit_table(moves, found.config, changes)
        return Changed(len(listed), [])


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
        if not any(True for _ in find_images(folder)):
            log.warning(
                "WARNING: the class folder %s has no images now, and audits and trainings stop at "
                "it. Remove that folder; restoring makes it again.",
                folder,
            )  # fmt: skip


def restore(folder: Path) -> Restored:
    """Undo what the log of a folder says, the last step first; the log goes once all is undone.

    What cannot be undone stays in the log, and so do earlier steps that it stands on.

    Raises:
        ConfigError: there is no log, or it is damaged, or the data folder is gone.
    """
    problems: list[str] = []
    moved: list[bool] = []
    blocked: set[str] = set()
    with move_log(folder, make=False) as moves:
        entries = read_log(folder)
        _check_there(entries.values())
        for place, entry in reversed(entries.items()):
            problem = _undo(folder, entry, blocked)
            if problem:
                problems.append(problem)
                blocked.add(entry.get("from", ""))
            else:
                _remove_empty(folder, entry)
                moves.mark_undone(place)
                moved.append("from" in entry)
        if not problems:
            (folder / LOG_FILE).unlink()
            with suppress(OSError):  # it is not empty
                folder.rmdir()
    return Restored(moved.count(True), moved.count(False), problems)


def _check_there(entries: Iterable[Entry]) -> None:
    for data in dict.fromkeys(entry["data"] for entry in entries if "data" in entry):
        if not Path(data).is_dir():
            raise ConfigError(
                f"the images came from {data}, and that folder is gone, so none is put back. Was "
                "it renamed or moved? Move it back to that name, and restore again."
            )


def _undo(folder: Path, entry: Entry, blocked: Collection[str]) -> str:
    """Undo a step; return what is wrong where that cannot be, and "" where it is undone.

    Args:
        folder: of the log.
        entry: of the step.
        blocked: where later steps took files from that are not back there.
    """
    if "from" not in entry:
        return undo_edit(folder, entry)
    now = absolute(folder / entry["to"])
    if now in blocked:
        return f"{entry['from']} is not put back before what was at {now} is"
    return undo_move(folder, entry)


def _remove_empty(folder: Path, entry: Entry) -> None:
    """Remove the folders, below that of the log, that a file was moved into and that are empty."""
    moved_to = Path(entry.get("to", ""))
    if not moved_to.is_absolute():
        for name in list(moved_to.parents)[:-1]:
            with suppress(OSError):  # it is not empty
                (folder / name).rmdir()


def _listed(
    found: Audited, dataset: Dataset, file: Path, columns: Sequence[str], *, folder: Path
) -> list[_Listed]:
    """Return the images of a list; what a process that was killed has done is passed over.

    So is, with a word, what is another image than when it was listed.

    Raises:
        ConfigError: some are not in the data set, have another label there or stand twice.
    """
    entries = list(read_log(folder).values()) if (folder / LOG_FILE).exists() else []
    known = _Known(
        dataset, entries, _taken_out(found.config, folder, entries), _done(folder, entries)
    )
    listed: dict[str, _Listed] = {}
    others = []
    for row in read_list(file, columns):
        name = row["path"]
        try:
            image = known.image(name, row["given_label"], row.get("new_label", ""))
        except ValueError as wrong:
            raise ConfigError(
                f"{file}: {brief(name)!r} {wrong}. Audit again, or take the line out."
            ) from None
        if name in listed:
            raise ConfigError(f"{file} lists {brief(name)!r} twice. Keep one of the lines.")
        if image is None or (not row.get("sha256") and known.is_done(image)):
            continue
        if _has_content(image.path, row.get("sha256")):
            listed[name] = image
        else:
            others.append(name)
    if others:
        log.warning(
            "WARNING: passed over, since the content is not that which %s lists: %s",
            file, quoted(others),
        )  # fmt: skip
    return list(listed.values())


def _has_content(path: Path, digest: str | None) -> bool:
    """Tell whether a file has a SHA-256; a line that a person added has none, and any will do."""
    if not digest:
        return True
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest.lower()
    except OSError:
        return False


def _taken_out(config: TrainConfig, folder: Path, entries: Sequence[Entry]) -> set[str]:
    """Return the images whose lines the last step took out of the table, and those left in it."""
    tables = [entry for entry in entries if entry.get("table") == absolute(Path(config.labels))]
    return images_of(folder / tables[-1]["backup"], config) if config.labels and tables else set()


def _done(folder: Path, entries: Sequence[Entry]) -> set[tuple[str, str, str]]:
    """Return (path before, label before, new label) of relabelled files that were moved."""
    gone_on = {entry["from"] for entry in entries if "from" in entry}
    return {
        (entry["from"], entry["given_label"], entry["new_label"])
        for entry in entries
        if "new_label" in entry
        and (absolute(folder / entry["to"]) in gone_on or is_taken(folder, entry))
    }


class _Known:
    """The images of a data set by the names that tables give them.

    Args:
        dataset: all images.
        entries: of the log of what was done before.
        taken_out: images whose lines may be gone already.
        done: what `_done` returns.
    """

    def __init__(
        self,
        dataset: Dataset,
        entries: Sequence[Entry],
        taken_out: Collection[str],
        done: Collection[tuple[str, str, str]],
    ) -> None:
        self._dataset, self._done = dataset, done
        self._labels = {
            relative_name(path, dataset.folder): (path, dataset.classes[target])
            for path, target in zip(dataset.paths, dataset.targets, strict=True)
        }
        self._moved = {entry["from"] for entry in entries if "from" in entry}
        self._taken_out = taken_out

    def image(self, name: str, label: str, new_label: str) -> _Listed | None:
        """Return the image of a line; None where what the line wants is done.

        Raises:
            ValueError: it is another image than the line says; the message says why.
        """
        path = self._dataset.folder / name
        if name not in self._labels:
            if not new_label and absolute(path) in self._taken_out:
                return _Listed(path, label, label)
            if absolute(path) in self._moved:
                return None
            raise ValueError(f"is not among the images of {self._dataset.name}")
        path, own = self._labels[name]
        if own == new_label:
            return None
        if own != label:
            raise ValueError(f"has the label {brief(own)!r}, and not {brief(label)!r}")
        return _Listed(path, own, new_label or own)

    def is_done(self, image: _Listed) -> bool:
        """Tell whether what a line wants was done: what has the name now is another image."""
        return (absolute(image.path), image.label, image.new_label) in self._done


def _check_apart(folder: Path, found: Audited) -> None:
    for data in class_roots(found.config):
        if folder.resolve().is_relative_to(data.resolve()):
            raise ConfigError(
                f"quarantine = {str(folder)!r} lies in the data folder {data}, where it would "
                "become a class. Name a folder elsewhere."
            )


def _check_labels(file: Path, listed: Sequence[_Listed], labels: Sequence[str]) -> None:
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


def _roots(found: Audited, dataset: Dataset) -> list[Path]:
    """Return the folders that images are below: of a folder, those in which classes are."""
    data = Path(found.config.data)
    own = [dataset.folder] if dataset.table else given_folders(data).values() or [data]
    return [*own, *map(Path, filter(None, [found.config.test_data]))]


def _root_of(path: Path, roots: Sequence[Path]) -> Path:
    return next((root for root in roots if path.is_relative_to(root)), path.parent)


def _to_new_classes(listed: Sequence[_Listed], found: Audited, dataset: Dataset) -> list[_Move]:
    """Return, for each file, where it goes: into the folder of its new class, in the same part."""
    roots = _roots(found, dataset)
    wanted = []
    for image in listed:
        root = _root_of(image.path, roots)
        folders = class_folders(root, dataset.classes)
        below = image.path.relative_to(root).parts[1:]
        target = root / folders.get(image.new_label, image.new_label) / Path(*below)
        told = {"given_label": image.label, "new_label": image.new_label}
        wanted.append(_Move(image.path, target, root, told))
    return wanted
