"""Labelled images from a folder of class folders."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch_inception.errors import DatasetError
from torch_inception.images.find import find_images, is_hidden
from torch_inception.system.escape import columns, padded, printable
from torch_inception.training.split import Part

SMALL_CLASS = 20
"""Images under which a class is warned of, as TensorFlow's `retrain.py` does."""


def class_names(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without the hidden ones."""
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not is_hidden(entry.name)
    )


def labelled_files(folder: Path, labels: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """Yield (path, class number) of every file in the class folders that is not hidden."""
    for number, label in enumerate(labels):
        for path in find_images(folder / label):
            yield path, number


@dataclass(frozen=True)
class Dataset:
    """What there is to train on.

    Attributes:
        folder: the folder of class folders.
        labels: class names, sorted; their positions are the class numbers.
        paths: the files, in the order of their names within each class.
        targets: class number of each file.
        parts: the part that each file is for, where the data set says so; empty where it says
            nothing.
        groups: name of the group, such as a patient, that each file belongs to, or ""; empty where
            the data set says nothing.
    """

    folder: Path
    labels: list[str]
    paths: list[Path]
    targets: list[int]
    parts: Sequence[Part | None] = ()
    groups: Sequence[str] = ()

    def counts(self) -> dict[str, int]:
        """Return the number of files of each class."""
        counted = Counter(self.targets)
        return {label: counted[number] for number, label in enumerate(self.labels)}


def read_dataset(folder: Path) -> Dataset:
    """List the files of a folder of class folders.

    Raises:
        DatasetError: there is no such folder, it has fewer than two classes, or one is empty.
    """
    if "\0" in str(folder) or not folder.is_dir():
        is_file = "\0" not in str(folder) and folder.is_file()
        what = f"{folder} is a file, not a folder" if is_file else f"there is no folder {folder}"
        raise DatasetError(f"{what}. Give one that has a folder of images per class: --data.")
    labels = class_names(folder)
    if len(labels) < 2:
        found = f"only {labels[0]!r}" if labels else "none"
        raise DatasetError(
            f"{folder} needs at least two class folders and has {found}. Put each class's "
            "images into a folder of its own; the folder's name is the label."
        )
    samples = list(labelled_files(folder, labels))
    dataset = Dataset(
        folder=folder,
        labels=labels,
        paths=[path for path, _ in samples],
        targets=[target for _, target in samples],
    )
    empty = [label for label, count in dataset.counts().items() if count == 0]
    if empty:
        raise DatasetError(
            f"the class folder {empty[0]!r} in {folder} has no images. "
            "Add some, or remove the folder."
        )
    return dataset


def class_table(dataset: Dataset) -> str:
    """Return a table of classes and their numbers of files, a line per class."""
    counts = {printable(label): f"{count:,}" for label, count in dataset.counts().items()}
    width, digits = max(map(columns, counts)), max(map(len, counts.values()))
    lines = [f"  {padded(label, width)}  {count:>{digits}}" for label, count in counts.items()]
    return "\n".join([f"{len(counts)} classes in {dataset.folder}:", *lines])
