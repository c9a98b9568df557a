"""How good a model was when it was trained, and on which images, by the record inside of it."""

from collections.abc import Mapping
from typing import NamedTuple

_HELD_OUT = {
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


def accuracy_when_trained(record: Mapping[str, object] | None) -> Accuracy:
    """Return the accuracy of test images, or of those that were held out if that says more.

    Args:
        record: of the training, as `TrainingRecord.as_dict` gives it. It may hold anything, as what
            a file says of itself may.
    """
    if record is None:
        return Accuracy()
    judged_by = str(record.get("judged_by"))
    test = _accuracy(record.get("tested"), record.get("test_right"), "test images")
    held_out = _accuracy(
        record.get("held_out"), record.get("held_out_right"), _HELD_OUT.get(judged_by)
    )
    if test and held_out and judged_by == "leave-one-out" and test.images < FEW_TESTED:
        return held_out
    return test or held_out or Accuracy()


def _accuracy(count: object, right: object, of: str | None) -> Accuracy | None:
    if not (isinstance(count, int) and isinstance(right, int) and 0 <= right <= count and of):
        return None
    return Accuracy(right / count, of, count) if count else None
