"""Leave-one-out discriminants in closed form, against the same definition by brute force."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from torch_inception.heads.solvers.covariance import Covariance
from torch_inception.heads.solvers.leave_one_out import Classes, LeftOut

CLASSES = 3


def drawn(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Draw rows of classes that differ in size, spread and place."""
    generator = torch.Generator().manual_seed(count)
    targets = torch.tensor([0, 0, 1, 1, 1, 2])[torch.arange(count) % 6]
    spread = torch.linspace(0.1, 2, size).double()
    noise = torch.randn(count, size, generator=generator).double() * spread
    centres = torch.randn(CLASSES, size, generator=generator).double()
    return centres[targets] + noise, targets


def covariance(rows: Tensor, targets: Tensor, weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return class means, and the weighted pooled covariance with a divisor."""
    means = torch.stack([rows[targets == c].mean(dim=0) for c in range(CLASSES)])
    deviations = rows - means[targets]
    return means, (deviations.T * weights[targets]) @ deviations / count


def left_out(
    rows: Tensor, targets: Tensor, weights: Tensor, strength: float, groups: Sequence[Tensor]
) -> Tensor:
    """Return the discriminants in closed form."""
    means, _ = covariance(rows, targets, weights, len(rows))
    deviations = (rows - means[targets]) * weights[targets].sqrt()[:, None]
    decomposed = Covariance([deviations], count=len(rows), size=rows.shape[1])
    classes = Classes(means, torch.bincount(targets, minlength=CLASSES).double(), weights)
    numbers = torch.full((len(rows),), -1)
    for number, group in enumerate(groups):
        numbers[group] = number
    return LeftOut(classes, decomposed, strength).logits(
        decomposed.coordinates(rows), targets, numbers
    )


def by_hand(
    rows: Tensor, targets: Tensor, weights: Tensor, strength: float, group: Tensor
) -> Tensor:
    """Fit without a group, with what the definition holds fixed, and return its discriminants."""
    count, size = rows.shape
    _, pooled = covariance(rows, targets, weights, count)
    ridge = strength * torch.trace(pooled) / size * torch.eye(size).double()
    whole = torch.linalg.inv((1 - strength) * pooled + ridge)
    counts = torch.bincount(targets).double()
    priors = counts * weights / (counts * weights).sum()
    others = torch.ones(count, dtype=torch.bool)
    others[group] = False
    means, without = covariance(rows[others], targets[others], weights, count)
    inverse = torch.linalg.inv((1 - strength) * without + ridge)
    left = torch.bincount(targets[others]).double()
    differences = rows[group][:, None] - means
    distances = torch.einsum("kcd,de,kce->kc", differences, inverse, differences)
    return priors.log() - (distances - torch.trace(whole @ pooled) / left) / 2


@pytest.mark.parametrize(("count", "size"), [(42, 7), (42, 90)])
@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [1.0, 0.7, 1.9]])
@pytest.mark.parametrize("strength", [0.01, 0.3, 1.0])
@pytest.mark.parametrize(
    "sizes", [[1] * 42, [4] * 10 + [2], [2, 1, 5, 1, 1, 6, 2] + [1] * 24, [14, 3, 25]]
)
def test_a_closed_form_is_what_brute_force_gives(
    count: int, size: int, weights: list[float], strength: float, sizes: list[int]
) -> None:
    rows, targets = drawn(count, size)
    weight = torch.tensor(weights).double()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(5))
    groups = list(torch.split(order, sizes))
    found = left_out(rows, targets, weight, strength, groups)
    for group in groups:
        expected = by_hand(rows, targets, weight, strength, group)
        assert torch.allclose(found[group], expected, rtol=1e-8, atol=0)


def test_groups_within_a_class_are_left_out_whole() -> None:
    rows, targets = drawn(42, 90)
    members = [torch.where(targets == number)[0] for number in range(CLASSES)]
    groups = [group for rows_of in members for group in torch.split(rows_of, 3)]
    weight = torch.ones(CLASSES).double()
    found = left_out(rows, targets, weight, 0.2, groups)
    for group in groups:
        expected = by_hand(rows, targets, weight, 0.2, group)
        assert torch.allclose(found[group], expected, rtol=1e-8, atol=0)


def test_the_only_group_of_a_class_has_no_discriminants() -> None:
    rows, targets = drawn(42, 7)
    only = torch.where(targets == 2)[0]
    mixed = torch.cat([only, torch.where(targets == 1)[0][:2]])
    others = [torch.tensor([n]) for n in range(42) if n not in mixed]
    weight = torch.ones(CLASSES).double()
    for together in (only, mixed):
        alone = [torch.tensor([n]) for n in mixed.tolist() if n not in together]
        found = left_out(rows, targets, weight, 0.5, [together, *others, *alone])
        assert found[together].isnan().all()
        assert found[torch.cat([*others, *alone])].isfinite().all()


def test_the_only_row_of_a_class_has_no_discriminants() -> None:
    rows, targets = drawn(42, 7)
    chosen = torch.cat([torch.where(targets != 2)[0], torch.where(targets == 2)[0][:1]])
    rows, targets = rows[chosen], targets[chosen]
    weight = torch.ones(CLASSES).double()
    groups = [torch.tensor([number]) for number in range(len(rows))]
    found = left_out(rows, targets, weight, 0.5, groups)
    assert found[-1].isnan().all()
    assert found[:-1].isfinite().all()
