"""A split that comes with the data: obeyed as it is."""

import logging
from collections.abc import Sequence

from torch_inception.datasets.parts import Part
from torch_inception.errors import DatasetError
from torch_inception.training.earlier_split import EarlierParts
from torch_inception.training.grouping import LabelledImage
from torch_inception.training.split import split

log = logging.getLogger(__name__)


def given_split(
    given: Sequence[Part | None],
    images: Sequence[LabelledImage],
    groups: Sequence[str],
    *,
    with_validation: bool,
) -> list[Part]:
    """Assign to each image the part that is given for it; it is for training where none is.

    Validation images test where no others do. Else they train too, with a solver that needs none;
    with one that needs some and is given none, a tenth of the training images are validation
    images, as `split` chooses them.

    Args:
        given: the part of each image.
        images: all good images.
        groups: for each, the name of the group that is not torn apart.
        with_validation: whether the solver needs validation images.

    Raises:
        DatasetError: a class has no training image.
    """
    parts: list[Part] = [part or "train" for part in given]
    if "test" not in parts and "validation" in parts:
        log.info("The given split has no test images: its validation images are for the test.")
        parts = ["test" if part == "validation" else part for part in parts]
    if not with_validation and "validation" in parts:
        log.info("The given validation images are trained on too: this solver needs none.")
        parts = ["train" if part == "validation" else part for part in parts]
    _refuse_classes_without_training(parts, images)
    if with_validation and "validation" not in parts:
        log.info("The solver needs validation images: they are a tenth of the training images.")
        trained = [place for place, part in enumerate(parts) if part == "train"]
        chosen = split(
            EarlierParts(
                [images[place] for place in trained], [groups[place] for place in trained]
            ),
            holdout=0,
            with_validation=True,
        )
        for place, part in zip(trained, chosen, strict=True):
            parts[place] = part
    return parts


def _refuse_classes_without_training(
    parts: Sequence[Part], images: Sequence[LabelledImage]
) -> None:
    trained = {
        label
        for image, part in zip(images, parts, strict=True)
        if part == "train"
        for label in image.classes
    }
    for label in (label for image in images for label in image.classes):
        if label not in trained:
            raise DatasetError(
                f"the given split has no training image of the class {label!r}. Give it "
                "some, or leave the class out."
            )
