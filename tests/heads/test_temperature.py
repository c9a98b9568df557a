"""The temperature: where it can be worked out by hand, and against a fine grid."""

import math

import numpy
import pytest
import torch
from torch import Tensor

from torch_inception.heads.head import Head
from torch_inception.heads.temperature import fit_temperature


def two_classes(gap: float, *, right: int, wrong: int) -> tuple[Tensor, Tensor]:
    """Make logits (gap, 0) for every image, of which some are of class 0, the others of 1."""
    count = right + wrong
    return torch.tensor([[gap, 0.0]]).repeat(count, 1), torch.tensor([0] * right + [1] * wrong)


@pytest.mark.parametrize(
    ("gap", "right", "wrong"), [(2.0, 3, 1), (0.5, 9, 1), (40.0, 30, 2), (7.0, 5, 0), (3.0, 1, 0)]
)
def test_two_classes_by_hand(gap: float, right: int, wrong: int) -> None:
    # Smoothed targets give class 0 the share q; the loss is least where sigmoid(gap / T) = q.
    count = right + wrong
    share = (right * (count + 1) + wrong * 1) / (count * (count + 2))
    expected = gap / math.log(share / (1 - share))
    assert fit_temperature(*two_classes(gap, right=right, wrong=wrong)) == pytest.approx(
        expected, rel=1e-4
    )


def test_a_head_that_is_wrong_half_the_time_is_made_to_say_so() -> None:
    logits, targets = two_classes(5.0, right=10, wrong=10)
    temperature = fit_temperature(logits, targets)
    assert torch.softmax(logits / temperature, dim=1)[0, 0] == pytest.approx(0.5, abs=0.002)


def grid_loss(logits: Tensor, targets: Tensor, temperature: float) -> float:
    """Return the cross entropy against Platt's smoothed targets, written out plainly."""
    count, classes = logits.shape
    total = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(value / temperature) for value in row))
        for number, value in enumerate(row):
            hit = (count + 1) / (count + 2)
            wanted = hit if number == target else (1 - hit) / (classes - 1)
            total -= wanted * (value / temperature - normaliser)
    return total / count


@pytest.mark.parametrize("seed", range(6))
def test_no_temperature_of_a_fine_grid_is_better(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(4, (25,), generator=generator)
    logits = torch.randn(25, 4, generator=generator) * (seed + 1)
    logits[torch.arange(25), targets] += seed
    found = grid_loss(logits, targets, fit_temperature(logits, targets))
    grid = numpy.geomspace(0.05, 1000, 300)
    assert found <= min(grid_loss(logits, targets, t) for t in grid) + 1e-9


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
def test_scores_do_not_depend_on_the_scale_of_the_logits(scale: float) -> None:
    logits, targets = two_classes(1.0, right=4, wrong=1)
    temperature = fit_temperature(logits * scale, targets)
    assert 1e-3 <= temperature <= 1e3
    if 1e-3 <= scale <= 100:
        scores = torch.softmax(logits * scale / temperature, dim=1)
        # (4 * 6/7 + 1/7) / 5 = 25/35
        assert scores[0, 0] == pytest.approx(5 / 7, abs=1e-3)


def test_few_images_that_are_all_right_do_not_ask_for_certainty() -> None:
    logits, targets = two_classes(9.0, right=3, wrong=0)
    scores = torch.softmax(logits / fit_temperature(logits, targets), dim=1)
    assert scores[0, 0] == pytest.approx(4 / 5, abs=1e-4)


def test_folding_the_temperature_into_the_head_keeps_every_decision() -> None:
    generator = torch.Generator().manual_seed(1)
    head = Head(torch.randn(5, 8, generator=generator), torch.randn(5, generator=generator))
    rows = torch.randn(200, 8, generator=generator)
    sharper = head.sharpened(0.25)
    assert torch.equal(sharper.logits(rows).argmax(1), head.logits(rows).argmax(1))
    assert torch.allclose(sharper.logits(rows), head.logits(rows) / 0.25, rtol=1e-5, atol=1e-5)
    sums = sharper.probabilities(rows).sum(1)
    assert torch.allclose(sums, torch.ones(200, dtype=torch.float64))
    assert torch.all(sharper.probabilities(rows).amax(1) >= head.probabilities(rows).amax(1))
