"""Fit a head of independent classes: tensors in, tensors out, no files."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from torch_inception.config import Layers, TrainConfig
from torch_inception.errors import DatasetError
from torch_inception.heads.choose_threshold import NEVER, best_f1_threshold, precision_threshold
from torch_inception.heads.fit import LAYERS
from torch_inception.heads.head import IndependentHead, independent_probabilities
from torch_inception.heads.inputs import Inputs
from torch_inception.heads.marked_rows import PRESENT, MarkedRows, Pattern
from torch_inception.heads.platt import Platt, fit_platt
from torch_inception.heads.solvers.discriminant import STRENGTHS
from torch_inception.heads.solvers.ridge import Ridge
from torch_inception.heads.solvers.selection import read_layers, sampled_marked_rows
from torch_inception.system.threads import on_cores, one_thread

BLOCK = 64
"""Classes that are fitted at a time."""


@dataclass(frozen=True)
class FittedClasses:
    """A head of independent classes, calibrated, and how it came about.

    Attributes:
        head: gives each class its probability.
        thresholds: (C,) float64, the score from which on a class is named.
        missed: (C,) bool, classes that cannot reach the precision that was asked for.
        strengths: (C,) float64, chosen for each class.
        losses: (C,) float64, of each class, mean cross entropy of rows left out, in nats.
        layer_losses: layers -> mean of these, where layers were compared.
        left_out: (K,) int64, the training rows that heads were judged by which had not seen them.
        left_out_scores: (K, C) float32, probabilities that these gave.
        sample: number of images by which settings were chosen, where these were not all.
    """

    head: IndependentHead
    thresholds: Tensor
    missed: Tensor
    strengths: Tensor
    losses: Tensor
    layer_losses: Mapping[Layers, float]
    left_out: Tensor
    left_out_scores: Tensor
    sample: int | None = None


class _Linear(NamedTuple):
    """Weights (C, D) and biases (C,) float64 for what is read of rows; nothing is calibrated."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class _Tried:
    """What leaving rows out says of the classes, read from some layers.

    Attributes:
        rows: the classes, as a head of these layers is fitted on them.
        linear: the fit of each class to all rows, with its best strength.
        left_out: (K,) int64, which rows could be left out.
        scores: (K, C) float32, answers to these, not calibrated.
        platt: of each class.
        strengths: (C,) float64, the best.
    """

    rows: MarkedRows
    linear: _Linear
    left_out: Tensor
    scores: Tensor
    platt: Platt
    strengths: Tensor


def fit_independent(config: TrainConfig, train: MarkedRows) -> FittedClasses:
    """Fit ridge regression per class; all bits are alike on any cores.

    Each class has the strength whose answers to rows left out have the lowest cross entropy once
    they are calibrated; and layers are chosen by the mean of that over the classes.

    Args:
        config: layers, and the precision that thresholds are to reach on rows left out; where that
            is 0, each class has the threshold of its best F1.
        train: rows to fit on; each class has some, and some that have not.

    Raises:
        DatasetError: no row of a class can be left out.
    """
    with one_thread():
        chosen_rows = sampled_marked_rows(train)
        some = train.subset(chosen_rows)
        candidates: Sequence[Layers] = LAYERS if config.layers == "auto" else (config.layers,)
        tried = {layers: _try_left_out(some, layers) for layers in candidates}
        losses = {layers: float(each.platt.loss.mean()) for layers, each in tried.items()}
        # The last layer alone if rounding decides.
        layers = min(losses, key=lambda each: round(losses[each], 6))
        best = tried.pop(layers)
        del tried
        inputs, linear = best.rows.rows.inputs, best.linear
        if len(some) < len(train):
            everything = dataclasses.replace(train.rows, inputs=inputs)
            linear = _fit_all(MarkedRows(everything, train.marks), best.strengths)
        scores = independent_probabilities(best.scores * best.platt.slope + best.platt.shift)
        scores = scores.float()
        marks = best.rows.marks[best.left_out]
        thresholds, missed = _thresholds(scores, marks, config.target_precision)
    return FittedClasses(
        _calibrated(linear, best.platt, inputs),
        thresholds,
        missed,
        best.strengths,
        best.platt.loss,
        losses if len(losses) > 1 else {},
        chosen_rows[best.left_out],
        scores,
        None if len(some) == len(train) else len(some.rows.originals()),
    )


def _try_left_out(some: MarkedRows, layers: Layers) -> _Tried:
    """Fit every class for every strength; each group is left out in turn, exactly."""
    rows = MarkedRows(read_layers(some.rows, layers), some.marks)
    scores = torch.full((len(rows), rows.classes), torch.nan, dtype=torch.float32)
    slope, shift, loss, strengths = torch.zeros(4, rows.classes, dtype=torch.float64)
    linear = _no_fit(rows)
    for pattern in rows.patterns():
        ridge = Ridge(rows.rows.subset(pattern.known))
        for block, found in _try_pattern(rows, ridge, pattern):
            slope[block], shift[block], loss[block] = found.platt
            strengths[block] = found.strengths
            scores[pattern.known.nonzero(), block] = found.scores
        _fit_pattern(linear, rows, ridge, pattern, strengths)
        _fill_unknown(scores, linear, rows, pattern)
    left_out = torch.where(_originals(rows) & ~scores.isnan().any(dim=1))[0]
    platt = Platt(slope, shift, loss)
    return _Tried(rows, linear, left_out, scores[left_out], platt, strengths)


def _originals(rows: MarkedRows) -> Tensor:
    """Return which rows (N,) are of images as they are."""
    found = rows.rows.is_original
    return torch.ones(len(rows), dtype=torch.bool) if found is None else found


