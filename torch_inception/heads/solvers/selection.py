"""Choose how strongly a head is regularised, by images that it was not fitted on."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.config import Layers
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import fit_inputs
from torch_inception.heads.labelled_rows import LabelledRows, all_answers, all_logits
from torch_inception.heads.marked_rows import ABSENT, PRESENT, MarkedRows
from torch_inception.heads.metrics import Answers, answers_of, scores_of, summary
from torch_inception.heads.solvers.discriminant import (
    STRENGTHS,
    DiscriminantAnalysis,
    rows_judged,
)
from torch_inception.heads.temperature import fit_temperature
from torch_inception.system.threads import on_cores

FitPath = Callable[[LabelledRows, Sequence[float]], Iterator[Head]]

MOST_ROWS = 20_000
"""Rows by which settings are chosen, where there are more."""

FEWEST_ROWS = 5
"""Rows of each class among them at least, where it has so many."""


@dataclass(frozen=True)
class Tried:
    """One setting, its head, and how good that is.

    Attributes:
        setting: what it is called.
        head: its logits are already divided by the temperature.
        temperature: fitted on the held-out rows.
        train: answers to the rows that it was fitted on.
        held_out: answers to rows by heads that were not fitted on them.
        strength: where the setting is one.
        left_out: (K,) int64, which training rows were held out in turn, if they were.
    """

    setting: str
    head: Head
    temperature: float
    train: Answers
    held_out: Answers
    strength: float = 0.0
    left_out: Tensor | None = None

    @property
    def loss(self) -> float:
        """Mean cross entropy of the held-out rows; 0 where there are none."""
        return float(summary(self.held_out)["cross_entropy"] or 0.0)


def setting_name(strength: float) -> str:
    """Return what a strength is called."""
    return f"strength {strength:g}"


def best_of(tried: Sequence[Tried]) -> Tried:
    """Return the first of those with the lowest loss."""
    return min(tried, key=lambda each: each.loss)


def read_layers(labelled: LabelledRows, layers: Layers) -> LabelledRows:
    """Return rows as a head of these layers is fitted on them."""
    return dataclasses.replace(labelled, inputs=fit_inputs(layers, labelled.features))


class LeftOutTrial(NamedTuple):
    """Strengths that were tried by leaving training rows out.

    Attributes:
        tried: in order.
        labelled: the rows.
        analysis: of these.
        coordinates: of each row, for the analysis.
    """

    tried: list[Tried]
    labelled: LabelledRows
    analysis: DiscriminantAnalysis
    coordinates: Tensor

    def scores(self, chosen: Tried) -> Tensor:
        """Return the probability of each class, (K, C) float32, for the rows held out."""
        logits = self.analysis.logits_left_out(chosen.strength, self.coordinates)
        return scores_of(logits[chosen.left_out] / chosen.temperature)


def try_left_out(labelled: LabelledRows, strengths: Sequence[float] = STRENGTHS) -> LeftOutTrial:
    """Fit a discriminant head for every strength; each group is left out in turn, exactly.

    Groups that cannot be left out (see `LeftOut`) are not among the held-out answers; nor are
    further views of an image.

    Args:
        labelled: rows to fit on; see `sampled_rows`.
        strengths: shares of the identity.
    """
    analysis = DiscriminantAnalysis(labelled)
    coordinates = analysis.coordinates()

    def judge(strength: float) -> tuple[_Calibrated, Tensor]:
        logits = analysis.logits_left_out(strength, coordinates)
        left_out = rows_judged(labelled, logits)
        head, targets = analysis.head(strength), labelled.targets[left_out]
        return _calibrate(head, logits[left_out], targets), left_out

    judged = on_cores(judge, strengths)
    trained = all_answers([each.head for each, _ in judged], labelled.originals())
    tried = [
        Tried(setting_name(s), each.head, each.temperature, train, each.held_out, s, left_out)
        for s, train, (each, left_out) in zip(strengths, trained, judged, strict=True)
    ]
    return LeftOutTrial(tried, labelled, analysis, coordinates)


def try_validation(
    fit_path: FitPath, strengths: Sequence[float], train: LabelledRows, validation: LabelledRows
) -> list[Tried]:
    """Fit a head for every strength, and see how good it is on the validation rows.

    Args:
        fit_path: fits one head for each strength.
        strengths: those that are tried.
        train: what heads are fitted on.
        validation: what they are not fitted on; may be empty.
    """
    # One head at a time: the logits of all of them would not fit where images and classes are many.
    judged = [_judge(head, validation) for head in fit_path(train, strengths)]
    trained = all_answers([each.head for each in judged], train.originals())
    return [
        Tried(setting_name(s), each.head, each.temperature, answers, each.held_out, s)
        for s, answers, each in zip(strengths, trained, judged, strict=True)
    ]


def calibrated(tried: Tried, validation: LabelledRows) -> Tried:
    """Return a setting with its temperature fitted on validation rows; 1 where there are none."""
    return dataclasses.replace(tried, **_judge(tried.head, validation)._asdict())


def sampled_rows(labelled: LabelledRows, most: int = MOST_ROWS) -> Tensor:
    """Return the positions (K,) int64 of all rows, or of about `most` of them if they are more.

    These are the first in the order of their groups, which depends on the images' content alone,
    and `FEWEST_ROWS` of each class at least.
    """
    if len(labelled) <= most:
        return torch.arange(len(labelled))
    order = labelled.group_numbers().argsort(stable=True)
    by_class = order[labelled.targets[order].argsort(stable=True)]
    counts = labelled.counts()
    starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    is_chosen = torch.zeros(len(order), dtype=torch.bool)
    is_chosen[order[:most]] = True
    is_chosen[by_class[torch.arange(len(order)) - starts < FEWEST_ROWS]] = True
    return torch.where(is_chosen)[0]


def sampled_marked_rows(marked: MarkedRows, most: int = MOST_ROWS) -> Tensor:
    """Do as `sampled_rows`; `FEWEST_ROWS` at least have each class, and as many have it not."""
    is_chosen = torch.zeros(len(marked), dtype=torch.bool)
    is_chosen[sampled_rows(marked.rows, most)] = True
    order = marked.rows.group_numbers().argsort(stable=True)
    for mark in (PRESENT, ABSENT):
        for is_marked in (marked.marks[order] == mark).T:
            is_chosen[order[is_marked][:FEWEST_ROWS]] = True
    return torch.where(is_chosen)[0]


class _Calibrated(NamedTuple):
    """A head divided by its temperature, and its answers to the rows that this was fitted on."""

    head: Head
    temperature: float
    held_out: Answers


def _judge(head: Head, validation: LabelledRows) -> _Calibrated:
    (logits,) = all_logits([head], validation)
    return _calibrate(head, logits, validation.targets)


def _calibrate(head: Head, logits: Tensor, targets: Tensor) -> _Calibrated:
    """Fit a head's temperature on its logits (N, C) of held-out rows; 1 where there are none."""
    temperature = fit_temperature(logits, targets) if len(targets) else 1.0
    return _Calibrated(
        head.sharpened(temperature), temperature, answers_of(logits / temperature, targets)
    )
