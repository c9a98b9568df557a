"""The images that a run learns from: labels, rows of features, and the part each is for."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.errors import DatasetError
from torch_inception.features.cached_pass import PassResult
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.training.dataset import SMALL_CLASS, Dataset
from torch_inception.training.given_split import given_split
from torch_inception.training.split import (
    FEWEST_TO_TEST,
    PARTS,
    LabelledImage,
    Part,
    groups_of,
    parts_of,
    split,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examples:
    """All whole images of a data set.

    Attributes:
        labels: class names.
        images: path, label and digest of each image, in the order of the data set.
        targets: (N,) int64 class numbers.
        features: N rows.
        parts: what each image is for.
        all_parts: the parts that there are.
    """

    labels: list[str]
    images: list[LabelledImage]
    targets: Tensor
    features: RowSelection
    parts: list[Part]
    all_parts: Sequence[Part]

    @cached_property
    def groups(self) -> list[str]:
        """For each image, the name of the group that is never torn apart."""
        return groups_of(self.images)

    def labelled_rows(self, part: Part, *, balanced: bool = False) -> LabelledRows:
        """Return the labelled rows of a part."""
        everything = LabelledRows(
            self.features,
            self.targets,
            len(self.labels),
            groups=self._group_numbers,
            balanced=balanced,
        )
        return everything.subset(torch.tensor(self._rows(part), dtype=torch.int64))

    def part_images(self, part: Part) -> list[LabelledImage]:
        """Return the images of a part, in the order of the rows of `labelled_rows`."""
        return [self.images[row] for row in self._rows(part)]

    @cached_property
    def _group_numbers(self) -> Tensor:
        """The number of each image's group, in the order of the hashes that name groups."""
        by_hash = sorted(set(self.groups), key=lambda group: group.partition(":")[2])
        number = {group: position for position, group in enumerate(by_hash)}
        return torch.tensor([number[group] for group in self.groups], dtype=torch.int64)

    def _rows(self, part: Part) -> list[int]:
        return [row for row, each in enumerate(self.parts) if each == part]

    def counts(self) -> dict[str, dict[Part, int]]:
        """Return, for each class, how many images each part has."""
        counts = {label: dict.fromkeys(self.all_parts, 0) for label in self.labels}
        for image, part in zip(self.images, self.parts, strict=True):
            counts[image.label][part] += 1
        return counts


def make_examples(
    dataset: Dataset,
    pass_result: PassResult,
    *,
    holdout: float,
    with_validation: bool,
    kept: Mapping[str, Part],
) -> Examples:
    """Put labels, rows and parts together; warn of classes that are too small.

    Args:
        dataset: the listed files.
        pass_result: rows of those that are whole images.
        holdout: share of the test part.
        with_validation: whether there is a validation part.
        kept: group -> part of an earlier run with the same parts into the same folder.

    Raises:
        DatasetError: a class has no whole image, or none for training; or no class has two.
    """
    place = {path: place for place, path in enumerate(dataset.paths)}
    places = [place[path] for path in pass_result.paths]
    targets = [dataset.targets[place] for place in places]
    images = [
        LabelledImage(relative_name(path, dataset.folder), dataset.labels[target], digest)
        for path, target, digest in zip(
            pass_result.paths, targets, pass_result.digests, strict=True
        )
    ]
    present = set(targets)
    for number, label in enumerate(dataset.labels):
        if number not in present:
            raise DatasetError(
                f"no file of the class {label!r} of {dataset.name} is a whole image. "
                "Add images, or remove the class."
            )
    if len({(image.label, image.digest) for image in images}) == len(dataset.labels):
        raise DatasetError(
            f"every class of {dataset.name} has only one image, or copies of one: nothing can be "
            "learnt or tested from that. Add images."
        )
    all_parts: Sequence[Part] = parts_of(holdout, with_validation=with_validation)
    if any(dataset.parts):
        given = [dataset.parts[place] for place in places]
        parts = given_split(given, images, with_validation=with_validation)
        all_parts = [part for part in PARTS if part in parts]
    else:
        parts = split(images, holdout=holdout, with_validation=with_validation, kept=kept)
    examples = Examples(
        labels=dataset.labels,
        images=images,
        targets=torch.tensor(targets, dtype=torch.int64),
        features=pass_result.rows,
        parts=parts,
        all_parts=all_parts,
    )
    _warn_of_small_classes(examples, is_given=any(dataset.parts))
    return examples


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


def _warn_of_small_classes(examples: Examples, *, is_given: bool) -> None:
    """Warn of classes with few images; where the split is given, they are tested all the same."""
    different: dict[str, set[str]] = {label: set() for label in examples.labels}
    for image, group in zip(examples.images, examples.groups, strict=True):
        different[image.label].add(group)
    for label, groups in different.items():
        count = f"{len(groups)} different image{'s' if len(groups) > 1 else ''}"
        if len(groups) < FEWEST_TO_TEST and not is_given:
            log.warning(
                "WARNING: the class %r has %s; it needs %d to be tested. It is trained on only.",
                label, count, FEWEST_TO_TEST,
            )  # fmt: skip
        elif len(groups) < SMALL_CLASS:
            log.warning(
                "WARNING: the class %r has %s; under %d, results are unreliable.",
                label, count, SMALL_CLASS,
            )  # fmt: skip
