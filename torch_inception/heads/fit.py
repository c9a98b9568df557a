"""Fit a linear head: tensors in, tensors out, no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from torch_inception.config import TrainConfig
from torch_inception.errors import ConfigError
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows, Report, all_logits
from torch_inception.heads.metrics import summary
from torch_inception.heads.solvers import discriminant, gradient, logistic
from torch_inception.heads.solvers.selection import Judge, choose, setting_name
from torch_inception.heads.temperature import fit_temperature
from torch_inception.system.threads import one_thread

_PATHS = {
    "lda": (discriminant.fit_path, discriminant.STRENGTHS),
    "lbfgs": (logistic.fit_path, logistic.STRENGTHS),
}


@dataclass(frozen=True)
class FittedHead:
    """A head, calibrated, and how it came about.

    Attributes:
        head: its logits are already divided by the temperature.
        setting: the strength or step that was chosen.
        temperature: what the logits were divided by.
        chosen_by: what decided.
        losses: what decided, for each setting: mean cross entropy of rows not fitted on; none
            where there were none.
    """

    head: Head
    setting: str
    temperature: float
    chosen_by: Judge = "validation"
    losses: Mapping[str, float] = field(default_factory=dict)


def fit_head(
    config: TrainConfig,
    train: LabelledRows,
    validation: LabelledRows,
    *,
    folds: Tensor,
    report: Report,
) -> FittedHead:
    """Fit a head with the solver that the configuration names; all bits are alike on any cores.

    Args:
        config: solver and its settings.
        train: rows to fit on.
        validation: rows that choose the strength or step, and the temperature; may be empty.
        folds: fold number of each row of train, then of validation (see `fold_numbers`).
        report: told of each strength or step and its head.

    Raises:
        ConfigError: gradient descent diverged.
    """
    with one_thread():
        if config.solver == "sgd":
            return _descend(config, train, validation, report)
        fit_path, strengths = _PATHS[config.solver]
        choice = choose(
            fit_path, strengths, train=train, validation=validation, folds=folds, report=report
        )
    return FittedHead(
        choice.head,
        setting_name(choice.strength),
        choice.temperature,
        chosen_by=choice.chosen_by,
        losses={setting_name(strength): loss for strength, loss in choice.losses.items()},
    )


def _descend(
    config: TrainConfig, train: LabelledRows, validation: LabelledRows, report: Report
) -> FittedHead:
    """Run gradient descent and keep the step with the lowest validation cross entropy."""
    seen: list[tuple[float, str, Head]] = []

    def watch(entries: Sequence[tuple[str, Head]]) -> None:
        report(entries)
        ((setting, head),) = entries
        logits = _logits(head, validation)
        loss = summary(logits, validation.targets)["cross_entropy"]
        if logits.isfinite().all() and _logits(head, train).isfinite().all():
            # Without validation images the last step is the best that is known of.
            seen.append((-len(seen) if loss is None else loss, setting, head))

    gradient.fit(
        train,
        steps=config.steps,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        eval_interval=config.eval_interval,
        seed=config.seed,
        report=watch,
    )
    if not seen:
        raise ConfigError(
            f"learning_rate = {config.learning_rate} is too large: the weights grew past all "
            "numbers. Choose a smaller one."
        )
    _, setting, head = min(seen, key=lambda entry: entry[0])
    if len(validation) == 0:
        return FittedHead(head, setting, 1.0)
    temperature = fit_temperature(_logits(head, validation), validation.targets)
    losses = {setting: loss for loss, setting, _ in seen}
    return FittedHead(head.sharpened(temperature), setting, temperature, losses=losses)


def _logits(head: Head, labelled: LabelledRows) -> Tensor:
    (logits,) = all_logits([head], labelled)
    return logits
