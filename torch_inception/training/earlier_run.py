"""The run that a folder has results of already, and what has changed since."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch_inception.answers.shares import percent
from torch_inception.answers.training_record import in_words
from torch_inception.classifier.model_file import Model, earlier_model
from torch_inception.datasets.parts import SPLITS_FILE
from torch_inception.heads.head import IndependentHead
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted, listed, printable
from torch_inception.system.write import exact
from torch_inception.training.earlier_split import EarlierSplit, read_splits, split_of
from torch_inception.training.evaluation import ImageAnswer
from torch_inception.training.examples import Examples

PREPROCESSING_SETTINGS = ("resize", "exact_decode", "intensity", "page", "channels")
"""Of preprocessing, that a user chooses."""

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
        images: SHA-256 of the content, in hexadecimal -> image; empty where there was no run.
        split: what it says of parts.
        model: None where there is none that can be read.
    """

    folder: Path
    images: Mapping[str, EarlierImage]
    split: EarlierSplit
    model: Model | None

    def labels(self) -> set[str]:
        """Return the names of its classes."""
        return {image.label for image in self.images.values()}

    @property
    def several(self) -> bool | None:
        """Whether its images may have had several labels; None where that is not told."""
        return isinstance(self.model.head, IndependentHead) if self.model else None

    @property
    def created(self) -> str:
        """When the model was trained, as `TrainingRecord.created`; "" where that is not told."""
        return self.model.training.created if self.model and self.model.training else ""

    @property
    def arithmetic(self) -> str:
        """Of the engine that computed its features; "" where that is not told."""
        return self.model.arithmetic if self.model else ""


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
        relabelled_images: that are in another class now, renaming apart.
        tested: images that both runs tested.
        right_before: of which the earlier model named so many right.
        right_now: of which the new model names so many right.
        settings: of the model that are others: name -> value before, value now.
    """

    created: str
    new_images: int
    gone_images: int
    same_images: int
    new_classes: list[str]
    gone_classes: list[str]
    renamed_classes: dict[str, str]
    relabelled_images: int
    tested: int
    right_before: int
    right_now: int
    settings: dict[str, tuple[str, str]]


def read_earlier_run(folder: Path) -> EarlierRun:
    """Return what a folder tells of its run.

    Raises:
        DatasetError: the file of its images and their parts cannot be read.
    """
    answers = _predictions(folder / "predictions.csv")
    rows = read_splits(folder / SPLITS_FILE)
    images = {row.sha256: EarlierImage(row.label, answers.get(row.path)) for row in rows}
    return EarlierRun(folder, images, split_of(rows), earlier_model(folder))


def _predictions(path: Path) -> dict[str, str]:
    """Return the names that images were given, by their paths; none where they cannot be read."""
    try:
        # Spreadsheets begin the tables that they save with a mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["path"]: row["prediction"] for row in csv.DictReader(map(exact, file))}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def changes_since(
    earlier: EarlierRun,
    examples: Examples,
    tested: Sequence[ImageAnswer],
    preprocessing: Preprocessing,
    settings: Mapping[str, tuple[str, str]],
) -> Changes:
    """Compare a run with the one before.

    Args:
        earlier: that one.
        examples: the images of this one.
        tested: answers to its test images.
        preprocessing: of its images.
        settings: besides those of preprocessing that are others, as in `Changes`.
    """
    label_of = {image.digest.hex(): image.label for image in examples.images}
    both = earlier.images.keys() & label_of.keys()
    before, now = earlier.labels(), set(examples.classes)
    renamed = _renamed(
        [(earlier.images[digest].label, label_of[digest]) for digest in both],
        gone=before - now,
        new=now - before,
    )
    digest_of = {image.path: image.digest.hex() for image in examples.images}
    by_content = {digest_of[answer.path]: answer for answer in tested}
    shared = [
        (answer, earlier.images[digest].prediction)
        for digest, answer in by_content.items()
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
        relabelled_images=sum(
            renamed.get(earlier.images[digest].label, earlier.images[digest].label)
            != label_of[digest]
            for digest in both
        ),
        tested=len(shared),
        right_before=sum(
            prediction is not None and renamed.get(prediction, prediction) == answer.label
            for answer, prediction in shared
        ),
        right_now=sum(answer.prediction == answer.label for answer, _ in shared),
        settings={**_changed_preprocessing(earlier.model, preprocessing), **settings},
    )


def _changed_preprocessing(before: Model | None, now: Preprocessing) -> dict[str, tuple[str, str]]:
    if before is None:
        return {}
    pairs = {
        name: (str(getattr(before.preprocessing, name)), str(getattr(now, name)))
        for name in PREPROCESSING_SETTINGS
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


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
            if label in new and 2 * count > found.total():
                renamed[name] = label
    return renamed


def other_kind_in_words(earlier: EarlierRun, *, several: bool) -> list[str]:
    """Return the line of a run that is not compared, as one of the two has several labels."""
    if not earlier.images or earlier.several in (None, several):
        return []
    before, now = ("one label", "several") if several else ("several labels", "one")
    return [
        f"The model before had {before} per image, and this one has {now}: they are not compared."
    ]


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
        *_labels_in_words(changes),
        *_settings_in_words(changes),
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


def _labels_in_words(changes: Changes) -> list[str]:
    count = changes.relabelled_images
    if not count:
        return []
    said = "1 image has" if count == 1 else f"{count} images have"
    return [f"  labels: {said} another one; accuracies are those on the new labels"]


def _settings_in_words(changes: Changes) -> list[str]:
    said = [
        f"{name} was {printable(before) or 'not set'}, is {printable(now) or 'not set'}"
        for name, (before, now) in changes.settings.items()
    ]
    return [f"  settings: {'; '.join(said)}"] if said else []


def _accuracy_in_words(changes: Changes) -> str:
    if not changes.tested:
        return "accuracy: no image was for the test in both"
    before, now = (count / changes.tested for count in (changes.right_before, changes.right_now))
    count = counted(changes.tested, "image")
    return f"accuracy on {count} that both tested: {percent(before)} before, {percent(now)} now"
