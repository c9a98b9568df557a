"""How large the classes are, and what more images of each would bring."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.labels import JudgedLabels
from torch_inception.datasets.dataset import SMALL_CLASS
from torch_inception.features.near_copies import Labels
from torch_inception.heads.learning_curve import CurvePoint, curve_points

BALANCE = 10
"""How many times as large as a class the largest may be, before it is out of balance."""


class ClassState(NamedTuple):
    """A class.

    Attributes:
        label: its name.
        images: how many there are.
        different: how many, where duplicates count once.
        notes: what is wrong with its size; "" for nothing.
        curve: for each point of the learning curve, the share of its images that are named right;
            empty where there is none.
    """

    label: str
    images: int
    different: int
    notes: str
    curve: Sequence[float]


class ClassStates(NamedTuple):
    """All classes, and the learning curve over all of them."""

    classes: Sequence[ClassState]
    points: Sequence[CurvePoint]


def judge_classes(data: AuditedData, judged: JudgedLabels, duplicates: Labels) -> ClassStates:
    """Return the state of each class, those whose images are named right least often first.

    Args:
        data: the images.
        judged: the head that was fitted on them.
        duplicates: (N,) the same number for duplicates.
    """
    points = curve_points(judged.fitted, judged.rows)
    images = Counter(data.targets.tolist())
    pairs = set(zip(data.targets.tolist(), duplicates.tolist(), strict=True))
    different = Counter(target for target, _ in pairs)
    largest = max(different.values())
    states = [
        ClassState(
            label,
            images[number],
            different[number],
            _notes(different[number], largest),
            _curve(points, number),
        )
        for number, label in enumerate(data.labels)
    ]
    # The last point is that of all images.
    states.sort(key=lambda state: state.curve[-1] if state.curve else 1.0)
    return ClassStates(states, points)


def _curve(points: Sequence[CurvePoint], number: int) -> list[float]:
    if not points or any(not point.judged[number] for point in points):
        return []
    return [float(point.right[number] / point.judged[number]) for point in points]


def _notes(count: int, largest: int) -> str:
    notes = []
    if count < SMALL_CLASS:
        notes.append(f"fewer than {SMALL_CLASS} different images")
    if count * BALANCE < largest:
        notes.append(f"less than a tenth of the largest class ({largest:,})")
    return "; ".join(notes)
