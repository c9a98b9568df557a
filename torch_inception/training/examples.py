"""The images that a run learns from: labels, rows of features, and the part each is for."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import SMALL_CLASS, Dataset
from torch_inception.datasets.label_sets import SeveralLabels
from torch_inception.datasets.parts import PARTS, Part, parts_of
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.features.cached_pass import PassResult
from torch_inception.features.near_copies import Likeness
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.system.escape import counted
from torch_inception.training.earlier_split import EarlierParts, EarlierSplit
from torch_inception.training.given_split import given_split
from torch_inception.training.grouping import (
    LabelledImage,
    groups_of,
    named_groups,
    tell_of_named_groups,
)
from torch_inception.training.near_groups import GroupRow, group_rows, join_near_copies
from torch_inception.training.split import FEWEST_TO_TEST, split

log = logging.getLogger(__name__)

SMALL_SHOWN = 10
"""Classes with few images that are warned of one by one."""


@dataclass(frozen=True)
class Examples:
    """All whole images of a data set.

    Attributes:
        label_texts: as in `Dataset`.
        images: path, label and digest of each image, in the order of the data set.
        targets: (N,) int64 class numbers.
        features: N rows.
        likeness: what shows near copies.
        parts: what each image is for.
        all_parts: the parts that there are.
        groups: of `groups_of`, for each image.
        near_groups: for each image, the group of all that belongs to it, near copies too: it is
            left out with these, and is in one part with them unless it had to be elsewhere.
        is_given: whether the parts came with the data.
        several: as in `Dataset`.
    """

    label_texts: list[str]
    images: list[LabelledImage]
    targets: Tensor
    features: RowSelection
    likeness: Likeness
    parts: list[Part]
    all_parts: Sequence[Part]
    groups: list[str]
    near_groups: list[str]
    is_given: bool
    several: SeveralLabels | None = None

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""
        return self.label_texts if self.several is None else self.several.classes

    def labelled_rows(self, part: Part, *, balanced: bool = False) -> LabelledRows:
        """Return the labelled rows of a part; of one class where images may have several labels."""
        has_one_label = self.several is None
        everything = LabelledRows(
            self.features,
            self.targets if has_one_label else torch.zeros_like(self.targets),
            len(self.label_texts) if has_one_label else 1,
            groups=self._group_numbers,
            balanced=balanced,
        )
        return everything.subset(torch.tensor(self._rows(part), dtype=torch.int64))

    def part_images(self, part: Part) -> list[LabelledImage]:
        """Return the images of a part, in the order of the rows of `labelled_rows`."""
        return [self.images[row] for row in self._rows(part)]

    def part_groups(self, part: Part) -> list[str]:
        """Return the name of all that belongs to it, for each image of a part, in that order."""
        return [self.near_groups[row] for row in self._rows(part)]

    def group_rows(self) -> Iterator[GroupRow]:
        """Yield the lines of groups.csv."""
        return group_rows(self.images, self.parts, self.groups, self.near_groups, self.likeness)

    @cached_property
    def _group_numbers(self) -> Tensor:
        """The number of each image's group, in the order of the hashes that name groups."""
        by_hash = sorted(set(self.near_groups), key=lambda group: group.partition(":")[2])
        number = {group: position for position, group in enumerate(by_hash)}
        return torch.tensor([number[group] for group in self.near_groups], dtype=torch.int64)

    def _rows(self, part: Part) -> list[int]:
        return [row for row, each in enumerate(self.parts) if each == part]

    def counts(self) -> dict[str, dict[Part, int]]:
        """Return, for each class, how many images each part has."""
        counts = {label: dict.fromkeys(self.all_parts, 0) for label in self.classes}
        for image, part in zip(self.images, self.parts, strict=True):
            for label in image.classes:
                counts[label][part] += 1
        return counts


