"""When a model was trained, by which version, and how good it was: a record inside of it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

Judge = Literal["leave-one-out", "validation"]
"""What decides: training images, each left out in turn, or the validation images."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"

SEVERAL_FIGURES = {
    "mean_average_precision": "mean average precision",
    "micro_f1": "F1 over all labels",
    "macro_f1": "mean F1 of the classes",
}
"""Figures of a model that gives several labels, as metrics.json has them -> in words."""

MOST_IMAGES = 2**53
"""Images at most: floats count no further."""

VERSION_LIMIT = 100
"""Characters of the longest version."""


@dataclass(frozen=True)
class TrainingRecord:
    """How a model came about. Plain values only.

    Attributes:
        created: date and time in UTC, as `2026-11-29T14:02:07Z`.
        version: of torch_inception.
        images: that it was trained on.
        tested: test images.
        test_right: of which it named so many right.
        held_out: images that heads were judged by which had not seen them.
        held_out_right: of which these named so many right.
        judged_by: what held them out.
        test_figures: of the test images, where an image may have several labels: name in
            `SEVERAL_FIGURES` -> 0 to 1; empty where it has one, or nothing is known of any label.
        held_out_figures: the same, of the images that were held out.
    """

    created: str
    version: str
    images: int
    tested: int
    test_right: int
    held_out: int
    held_out_right: int
    judged_by: Judge
    test_figures: Mapping[str, float] = field(default_factory=dict)
    held_out_figures: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for `torch.save`; figures that there are none of are left out."""
        found = dataclasses.asdict(self)
        for name in ("test_figures", "held_out_figures"):
            if not found[name]:
                del found[name]
        return found

    @classmethod
    def from_dict(cls, values: Any) -> "TrainingRecord":  # noqa: ANN401 - whatever a file holds
        """Read back what `as_dict` gave.

        Raises:
            TypeError, ValueError: it is something else.
        """
        if not isinstance(values, Mapping):
            raise TypeError("the record of the training is not a table of values")
        record = cls(**values)
        if datetime.strptime(record.created, _TIME).strftime(_TIME) != record.created:
            raise ValueError("the date of the training is not one")
        if not 0 < len(record.version) <= VERSION_LIMIT or not record.version.isprintable():
            raise ValueError("the version that trained it is not one")
        counts = (record.test_right, record.tested, record.held_out_right, record.held_out)
        limits = range(MOST_IMAGES + 1)
        if any(type(n) is not int or n not in limits for n in (record.images, *counts)):
            raise ValueError("a number of images is not one")
        if record.test_right > record.tested or record.held_out_right > record.held_out:
            raise ValueError("more images were named right than there are")
        if record.judged_by not in get_args(Judge):
            raise ValueError("what held images out is unknown")
        for figures in (record.test_figures, record.held_out_figures):
            _check_figures(figures)
        return record


def _check_figures(figures: object) -> None:
    if not isinstance(figures, Mapping) or not set(figures) <= set(SEVERAL_FIGURES):
        raise ValueError("the figures are not a table of figures")
    if not all(isinstance(each, float) and 0 <= each <= 1 for each in figures.values()):
        raise ValueError("a figure is not a share")


def now() -> str:
    """Return the time as `TrainingRecord.created` has it."""
    return datetime.now(UTC).strftime(_TIME)


def in_words(created: str) -> str:
    """Write `2026-11-29T14:02:07Z` as `2026-11-29 14:02 UTC`."""
    return f"{created[:10]} {created[11:16]} UTC"
