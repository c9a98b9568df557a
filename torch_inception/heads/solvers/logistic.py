"""L2-regularised multinomial logistic regression by L-BFGS."""

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows

STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Weights of the penalty that are tried, strongest first."""

ROW_NORM = 10.0
"""Length of a typical row after scaling; it only sets the unit of the penalty."""

_ITERATIONS = 100
_HISTORY = 10


def fit_path(labelled: LabelledRows, strengths: Sequence[float] = STRENGTHS) -> Iterator[Head]:
    """Fit one head for each strength: minimise mean cross entropy + strength / 2 * |weight|^2.

    Features are centred and divided by one common scale, so that a strength means the same for
    any network; both are folded into the head. Each fit starts from the one before.

    Args:
        labelled: training rows.
        strengths: each > 0.
    """
    rows = labelled.matrix().double()
    middle = rows.mean(dim=0)
    rows -= middle
    scale = ROW_NORM / float(rows.square().sum(dim=1).mean().sqrt().clamp(min=1e-12))
    rows *= scale
    shape = (labelled.classes, labelled.size)
    weight = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(labelled.classes, dtype=torch.float64, requires_grad=True)
    for strength in strengths:
        _minimise(labelled, rows, weight, bias, strength)
        folded = weight.detach() * scale
        yield labelled.inputs.head(folded, bias.detach() - folded @ middle)


def _minimise(
    labelled: LabelledRows,
    rows: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    strength: float,
) -> None:
    """Bring weight and bias to the minimum, in place."""
    row_weights = labelled.row_weights() / len(labelled)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=_ITERATIONS,
        history_size=_HISTORY,
        tolerance_grad=1e-5,
        tolerance_change=1e-9,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        losses = functional.cross_entropy(
            rows @ weight.T + bias, labelled.targets, reduction="none"
        )
        value = (losses * row_weights).sum() + strength / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
