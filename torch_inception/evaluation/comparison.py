"""Two models on the same images: which is right where, and is the difference one of chance?"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from torch_inception.answers.shares import percent
from torch_inception.evaluation.evaluated_model import AnsweredImages
from torch_inception.heads.mcnemar import mcnemar
from torch_inception.system.escape import counted, listed, printable

CHANCE = 0.05
"""Probability from which on a difference is put down to chance, as is the custom."""

CLASSES_SHOWN = 10
"""Names of classes in a line at most."""


class Comparison(NamedTuple):
    """How two models answer to the images of classes that both know.

    Attributes:
        run: the other model, as it was named.
        n: images that both could read.
        accuracy: of this model on these, 0 to 1.
        other_accuracy: of the other.
        both_right: images that both name right.
        only_this_right: that this model alone names right.
        only_other_right: that the other alone names right.
        both_wrong: that neither names right.
        p_value: of McNemar's test, two-sided and exact.
        trained_on: of these images the other model was trained on so many.
        left_out: label that only one of the two knows -> number of its files.
        unreadable: files that only this model can read.
    """

    run: str
    n: int
    accuracy: float
    other_accuracy: float
    both_right: int
    only_this_right: int
    only_other_right: int
    both_wrong: int
    p_value: float
    trained_on: int
    left_out: dict[str, int]
    unreadable: int


def compare(
    this: AnsweredImages, other: AnsweredImages, *, run: str, left_out: Mapping[str, int]
) -> Comparison:
    """Compare what two models answer.

    Args:
        this: answers of the model that is evaluated.
        other: those of another, to some of the same images.
        run: name of the other.
        left_out: label that only one of the two knows -> number of its files.
    """
    right_of_this = _right(this)
    count = Counter((right_of_this[path], right) for path, right in _right(other).items())
    both, alone = count[True, True], (count[True, False], count[False, True])
    n = count.total()
    return Comparison(
        run=run,
        n=n,
        accuracy=(both + alone[0]) / n,
        other_accuracy=(both + alone[1]) / n,
        both_right=both,
        only_this_right=alone[0],
        only_other_right=alone[1],
        both_wrong=count[False, False],
        p_value=mcnemar(*alone),
        trained_on=int(other.judged.is_seen.sum()),
        left_out=dict(left_out),
        unreadable=sum(image.label not in left_out for image in this.judged.images) - n,
    )


def _right(answered: AnsweredImages) -> dict[str, bool]:
    """Return path -> whether the image got its own name."""
    is_right = (answered.answers.best == answered.answers.targets).tolist()
    return {
        image.path: right for image, right in zip(answered.judged.images, is_right, strict=True)
    }


def comparison_lines(comparison: Comparison, *, name: str) -> list[str]:
    """Return what is said of a comparison.

    Args:
        comparison: of two models.
        name: of this one.
    """
    other = comparison.run
    return [
        f"Compared with {other} on {counted(comparison.n, 'image')}:",
        f"  accuracy: {name} {percent(comparison.accuracy)}, {other} "
        f"{percent(comparison.other_accuracy)}",
        f"  right by both {comparison.both_right}, by {name} alone {comparison.only_this_right}, "
        f"by {other} alone {comparison.only_other_right}, by neither {comparison.both_wrong}",
        f"  {_verdict(comparison, name)}",
        *_not_compared(comparison),
    ]


def _verdict(comparison: Comparison, name: str) -> str:
    alone = {name: comparison.only_this_right, comparison.run: comparison.only_other_right}
    if not any(alone.values()):
        return "these images do not tell them apart: both are right on the same ones"
    chance = f"p = {comparison.p_value:.2g} (McNemar's test, exact)"
    if comparison.p_value >= CHANCE:
        return f"that does not tell which is better: chance alone does as much with {chance}"
    better = max(alone, key=lambda each: alone[each])
    return f"{better} is better on images like these: chance alone does as much with {chance}"


def _not_compared(comparison: Comparison) -> list[str]:
    lines = []
    if comparison.left_out:
        names = [f"{printable(label)} ({count})" for label, count in comparison.left_out.items()]
        lines.append(f"  not compared, as only one knows the class: {listed(names, CLASSES_SHOWN)}")
    if comparison.unreadable:
        files = counted(comparison.unreadable, "file")
        lines.append(f"  not compared, as {comparison.run} cannot read it: {files}")
    return lines
