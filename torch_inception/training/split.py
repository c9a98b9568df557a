"""Which images are for training, for validation and for testing: a stable split.

Each group of images has a position in [0, 1): that of its name, if the user named it; or of what
stands before `_nohash_` in the names of its files; or else of its content, the SHA-256 of a file.
The lowest tenth is for testing; the highest is for validation, with a solver that needs it. So
adding, renaming or moving images moves no other, and exact duplicates are never on both sides. Only
a class that would have nothing in a part moves one group there: the nearest.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

from torch_inception.datasets.parts import Part, parts_of
from torch_inception.training.earlier_split import EarlierParts, Unit

VALIDATION_SHARE = 0.1

FEWEST_TO_TEST = 3
"""Groups of a class; one with fewer is for training alone."""

_IDEAL: dict[Part, float] = {"test": 0.0, "train": 0.5, "validation": 1.0}
"""Position of the image that most deserves the part."""


def split(kept: EarlierParts, *, holdout: float, with_validation: bool) -> list[Part]:
    """Assign a part to each image.

    Args:
        kept: all good images and their groups, and what an earlier run with the same parts says.
        holdout: share of the test part, 0 to 0.5.
        with_validation: whether there is a validation part.

    Returns:
        one part for each image. A class with three groups or more of its own has one at least
        in each part; a smaller one is for training alone. Groups whose images had several parts in
        the earlier run stay torn.
    """
    wanted = parts_of(holdout, with_validation=with_validation)
    units = [kept.unit(place) for place in range(len(kept.images))]
    kept_units = {unit: part for unit, part in zip(units, kept.parts, strict=True) if part}
    parts = {unit: kept_units.get(unit) or _natural(unit[0], wanted, holdout) for unit in units}
    classes: dict[str, set[Unit]] = {}
    for image, unit in zip(kept.images, units, strict=True):
        for label in image.classes:
            classes.setdefault(label, set()).add(unit)
    _fill_empty_parts(parts, classes, kept_units, wanted)
    return [parts[unit] for unit in units]


def _position(group: str) -> float:
    return int(group.partition(":")[2][:16], 16) / 2**64


def _natural(group: str, wanted: Sequence[Part], holdout: float) -> Part:
    position = _position(group)
    if position < holdout:
        return "test"
    is_last = position >= 1 - VALIDATION_SHARE
    return "validation" if is_last and "validation" in wanted else "train"


def _fill_empty_parts(
    parts: dict[Unit, Part],
    classes: Mapping[str, set[Unit]],
    kept_units: Mapping[Unit, Part],
    wanted: Sequence[Part],
) -> None:
    """Give every class one group in each part, by moving the nearest from where it has several.

    A class with too few groups is for training alone. A group that several classes share moves
    only if each of them keeps another where it was; unless a class would have nothing to train on.

    Args:
        parts: unit -> part; changed in place.
        classes: label -> its units.
        kept_units: that had better stay.
        wanted: the parts that there are.
    """
    owners: dict[Unit, list[str]] = {}
    for label, units in classes.items():
        if len(units) < FEWEST_TO_TEST:
            parts.update(dict.fromkeys(units - kept_units.keys(), "train"))
        for unit in units:
            owners.setdefault(unit, []).append(label)
    sizes = {label: Counter(parts[unit] for unit in units) for label, units in classes.items()}

    def is_spare(unit: Unit) -> bool:
        return all(
            len(classes[owner]) >= FEWEST_TO_TEST and sizes[owner][parts[unit]] > 1
            for owner in owners[unit]
        )

    def rank(unit: Unit, part: Part) -> tuple[bool, bool, float, str, str]:
        return unit in kept_units, len(owners[unit]) > 1, *_nearness(unit, part)

    for label, part in product(sorted(classes), wanted):
        spare = [] if sizes[label][part] else [u for u in classes[label] if is_spare(u)]
        if spare:
            moved = min(spare, key=partial(rank, part=part))
            for owner in owners[moved]:
                sizes[owner].subtract([parts[moved]])
                sizes[owner].update([part])
            parts[moved] = part
    # Nothing can be learnt of a class whose groups, all shared, are for other parts.
    for label in sorted(classes):
        if all(parts[unit] != "train" for unit in classes[label]):
            parts[min(classes[label], key=lambda u: _nearness(u, "train"))] = "train"


def _nearness(unit: Unit, part: Part) -> tuple[float, str, str]:
    """Order units by how near they are to a part."""
    group, piece = unit
    return abs(_position(group) - _IDEAL[part]), group, piece or ""
