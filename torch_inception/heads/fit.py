"""Fit a linear head: tensors in, tensors out, no files."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from torch import Tensor

from torch_inception.answers.training_record import Judge
from torch_inception.config import Layers, TrainConfig
from torch_inception.errors import ConfigError
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows, all_answers
from torch_inception.heads.metrics import Answers, keeps_scores
from torch_inception.heads.solvers import gradient, logistic
from torch_inception.heads.solvers.discriminant import DiscriminantAnalysis
from torch_inception.heads.solvers.selection import (
    LeftOutTrial,
    Tried,
    best_of,
    calibrated,
    read_layers,
    sampled_rows,
    try_left_out,
    try_validation,
)
from torch_inception.system.threads import on_cores, one_thread

LAYERS: tuple[Layers, ...] = get_args(Layers)


@dataclass(frozen=True)
class FittedHead:
    """A head, calibrated, and how it came about.

    Attributes:
        head: its logits are already divided by the temperature.
        chosen: the setting that was chosen.
        tried: all settings, in order.
        chosen_by: what decided.
        layer_losses: layers -> lowest leave-one-out cross entropy, where layers were compared.
        held_out: answers to rows by heads that were not fitted on them, with the chosen setting.
        left_out: (K,) int64, which training rows these are; None where they are those of
            validation.
        left_out_scores: (K, C) float32, the probability that they give each class; None where there
            are too many.
        sample: number of images by which settings were chosen, where these were not all.
    """

    head: Head
    chosen: Tried
    tried: Sequence[Tried]
    chosen_by: Judge
    layer_losses: Mapping[Layers, float]
    held_out: Answers
    left_out: Tensor | None = None
    left_out_scores: Tensor | None = None
    sample: int | None = None


def fit_head(config: TrainConfig, train: LabelledRows, validation: LabelledRows) -> FittedHead:
    """Fit a head with the solver that the configuration names; all bits are alike on any cores.

    Args:
        config: layers, solver and its settings.
        train: rows to fit on.
        validation: rows that choose the strength or step, and the temperature, where these are not
            chosen by leaving training rows out; may be empty.

    Raises:
        ConfigError: gradient descent diverged.
    """
    with one_thread():
        if config.solver == "lda":
            return _discriminate(config, train)
        losses: Mapping[Layers, float] = {}
        layers = config.layers
        if layers == "auto":
            layers, _, losses = _compare_layers(config, train)
        train = read_layers(train, layers)
        if config.solver == "lbfgs":
            tried = try_validation(logistic.fit_path, logistic.STRENGTHS, train, validation)
            chosen = best_of(tried)
        else:
            tried = _descend(config, train, validation)
            # Without validation images the last step is the best that is known of.
            chosen = calibrated(best_of(tried) if len(validation) else tried[-1], validation)
    return FittedHead(chosen.head, chosen, tried, "validation", losses, chosen.held_out)


class _Compared(NamedTuple):
    """Layers that were tried by discriminant analysis, each training row left out in turn.

    Attributes:
        layers: those with the lowest loss.
        trial: of the strengths, for these layers.
        losses: layers -> lowest loss, where there were several and rows could be left out.
    """

    layers: Layers
    trial: LeftOutTrial
    losses: dict[Layers, float]


def _compare_layers(config: TrainConfig, train: LabelledRows) -> _Compared:
    some = train.subset(sampled_rows(train))
    candidates: tuple[Layers, ...] = (config.layers,) if config.layers != "auto" else LAYERS
    rows = [read_layers(some, layers) for layers in candidates]
    trials = dict(zip(candidates, on_cores(try_left_out, rows), strict=True))
    losses = {layers: best_of(trial.tried).loss for layers, trial in trials.items()}
    # The last layer alone if rounding decides.
    layers = min(losses, key=lambda each: round(losses[each], 6))
    is_comparison = len(candidates) > 1 and len(trials[layers].tried[0].held_out) > 0
    return _Compared(layers, trials[layers], losses if is_comparison else {})


def _discriminate(config: TrainConfig, train: LabelledRows) -> FittedHead:
    """Fit by discriminant analysis; leave-one-out chooses layers, strength and temperature."""
    _, trial, losses = _compare_layers(config, train)
    tried, some = trial.tried, trial.labelled
    chosen = best_of(tried)
    if len(some) == len(train):
        with_scores = keeps_scores(len(train.originals()), train.classes)
        return FittedHead(
            chosen.head,
            chosen,
            tried,
            "leave-one-out",
            losses,
            chosen.held_out,
            chosen.left_out,
            trial.scores(chosen) if with_scores else None,
        )
    del trial  # its decomposition would lie in memory beside the next
    everything = dataclasses.replace(train, inputs=some.inputs)
    analysis = DiscriminantAnalysis(everything, strength=chosen.strength)
    rows, held_out, scores = analysis.answers_left_out(chosen.strength, chosen.temperature)
    head = analysis.head(chosen.strength).sharpened(chosen.temperature)
    images = len(some.originals())
    return FittedHead(head, chosen, tried, "leave-one-out", losses, held_out, rows, scores, images)


def _descend(config: TrainConfig, train: LabelledRows, validation: LabelledRows) -> list[Tried]:
    """Run gradient descent; return each step that was looked at, but for those gone astray."""
    steps: list[tuple[str, Head]] = []

    def watch(setting: str, head: Head) -> None:
        steps.append((setting, head))

    gradient.fit(
        train,
        steps=config.steps,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        eval_interval=config.eval_interval,
        seed=config.seed,
        report=watch,
    )
    heads = [head for _, head in steps]
    trained, held_out = all_answers(heads, train.originals()), all_answers(heads, validation)
    tried = [
        Tried(setting, head, 1.0, *answers)
        for (setting, head), answers in zip(steps, zip(trained, held_out, strict=True), strict=True)
    ]
    finite = [
        each
        for each in tried
        if each.train.loss.isfinite().all() and each.held_out.loss.isfinite().all()
    ]
    if not finite:
        raise ConfigError(
            f"learning_rate = {config.learning_rate} is too large: the weights grew past all "
            "numbers. Choose a smaller one."
        )
    return finite