def make_examples(
    config: TrainConfig, dataset: Dataset, pass_result: PassResult, *, kept: EarlierSplit
) -> Examples:
    """Put labels, rows, groups and parts together; warn of what makes results unreliable.

    Args:
        config: how to group and split.
        dataset: the listed files.
        pass_result: rows of those that are whole images.
        kept: the split of an earlier run into the same folder; one that comes with the data wins.

    Raises:
        DatasetError: a class has no whole image, or none to train on; no class has two; or no
            image has a group.
        ConfigError: groups are named twice.
    """
    is_given = any(dataset.parts)
    dataset = dataset.restricted_to(pass_result.paths)
    images = labelled_images(dataset, pass_result.digests, pattern=config.group)
    if config.group:
        tell_of_named_groups(config.group, [image.group for image in images])
    _refuse_classes_too_small(dataset, images)
    groups = near_groups = groups_of(images)
    likeness = Likeness.of(pass_result.rows, pass_result.facts)
    if config.near_duplicates == "together":
        near_groups = join_near_copies(images, groups, likeness, of_table=bool(dataset.table))
    if is_given:
        if config.holdout != TrainConfig.holdout:
            log.info("split: holdout = %g is not used: the parts are given", config.holdout)
        parts = given_split(
            dataset.parts, images, near_groups, with_validation=config.with_validation
        )
        all_parts: Sequence[Part] = [part for part in PARTS if part in parts]
        _warn_of_torn_groups(near_groups, parts, "the given split")
    else:
        parts = _drawn_split(config, images, near_groups, kept)
        all_parts = parts_of(config.holdout, with_validation=config.with_validation)
    examples = Examples(
        dataset.label_texts, images, torch.tensor(dataset.targets, dtype=torch.int64),
        pass_result.rows, likeness, parts, all_parts, groups, near_groups, is_given,
        dataset.several,
    )  # fmt: skip
    _warn_of_small_classes(examples)
    return examples


def labelled_images(
    dataset: Dataset, digests: Sequence[bytes], *, pattern: str = ""
) -> list[LabelledImage]:
    """Return what is known of each file of a data set, all of which are whole images.

    Args:
        dataset: the files.
        digests: SHA-256 of the content of each.
        pattern: a regular expression that finds groups in their names, if any does.

    Raises:
        DatasetError: the pattern finds a group in no image.
        ConfigError: groups are named twice.
    """
    names = _names(dataset)
    groups = _groups_of_user(pattern, dataset, names)
    return [
        LabelledImage(
            name,
            dataset.label_texts[target],
            digest,
            group,
            None if dataset.several is None else dataset.classes_of(target),
        )
        for name, target, digest, group in zip(names, dataset.targets, digests, groups, strict=True)
    ]


def check_groups(pattern: str, dataset: Dataset) -> None:
    """See that a pattern finds a group in the name of some file, before any is read.

    Raises: as `labelled_images`.
    """
    if pattern:
        _groups_of_user(pattern, dataset, _names(dataset))


def _names(dataset: Dataset) -> list[str]:
    return [relative_name(path, dataset.folder) for path in dataset.paths]


def _drawn_split(
    config: TrainConfig,
    images: Sequence[LabelledImage],
    near_groups: Sequence[str],
    kept: EarlierSplit,
) -> list[Part]:
    """Return the part of each image; tell what an earlier run has to do with it."""
    found = EarlierParts(images, near_groups, kept)
    parts = split(found, holdout=config.holdout, with_validation=config.with_validation)
    _warn_of_joining_images(len(found.joining()))
    _warn_of_torn_groups(near_groups, parts, "the earlier split in this output folder")
    return parts


def _groups_of_user(pattern: str, dataset: Dataset, names: Sequence[str]) -> Sequence[str]:
    """Return the name of the group that the user puts each image into; "" where there is none.

    Args:
        pattern: a regular expression that finds groups in their names, if any does.
        dataset: the images, and the groups that come with them.
        names: of the images, relative to the data folder.

    Raises:
        DatasetError: no image has a group.
        ConfigError: groups are named twice.
    """
    if pattern and any(dataset.groups):
        raise ConfigError(
            f"group = {pattern!r}: the data names groups of its own. Leave one of them out."
        )
    if pattern and names:
        return named_groups(pattern, names, of_table=bool(dataset.table))
    return dataset.groups or [""] * len(names)


