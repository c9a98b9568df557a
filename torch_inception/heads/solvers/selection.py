"""Choose how strongly a head is regularised, by images that it was not fitted on."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows, Report, all_logits
from torch_inception.heads.temperature import fit_temperature

FitPath = Callable[[LabelledRows, Sequence[float]], Iterator[Head]]

ENOUGH_VALIDATION = 50
"""Validation images under which folds decide."""

FOLDS = 5

Judge = Literal["validation", "folds"]
"""What decides: the validation images, or folds of these and the training images."""


@dataclass(frozen=True)
class Choice:
    """A fitted head and how it was chosen.

    Attributes:
        head: fitted on the training rows, its logits already divided by the temperature.
        strength: the strength with the lowest calibrated cross entropy on held-out images.
        temperature: fitted on the same held-out images.
        chosen_by: which images those were.
        losses: strength -> that cross entropy, where there are held-out images.
    """

    head: Head
    strength: float
    temperature: float
    chosen_by: Judge
    losses: Mapping[float, float]


def setting_name(strength: float) -> str:
    """Return what a strength is called."""
    return f"strength {strength:g}"


def choose(
    fit_path: FitPath,
    strengths: Sequence[float],
    *,
    train: LabelledRows,
    validation: LabelledRows,
    folds: Tensor,
    report: Report,
) -> Choice:
    """Fit a head for every strength and keep the best.

    Args:
        fit_path: fits one head a strength.
        strengths: those that are tried.
        train: what the head is fitted on.
        validation: what decides, if it has `ENOUGH_VALIDATION` rows.
        folds: fold number of each row of train, then of validation (see `fold_numbers`).
        report: told of each strength and its head.
    """
    heads = list(fit_path(train, strengths))
    if len(validation) >= ENOUGH_VALIDATION:
        chosen_by: Judge = "validation"
        held_out = all_logits(heads, validation)
        targets = validation.targets
    else:
        chosen_by = "folds"
        held_out, targets = _out_of_fold(fit_path, strengths, _joined(train, validation), folds)
    temperatures = [_temperature(logits, targets) for logits in held_out]
    losses = [
        _loss(logits / temperature, targets)
        for logits, temperature in zip(held_out, temperatures, strict=True)
    ]
    heads = [head.sharpened(t) for head, t in zip(heads, temperatures, strict=True)]
    report([(setting_name(s), head) for s, head in zip(strengths, heads, strict=True)])
    best = min(range(len(heads)), key=lambda number: losses[number])
    judged = dict(zip(strengths, losses, strict=True)) if len(targets) else {}
    return Choice(heads[best], strengths[best], temperatures[best], chosen_by, judged)


def fold_numbers(targets: Sequence[int], groups: Sequence[str]) -> Tensor:
    """Spread each class's groups evenly over the folds.

    Args:
        targets: (N,) class numbers.
        groups: what must stay together; the order of their names decides, not that of the rows.

    Returns:
        (N,) int64, 0 to FOLDS - 1; -1 for what is always trained on: the class has no other.
    """
    members: dict[int, list[str]] = {}
    for target, group in sorted(set(zip(targets, groups, strict=True))):
        members.setdefault(target, []).append(group)
    fold_of: dict[str, int] = {}
    for target in sorted(members):
        for rank, group in enumerate(members[target]):
            alone = len(members[target]) == 1
            fold_of.setdefault(group, -1 if alone else rank % FOLDS)
    return torch.tensor([fold_of[group] for group in groups], dtype=torch.int64)


def _out_of_fold(
    fit_path: FitPath, strengths: Sequence[float], rows: LabelledRows, folds: Tensor
) -> tuple[list[Tensor], Tensor]:
    """Return, for each strength, the logits of rows by heads that did not see them."""
    logits: list[list[Tensor]] = [[] for _ in strengths]
    targets: list[Tensor] = []
    for fold in range(FOLDS):
        held_out = folds == fold
        if not held_out.any() or held_out.all():
            continue
        test = rows.subset(held_out)
        targets.append(test.targets)
        heads = list(fit_path(rows.subset(~held_out), strengths))
        for number, found in enumerate(all_logits(heads, test)):
            logits[number].append(found)
    empty = torch.empty(0, rows.classes, dtype=torch.float64)
    return [torch.cat([empty, *part]) for part in logits], torch.cat(
        [torch.empty(0, dtype=torch.int64), *targets]
    )


def _joined(first: LabelledRows, second: LabelledRows) -> LabelledRows:
    rows = torch.cat([first.features.tensor(), second.features.tensor()])
    features = RowSelection.of(rows, portion=first.features.portion)
    targets = torch.cat([first.targets, second.targets])
    return dataclasses.replace(first, features=features, targets=targets)


def _temperature(logits: Tensor, targets: Tensor) -> float:
    return fit_temperature(logits, targets) if len(targets) else 1.0


def _loss(logits: Tensor, targets: Tensor) -> float:
    return float(functional.cross_entropy(logits.double(), targets)) if len(targets) else 0.0
