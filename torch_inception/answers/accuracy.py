"""How good a model was when it was trained, and on which images, by the record inside of it."""

from collections.abc import Mapping
from typing import NamedTuple

_HELD_OUT = {
    "leave-one-out": "training images, each left out",
    "validation": "validation images",
}
"""What held images out -> which images these are."""


class Accuracy(NamedTuple):
    """How many images a model named right.

    Attributes:
        share: of the images, 0 to 1; None if it is unknown.
        of: which images, in words; None if the share is unknown.
    """

    share: float | None = None
    of: str | None = None


def accuracy_when_trained(record: Mapping[str, object] | None) -> Accuracy:
    """Return the accuracy of test images, or else of those that were held out.

    Args:
        record: of the training, as `TrainingRecord.as_dict` gives it. It may hold anything, as what
            a file says of itself may.
    """
    if record is None:
        return Accuracy()
    held_out = _HELD_OUT.get(str(record.get("judged_by")))
    return (
        _accuracy(record.get("tested"), record.get("test_right"), "test images")
        or _accuracy(record.get("held_out"), record.get("held_out_right"), held_out)
        or Accuracy()
    )


def _accuracy(count: object, right: object, of: str | None) -> Accuracy | None:
    if not (isinstance(count, int) and isinstance(right, int) and 0 <= right <= count and of):
        return None
    return Accuracy(right / count, of) if count else None
