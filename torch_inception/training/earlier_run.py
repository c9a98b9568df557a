"""The run that a folder has results of already, and what has changed since."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch_inception.classifier.model_file import load_model
from torch_inception.classifier.training_record import in_words
from torch_inception.errors import ModelError
from torch_inception.heads.metrics import percent
from torch_inception.system.escape import counted, listed, printable
from torch_inception.training.evaluation import ImageAnswer
from torch_inception.training.examples import Examples

CLASSES_SHOWN = 10
"""Names of classes in a line at most."""


class EarlierImage(NamedTuple):
    """An image of an earlier run: its label, and the name that it was given if it was tested."""

    label: str
    prediction: str | None


@dataclass(frozen=True)
class EarlierRun:
    """What a run folder tells of the run that left it.

    Attributes:
        folder: the run folder.
        images: SHA-256 of the content, in hexadecimal -> image.
        created: when the model was trained, as `TrainingRecord.created`; "" where that is not told.
    """

    folder: Path
    images: Mapping[str, EarlierImage]
    created: str

    def labels(self) -> set[str]:
        """Return the names of its classes."""
        return {image.label for image in self.images.values()}


class Changes(NamedTuple):
    """What is different from the run before. Numbers of images are of different contents.

    Attributes:
        created: when the model before was trained, as `TrainingRecord.created`, or "".
        new_images: that were not there.
        gone_images: that are not there any more.
        same_images: that are there still.
        new_classes: names of classes that were not there.
        gone_classes: names of classes that are not there any more.
        renamed_classes: name before -> name now.
        tested: images that both runs tested.
        right_before: of which the earlier model named so many right.
        right_now: of which the new model names so many right.
    """

    created: str
    new_images: int
    gone_images: int
    same_images: int
    new_classes: list[str]
    gone_classes: list[str]
    renamed_classes: dict[str, str]
    tested: int
    right_before: int
    right_now: int


def read_earlier_run(folder: Path) -> EarlierRun | None:
    """Return what a folder tells of its run; None where there is none that can be read."""
    try:
        splits = _read_table(folder / "splits.csv")
        answers = {
            row["path"]: row["prediction"] for row in _read_table(folder / "predictions.csv")
        }
        images = {
            row["sha256"]: EarlierImage(row["label"], answers.get(row["path"])) for row in splits
        }
    except (OSError, ValueError, KeyError, csv.Error):
        return None
    return EarlierRun(folder, images, _created(folder)) if images else None


def _read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _created(folder: Path) -> str:
    try:
        training = load_model(folder).training
    except ModelError:
        return ""
    return training.created if training else ""


def changes_since(
    earlier: EarlierRun, examples: Examples, tested: Sequence[ImageAnswer]
) -> Changes:
    """Compare a run with the one before.

    Args:
        earlier: that one.
        examples: the images of this one.
        tested: answers to its test images.
    """
    label_of = {image.digest.hex(): image.label for image in examples.images}
    both = earlier.images.keys() & label_of.keys()
    before, now = earlier.labels(), set(examples.labels)
    renamed = _renamed(
        [(earlier.images[digest].label, label_of[digest]) for digest in both],
        gone=before - now,
        new=now - before,
    )
    digest_of = {image.path: image.digest.hex() for image in examples.images}
    shared = [
        (answer, earlier.images[digest].prediction)
        for answer, digest in ((each, digest_of[each.path]) for each in tested)
        if digest in both and earlier.images[digest].prediction is not None
    ]
    return Changes(
        created=earlier.created,
        new_images=len(label_of.keys() - both),
        gone_images=len(earlier.images.keys() - both),
        same_images=len(both),
        new_classes=sorted(now - before - set(renamed.values())),
        gone_classes=sorted(before - now - renamed.keys()),
        renamed_classes=renamed,
        tested=len(shared),
        right_before=sum(
            prediction is not None and renamed.get(prediction, prediction) == answer.label
            for answer, prediction in shared
        ),
        right_now=sum(answer.prediction == answer.label for answer, _ in shared),
    )


def _renamed(labels: Sequence[tuple[str, str]], *, gone: set[str], new: set[str]) -> dict[str, str]:
    """Return the classes of which most images that are there still have one new name.

    Args:
        labels: of each such image, before and now.
        gone: classes that are not there any more.
        new: classes that were not there.
    """
    renamed: dict[str, str] = {}
    for name in sorted(gone):
        found = Counter(now for before, now in labels if before == name)
        for label, count in found.most_common(1):
            if label in new and label not in renamed.values() and 2 * count > found.total():
                renamed[name] = label
    return renamed


def changes_in_words(changes: Changes) -> list[str]:
    """Return the lines that a run tells what has changed with."""
    when = f" of {in_words(changes.created)}" if changes.created else ""
    images = (
        f"{changes.new_images} new, {changes.gone_images} gone, {changes.same_images} as before"
    )
    return [
        f"Compared with the run{when} in this folder:",
        f"  images: {images}",
        *_classes_in_words(changes),
        f"  {_accuracy_in_words(changes)}",
    ]


def _classes_in_words(changes: Changes) -> list[str]:
    renamed = [
        f"{printable(before)} is now {printable(now)}"
        for before, now in changes.renamed_classes.items()
    ]
    said = [
        f"{what} {listed(names, CLASSES_SHOWN)}"
        for what, names in (
            ("new", list(map(printable, changes.new_classes))),
            ("gone", list(map(printable, changes.gone_classes))),
            ("renamed", renamed),
        )
        if names
    ]
    return [f"  classes: {'; '.join(said)}"] if said else []


def _accuracy_in_words(changes: Changes) -> str:
    if not changes.tested:
        return "accuracy: no image was for the test in both"
    before, now = (count / changes.tested for count in (changes.right_before, changes.right_now))
    count = counted(changes.tested, "image")
    return f"accuracy on {count} that both tested: {percent(before)} before, {percent(now)} now"
