"""Labelled images from folders of class folders."""

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch_inception.datasets.divided_folder import given_folders, warn_of_folders_below
from torch_inception.datasets.folder_shapes import (
    check_folder,
    class_folders,
    class_names,
    composed,
    quoted,
    refuse_fewer_than_two_classes,
    warn_of_loose_images,
)
from torch_inception.datasets.label_sets import SeveralLabels
from torch_inception.datasets.parts import SPLITS_FILE, Part
from torch_inception.errors import DatasetError
from torch_inception.images.find import find_images
from torch_inception.system.escape import columns, counted, listed, padded, printable

log = logging.getLogger(__name__)

SMALL_CLASS = 20
"""Images under which a class is warned of, as TensorFlow's `retrain.py` does."""

CLASSES_SHOWN = 10
"""Classes in a line at most."""

ROWS_SHOWN = 20
"""Classes in a table at most."""


def labelled_files(folder: Path, labels: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """Yield (path, class number) of every file, not hidden, of the class folders there are."""
    folders = class_folders(folder, labels)
    for number, label in enumerate(labels):
        if label in folders:
            for path in find_images(folder / folders[label]):
                yield path, number


@dataclass(frozen=True)
class Dataset:
    """What there is to train on.

    Attributes:
        folder: the folder that names of files are relative to.
        label_texts: what images have as a label, sorted: class names; where an image may have
            several labels, all sets of labels that there are, as `SeveralLabels` writes them.
        paths: the files; of a folder, in the order of their names within each class of each part.
        targets: of each file, the position of its label in these.
        parts: the part that each file is for, where the data set says so; empty where it says
            nothing of any. A file of None is for training.
        groups: name of the group, such as a patient, that each file belongs to, or ""; empty where
            the data set says nothing.
        table: what messages call the table that it was read from; "" if it was a folder.
        several: the classes, where an image may have several or none; None where each has one.
    """

    folder: Path
    label_texts: list[str]
    paths: list[Path]
    targets: list[int]
    parts: Sequence[Part | None] = ()
    groups: Sequence[str] = ()
    table: str = ""
    several: SeveralLabels | None = None

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""
        return self.label_texts if self.several is None else self.several.classes

    @cached_property
    def _classes_of_targets(self) -> list[tuple[str, ...]]:
        if self.several is None:
            return [(label,) for label in self.label_texts]
        return [self.several.read(label).present for label in self.label_texts]

    def classes_of(self, target: int) -> tuple[str, ...]:
        """Return the classes that an image of a target has."""
        return self._classes_of_targets[target]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.table or str(self.folder)

    def counts(self) -> dict[str, int]:
        """Return the number of files of each class."""
        of_class = Counter(each for target in self.targets for each in self.classes_of(target))
        return {label: of_class[label] for label in self.classes}

    def restricted_to(self, paths: Iterable[Path]) -> "Dataset":
        """Return the data set of some of the files, in their order."""
        place_of = {path: place for place, path in enumerate(self.paths)}
        places = [place_of[path] for path in paths]
        return dataclasses.replace(
            self,
            paths=[self.paths[place] for place in places],
            targets=[self.targets[place] for place in places],
            parts=[self.parts[place] for place in places] if self.parts else (),
            groups=[self.groups[place] for place in places] if self.groups else (),
        )

    def followed_by(self, other: "Dataset") -> "Dataset":
        """Return this data set with the files of a folder of the same classes after its own."""
        return dataclasses.replace(
            self,
            paths=[*self.paths, *other.paths],
            targets=[*self.targets, *other.targets],
            parts=[*(self.parts or [None] * len(self.paths)), *other.parts],
            groups=[*self.groups, *[""] * len(other.paths)] if self.groups else (),
        )


def read_dataset(folder: Path, *, to_train: bool = True) -> Dataset:
    """List the files of a folder of class folders, or of one that is divided into parts.

    Args:
        folder: as it was given.
        to_train: whether a head is to learn from it: that takes two classes, and none is empty.

    Raises:
        DatasetError: there is no such folder, it has too few classes, or one is empty.
    """
    check_folder(folder, setting="data")
    divided = given_folders(folder)
    if divided:
        return _read_divided(folder, divided, to_train=to_train)
    labels = class_names(folder)
    if to_train or not labels:
        refuse_fewer_than_two_classes(folder, labels)
    warn_of_folders_below(folder, labels)
    dataset = _read_class_folders(folder, labels)
    if to_train:
        _refuse_empty_classes(dataset)
    return dataset


def with_test_folder(dataset: Dataset, folder: Path) -> Dataset:
    """Add the images of a folder of class folders: they are the test part.

    Raises:
        DatasetError: there is no such folder, it has no images or other classes than the data set,
            the data set has a test part already, or they have files in common.
    """
    check_folder(folder, setting="test_data")
    if dataset.several is not None:
        raise DatasetError(
            f"--test-data {folder} has one label per image, by its folders, and {dataset.name} "
            "several. Name the test images in the table: a column split."
        )
    if "test" in dataset.parts:
        raise DatasetError(
            f"{dataset.name} has a test part already, and --test-data {folder} would be another. "
            "Leave out the one or the other."
        )
    _refuse_other_classes(folder, dataset.classes, known=dataset.name)
    test = _read_class_folders(folder, dataset.classes, part="test")
    if not test.paths:
        raise DatasetError(f"{folder} has no images to test with. Add some: --test-data.")
    both = set(map(os.path.abspath, dataset.paths)).intersection(map(os.path.abspath, test.paths))
    if both:
        raise DatasetError(
            f"{dataset.name} and --test-data {folder} have files in common, {len(both):,} in all, "
            f"the first {min(both)}. Images that are trained on test nothing: move them apart."
        )
    log.info(
        "split: the %s files of %s are the test part; those of %s are for training",
        f"{len(test.paths):,}", folder, dataset.name,
    )  # fmt: skip
    return dataset.followed_by(test)


def _read_divided(folder: Path, divided: Mapping[Part, Path], *, to_train: bool) -> Dataset:
    warn_of_loose_images(folder)
    labels = class_names(divided["train"])
    refuse_fewer_than_two_classes(divided["train"], labels)
    dataset = Dataset(folder, labels, [], [])
    counts = []
    for part, place in divided.items():
        _refuse_other_classes(place, labels, known=divided["train"])
        of_part = _read_class_folders(place, labels, part=part)
        if part == "train" and to_train:
            _refuse_empty_classes(of_part)
        if not of_part.paths:
            raise DatasetError(f"{place} has no images. Add some, or remove the folder.")
        dataset = dataset.followed_by(of_part)
        counts.append(f"{len(of_part.paths):,}")
    log.info(
        "split: given by the folders %s: %s files",
        _in_a_row([place.name for place in divided.values()]), _in_a_row(counts),
    )  # fmt: skip
    return dataset


def _read_class_folders(
    folder: Path, labels: Sequence[str], *, part: Part | None = None
) -> Dataset:
    warn_of_loose_images(folder)
    samples = list(labelled_files(folder, labels))
    return Dataset(
        folder=folder,
        label_texts=list(labels),
        paths=[path for path, _ in samples],
        targets=[target for _, target in samples],
        parts=() if part is None else [part] * len(samples),
    )


def _refuse_empty_classes(dataset: Dataset) -> None:
    empty = [label for label, count in dataset.counts().items() if count == 0]
    if empty:
        raise DatasetError(
            f"the class folder {empty[0]!r} in {dataset.folder} has no images. "
            "Add some, or remove the folder."
        )


def _refuse_other_classes(folder: Path, labels: Sequence[str], *, known: Path | str) -> None:
    """Refuse a part whose class folders are not all among those that are trained on.

    Args:
        folder: of the part.
        labels: of training.
        known: where they come from.

    Raises:
        DatasetError: there are others, or none.
    """
    names = class_names(folder)
    if not names:
        raise DatasetError(
            f"{folder} needs a folder of images per class, with the names of {known}: "
            f"{quoted(labels)}. It has no folders."
        )
    taken = class_folders(folder, labels)
    strange = [name for name in names if name not in taken.values()]
    forms = set(map(composed, labels))
    if strange and all(composed(name) in forms for name in strange):
        raise DatasetError(
            f"{folder} has class folders whose names differ from those of {known} only in the "
            f"Unicode form of their letters: {', '.join(map(ascii, strange))}. Give each class the "
            "same name there, letter by letter, as where it is trained on."
        )
    if strange:
        raise DatasetError(
            f"{folder} has class folders that {known} has not: {quoted(strange)}; there, classes "
            f"are {quoted(labels)}. Rename or remove the folders."
        )
    others = [name for label, name in taken.items() if name != label]
    if others:
        log.info(
            "classes: names in %s that differ from those of %s only in the Unicode form of their "
            "letters are taken for the same: %s",
            folder, known, quoted(others),
        )  # fmt: skip


def _in_a_row(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]])


