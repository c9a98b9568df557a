"""Would more images help? How good heads of fewer images are."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor

from torch_inception.answers.shares import wilson_interval
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.labelled_rows import LabelledRows, all_answers
from torch_inception.heads.solvers.discriminant import DiscriminantAnalysis
from torch_inception.heads.solvers.selection import read_layers, sampled_rows
from torch_inception.system.threads import on_cores

QUARTERS = 4

DRAWS: Sequence[Sequence[Sequence[int]]] = (
    [[0], [1], [2], [3]],
    [[0, 1], [2, 3]],
    [[0, 1, 2], [1, 2, 3]],
)
"""Which quarters heads are fitted on: for 25 % of the images, 50 % and 75 %."""

MOST_ROWS = 2000
"""Rows that are divided into quarters, where there are more: the work grows with their cube."""

MOST_CLASSES = 500
"""Classes up to which so many rows show all of them."""


class CurvePoint(NamedTuple):
    """What heads of some of the images answer right.

    Attributes:
        images: that they learn from.
        right: (C,) float64, how many of each class they name right, averaged over the heads.
        judged: (C,) int64, how many of each class are named.
    """

    images: int
    right: Tensor
    judged: Tensor


def learning_curve(fitted: FittedHead, train: LabelledRows) -> list[dict[str, Any]]:
    """Return how many images are named right after learning from fewer.

    Args:
        fitted: as for `curve_points`, and so is `train`.
        train: what it was fitted on.

    Returns:
        for 25 %, 50 %, 75 % and all: `images` learnt from, `accuracy` (0 to 1), its
        `wilson_interval_95`, and `n`, how many were answered. Nothing where `curve_points` gives
        none.
    """
    return summed(curve_points(fitted, train))


def summed(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """Return points over all classes, as `learning_curve`."""
    return [
        _point(images, float(right.sum()), int(judged.sum())) for images, right, judged in points
    ]


def curve_points(fitted: FittedHead, train: LabelledRows) -> list[CurvePoint]:
    """Return how many images of each class are named right after learning from fewer.

    Every image that could be left out is answered by each head: one that is among the head's own
    is left out of it, in closed form, with its group. A class that has no other image there is
    not known, so its images are answered wrong. What several quarters give is averaged.

    Args:
        fitted: the head of all images; its layers and its strength are taken.
        train: what it was fitted on.

    Returns:
        points for 25 %, 50 %, 75 % and all. Nothing where the solver leaves nothing out, there are
        more than `MOST_CLASSES` classes, or fewer than four groups.
    """
    if fitted.left_out is None or not len(fitted.held_out) or train.classes > MOST_CLASSES:
        return []
    is_judged = torch.zeros(len(train), dtype=torch.bool)
    is_judged[fitted.left_out] = True
    chosen = sampled_rows(train, MOST_ROWS)
    some, is_judged = train.subset(chosen), is_judged[chosen]
    quarters = _quarters(some)
    if int(quarters.max()) < QUARTERS - 1:
        return []
    answer = partial(_right_answers, fitted, some, is_judged, quarters)
    judged = torch.bincount(some.targets[is_judged], minlength=train.classes)
    points = []
    for draws in DRAWS:
        images = len(some.originals()) * len(draws[0]) / QUARTERS
        right = torch.stack(list(on_cores(answer, draws))).double().mean(dim=0)
        points.append(CurvePoint(round(images), right, judged))
    answers = fitted.held_out
    of_all = answers.targets[answers.best == answers.targets]
    right_of_all, answered = (
        torch.bincount(targets, minlength=train.classes) for targets in (of_all, answers.targets)
    )
    return [*points, CurvePoint(len(train.originals()), right_of_all.double(), answered)]


def _point(images: int, right: float, count: int) -> dict[str, Any]:
    return {
        "images": images,
        "accuracy": right / count if count else None,
        "wilson_interval_95": list(wilson_interval(right, count)) if count else None,
        "n": count,
    }


def _quarters(labelled: LabelledRows) -> Tensor:
    """Return the quarter (N,) int64 of each row: whole groups, dealt out class by class."""
    names, group = numpy.unique(labelled.group_numbers().numpy(), return_inverse=True)
    class_of_group = torch.empty(len(names), dtype=torch.int64)
    class_of_group[group] = labelled.targets
    order = class_of_group.argsort(stable=True)
    quarter_of_group = torch.empty_like(order)
    quarter_of_group[order] = torch.arange(len(order)) % QUARTERS
    return quarter_of_group[group]


def _right_answers(
    fitted: FittedHead,
    labelled: LabelledRows,
    is_judged: Tensor,
    quarters: Tensor,
    draw: Sequence[int],
) -> Tensor:
    """Count the rows judged that a head of some quarters answers right, by class: (C,) int64."""
    is_learnt = torch.isin(quarters, torch.tensor(draw))
    learnt = read_layers(labelled.subset(is_learnt), fitted.head.layers)
    strength = fitted.chosen.strength
    analysis = DiscriminantAnalysis(learnt)
    logits = analysis.logits_left_out(strength, analysis.coordinates())
    best = torch.full_like(labelled.targets, -1)
    best[is_learnt] = logits.argmax(dim=1).where(~logits.isnan().any(dim=1), torch.tensor(-1))
    others = labelled.subset(~is_learnt)
    (answers,) = all_answers([analysis.head(strength)], others)
    best[~is_learnt] = answers.best
    is_right = (best == labelled.targets) & is_judged
    return torch.bincount(labelled.targets[is_right], minlength=labelled.classes)
