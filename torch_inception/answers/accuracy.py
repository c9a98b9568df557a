"""How good a model was when it was trained, and on which images, by the record inside of it."""

from collections.abc import Mapping
from typing import NamedTuple

from torch_inception.answers.training_record import Judge, TrainingRecord

_HELD_OUT: Mapping[Judge, str] = {
    "leave-one-out": "training images, each left out",
    "validation": "validation images",
}
"""What held images out -> which images these are."""

FEW_TESTED = 50
"""Test images under which leave-one-out is told of first."""


class Accuracy(NamedTuple):
    """How many images a model named right.

    Attributes:
        share: of the images, 0 to 1; None if it is unknown.
        of: which images, in words; None if the share is unknown.
        images: how many these are.
    """

    share: float | None = None
    of: str | None = None
    images: int = 0


def accuracy_when_trained(record: TrainingRecord | None) -> Accuracy:
    """Return the accuracy of test images, or of those that were held out if that says more."""
    if record is None:
        return Accuracy()
    test = _accuracy(record.test_right, record.tested, "test images")
    held_out = _accuracy(record.held_out_right, record.held_out, _HELD_OUT[record.judged_by])
    if record.judged_by == "leave-one-out" and record.tested < FEW_TESTED:
        return held_out or test or Accuracy()
    return test or held_out or Accuracy()


def _accuracy(right: int, count: int, of: str) -> Accuracy | None:
    return Accuracy(right / count, of, count) if count else None