def class_table(dataset: Dataset) -> str:
    """Return a table of classes and their numbers of files; of many classes, the smallest ones."""
    counts = list(dataset.counts().items())
    shown, more = counts, []
    if len(counts) > ROWS_SHOWN:
        counts.sort(key=lambda row: row[1])
        shown, more = counts[:ROWS_SHOWN], counts[ROWS_SHOWN:]
    rows = [(printable(label), f"{count:,}") for label, count in shown]
    width, digits = max(columns(label) for label, _ in rows), max(len(count) for _, count in rows)
    what = "the files of the smallest" if more else "their files"
    lines = [f"{_classes(len(counts))} in {printable(dataset.name)}, and {what}:"]
    lines += [f"  {padded(label, width)}  {count:>{digits}}" for label, count in rows]
    if more:
        lines.append(
            f"  and {len(more):,} more with {more[0][1]:,} to {more[-1][1]:,} each; {SPLITS_FILE} "
            "lists all images"
        )
    return "\n".join(lines)


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count:,} classes"


def tell_of_unused(dataset: Dataset, used: Iterable[Path]) -> None:
    """Log how many files of each class are used, where that is not all of them.

    Args:
        dataset: all files.
        used: those that are.
    """
    class_of = dict(zip(dataset.paths, dataset.targets, strict=True))
    paths = list(used)
    kept = Counter(each for path in paths for each in dataset.classes_of(class_of[path]))
    lacking = [
        f"{printable(label)} {kept[label]:,} of {count:,}"
        for label, count in dataset.counts().items()
        if kept[label] < count
    ]
    if lacking:
        files = counted(len(dataset.paths), "file")
        log.info("used: %s of %s (%s)", f"{len(paths):,}", files, listed(lacking, CLASSES_SHOWN))