def _refuse_classes_too_small(dataset: Dataset, images: Sequence[LabelledImage]) -> None:
    """Refuse classes without a whole image, and data in which no class has two different ones."""
    present = {label for image in images for label in image.classes}
    for label in dataset.classes:
        if label not in present:
            raise DatasetError(
                f"no file of the class {label!r} of {dataset.name} can be used; what is said above "
                "tells why. Add images, or remove the class."
            )
    contents = {(label, image.digest) for image in images for label in image.classes}
    if len(contents) == len(dataset.classes):
        raise DatasetError(
            f"every class of {dataset.name} has only one image, or copies of one: nothing can be "
            "learnt or tested from that. Add images."
        )


def relative_name(path: Path, folder: Path) -> str:
    """Name a file as tables do: relative to the data folder, with forward slashes.

    A file elsewhere is named by the way from there, such as `../other/cat/1.jpg`; on another drive
    of Windows, by its whole path.
    """
    if path.is_relative_to(folder) and ".." not in path.parts[len(folder.parts) :]:
        return path.relative_to(folder).as_posix()
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # there is no way from one drive to another
        return Path(os.path.abspath(path)).as_posix()  # noqa: PTH100 - "..", too, is written out


def _warn_of_joining_images(count: int) -> None:
    if count:
        log.warning(
            "WARNING: %s joined to images that an earlier run had in different parts. "
            "These stay where they are; what is new is for training.",
            "1 new image is" if count == 1 else f"{count:,} new images are",
        )  # fmt: skip


def _warn_of_torn_groups(near_groups: Sequence[str], parts: Sequence[Part], origin: str) -> None:
    """Tell of images that belong together and are in different parts."""
    found: dict[str, set[Part]] = {}
    for group, part in zip(near_groups, parts, strict=True):
        found.setdefault(group, set()).add(part)
    torn = {group for group, parts_of_group in found.items() if len(parts_of_group) > 1}
    if torn:
        count = sum(group in torn for group in near_groups)
        of_test = any("test" in found[group] for group in torn)
        log.warning(
            "WARNING: %s in %s that belong together (near copies, the same content or name) "
            "are in different parts, because %s has them there: the %s results are too good. "
            "groups.csv lists them.",
            counted(count, "image"), counted(len(torn), "group"), origin,
            "test" if of_test else "validation",
        )  # fmt: skip


def _warn_of_small_classes(examples: Examples) -> None:
    """Warn of classes with few images, where those that belong together count once."""
    tested = {label for image in examples.part_images("test") for label in image.classes}
    places_of: dict[str, list[int]] = {label: [] for label in examples.classes}
    for place, image in enumerate(examples.images):
        for label in image.classes:
            places_of[label].append(place)
    counts = {
        label: len({examples.near_groups[n] for n in places}) for label, places in places_of.items()
    }
    small = [label for label, count in counts.items() if count < SMALL_CLASS]
    for label in small[:SMALL_SHOWN]:
        count, places = counts[label], places_of[label]
        is_untested = count < FEWEST_TO_TEST and label not in tested
        has_near_copies = count < len({examples.groups[n] for n in places})
        log.warning(
            "WARNING: the class %r has %s%s; %s%s",
            label,
            counted(len(places), "image"),
            f" that count as {count}, since those that belong together count once"
            if count < len(places) else "",
            f"it needs {FEWEST_TO_TEST} to be tested, so it is trained on only."
            if is_untested else f"under {SMALL_CLASS}, results are unreliable.",
            " If its near copies are images of their own: --near-duplicates ignore."
            if has_near_copies else "",
        )  # fmt: skip
    if len(small) > SMALL_SHOWN:
        log.warning(
            "WARNING: %s of the %s classes have under %d images; the smallest are in the table of "
            "classes above.",
            f"{len(small):,}", f"{len(counts):,}", SMALL_CLASS,
        )  # fmt: skip
