"""Plain stochastic gradient descent, as TensorFlow's `retrain.py` trains its last layer."""

from collections.abc import Callable

import torch

from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows

INITIAL_DEVIATION = 0.001
"""Standard deviation of the first weights; `retrain.py`, function add_final_training_ops."""


def fit(
    labelled: LabelledRows,
    *,
    steps: int,
    learning_rate: float,
    batch_size: int,
    eval_interval: int,
    seed: int,
    report: Callable[[str, Head], None],
) -> None:
    """Run a number of steps on batches drawn with replacement.

    The gradient of the mean cross entropy is written out: for logits z and one-hot targets y it
    is (softmax(z) - y)' x / batch.

    Args:
        labelled: training rows.
        steps: how many.
        learning_rate: of every step.
        batch_size: rows a step.
        eval_interval: `report` is called every so many steps, and after the last.
        seed: of the first weights and the batches.
        report: told of the step and the head as it is then.
    """
    generator = torch.Generator().manual_seed(seed)
    weight = torch.empty(labelled.classes, labelled.size, dtype=torch.float64)
    torch.nn.init.trunc_normal_(
        weight, std=INITIAL_DEVIATION, a=-2 * INITIAL_DEVIATION, b=2 * INITIAL_DEVIATION,
        generator=generator,
    )  # fmt: skip
    bias = torch.zeros(labelled.classes, dtype=torch.float64)
    row_weights, wanted = labelled.row_weights()[:, None], labelled.one_hot()
    for step in range(1, steps + 1):
        batch = torch.randint(len(labelled), (batch_size,), generator=generator)
        rows = labelled.subset(batch).matrix().double()
        surplus = torch.softmax(rows @ weight.T + bias, dim=1) - wanted[batch]
        surplus *= row_weights[batch] / batch_size
        weight -= learning_rate * (surplus.T @ rows)
        bias -= learning_rate * surplus.sum(dim=0)
        if step % eval_interval == 0 or step == steps:
            report(f"step {step}", labelled.inputs.head(weight, bias))