class _Block(NamedTuple):
    """Some K classes with their best strengths (K,), and their scores (N, K) left out."""

    platt: Platt
    strengths: Tensor
    scores: Tensor


def _try_pattern(
    rows: MarkedRows, ridge: Ridge, pattern: Pattern
) -> Iterable[tuple[Tensor, _Block]]:
    """Try all strengths for classes that are known of the same rows; return these by blocks."""
    coordinates = ridge.coordinates()
    known, blocks = pattern.known, torch.split(pattern.classes, BLOCK)
    # Strengths share what has the size of the targets, and blocks what has the size of the rows.
    projected = on_cores(
        lambda block: ridge.projected(coordinates, _targets(rows, known, block)), blocks
    )

    def try_blocks(strength: float) -> list[_Block]:
        left_out = partial(ridge.left_out, coordinates, ridge.scaled(strength, coordinates))
        return on_cores(
            lambda each: _try_block(rows, partial(left_out, each[0]), strength, known, each[1]),
            list(zip(projected, blocks, strict=True)),
        )

    first, *others = STRENGTHS
    best = try_blocks(first)
    for strength in others:
        best = [_better(*each) for each in zip(best, try_blocks(strength), strict=True)]
    return zip(blocks, best, strict=True)


def _targets(rows: MarkedRows, known: Tensor, block: Tensor) -> Tensor:
    """Return the targets (K, B) float64 of some classes, of the rows that they are known of."""
    return (rows.marks[known][:, block] == PRESENT).double()


def _try_block(
    rows: MarkedRows,
    left_out: Callable[[Tensor], Tensor],
    strength: float,
    known: Tensor,
    block: Tensor,
) -> _Block:
    """Try a strength for some classes (K,), by the answers to the rows (N,) they are known of."""
    targets = _targets(rows, known, block)
    present, scores = targets > 0, left_out(targets)
    judged = _originals(rows)[known] & ~scores[:, 0].isnan()
    if not judged.any():
        raise DatasetError(
            "images of which a class is known all belong together (near copies, or one group), "
            "and none can be left out. Add others."
        )
    platt = fit_platt(scores[judged], present[judged])
    return _Block(platt, torch.full_like(platt.loss, strength), scores.float())


def _better(first: _Block, second: _Block) -> _Block:
    """Return of each class the one with the lower loss, the first of equal ones."""
    is_second = second.platt.loss < first.platt.loss
    platt = Platt(
        *(torch.where(is_second, b, a) for a, b in zip(first.platt, second.platt, strict=True))
    )
    return _Block(
        platt,
        torch.where(is_second, second.strengths, first.strengths),
        torch.where(is_second, second.scores, first.scores),
    )


def _no_fit(rows: MarkedRows) -> _Linear:
    return _Linear(
        torch.zeros(rows.classes, rows.rows.size, dtype=torch.float64),
        torch.zeros(rows.classes, dtype=torch.float64),
    )


def _fit_pattern(
    linear: _Linear, rows: MarkedRows, ridge: Ridge, pattern: Pattern, strengths: Tensor
) -> None:
    """Fit classes that are known of the same rows, a block at a time; put them into `linear`."""
    for block in torch.split(pattern.classes, BLOCK):
        targets = _targets(rows, pattern.known, block)
        products = ridge.products(targets)
        for strength in sorted(set(strengths[block].tolist())):
            same = strengths[block] == strength
            weights = ridge.weights(strength, products[:, same])
            linear.weight[block[same]] = weights
            linear.bias[block[same]] = targets[:, same].mean(dim=0) - weights @ ridge.centre


def _fill_unknown(scores: Tensor, linear: _Linear, rows: MarkedRows, pattern: Pattern) -> None:
    """Give rows of which a class is unknown the answers of its fit, which has not seen them.

    It may have seen their near copies; these scores are told, and judge nothing.
    """
    unknown = ~pattern.known
    if unknown.any():
        weight, bias = linear.weight[pattern.classes], linear.bias[pattern.classes]
        parts = rows.rows.subset(unknown).portions()
        answers = [(inputs.double() @ weight.T + bias).float() for inputs, _ in parts]
        scores[unknown.nonzero(), pattern.classes] = torch.cat(answers)


def _fit_all(rows: MarkedRows, strengths: Tensor) -> _Linear:
    """Fit all classes to all rows."""
    linear = _no_fit(rows)
    for pattern in rows.patterns():
        ridge = Ridge(rows.rows.subset(pattern.known))
        _fit_pattern(linear, rows, ridge, pattern, strengths)
    return linear


def _calibrated(linear: _Linear, platt: Platt, inputs: Inputs) -> IndependentHead:
    folded = inputs.head(
        linear.weight * platt.slope[:, None], linear.bias * platt.slope + platt.shift
    )
    return IndependentHead(folded.weight, folded.bias, folded.layers)


def _thresholds(scores: Tensor, marks: Tensor, precision: float) -> tuple[Tensor, Tensor]:
    """Return the threshold of each class, and which cannot reach the precision."""
    thresholds = torch.empty(marks.shape[1], dtype=torch.float64)
    missed = torch.zeros(marks.shape[1], dtype=torch.bool)
    for number in range(marks.shape[1]):
        known = marks[:, number] >= 0
        own, present = scores[known, number], marks[known, number] == PRESENT
        if precision:
            found = precision_threshold(own, present, precision)
            missed[number] = found is None
            thresholds[number] = NEVER if found is None else found
        else:
            thresholds[number] = best_f1_threshold(own, present)
    return thresholds, missed
