"""Leave-one-out discriminants in closed form, against the same definition by brute force."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance
from torch_inception.heads.solvers.discriminant import DiscriminantAnalysis
from torch_inception.heads.solvers.leave_one_out import LARGEST_GROUP, Classes, LeftOut

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
    return (
        LeftOut(classes, decomposed)
        .at(strength)
        .logits(decomposed.coordinates(rows), targets, numbers)
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


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("size", [7, 90])
def test_what_is_fitted_has_the_discriminants_of_brute_force(size: int, balanced: bool) -> None:
    rows, targets = drawn(42, size)
    rows = rows.float().double()  # as the cache gives them
    groups = torch.arange(42) // 2
    labelled = LabelledRows(
        RowSelection.of(rows.float()), targets, CLASSES, groups=groups, balanced=balanced
    )
    analysis = DiscriminantAnalysis(labelled)
    found = analysis.logits_left_out(0.1, analysis.coordinates())
    for number in range(21):
        [group] = torch.where(groups == number)
        expected = by_hand(rows, targets, labelled.weight_of_class(), 0.1, group)
        assert torch.allclose(found[group], expected, rtol=1e-8, atol=0)
    # Rows are read in portions of whole groups, and in their own order again.
    places, answers, scores = analysis.answers_left_out(0.1, 2.0)
    assert torch.equal(places, torch.arange(42))
    assert scores is not None
    assert torch.allclose(scores.double(), (found / 2).softmax(dim=1), rtol=1e-6)
    expected_loss = functional.cross_entropy(found / 2, targets, reduction="none")
    assert torch.allclose(answers.loss, expected_loss, rtol=1e-9)


def test_a_class_without_rows_is_the_least_likely() -> None:
    rows, targets = drawn(42, 7)
    labelled = LabelledRows(RowSelection.of(rows.float()), targets, CLASSES + 1)
    analysis = DiscriminantAnalysis(labelled)
    logits = analysis.logits_left_out(0.5, analysis.coordinates())
    assert torch.equal(logits.argmin(dim=1), torch.full((42,), CLASSES))
    assert logits.isfinite().all()
    assert analysis.head(0.5).probabilities(rows)[:, CLASSES].max() < 1e-40


def test_a_group_that_is_too_large_stays() -> None:
    count = LARGEST_GROUP + 1
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(count + 20, 3, generator=generator)
    targets = torch.arange(count + 20) % 2
    groups = torch.cat([torch.zeros(count, dtype=torch.int64), torch.arange(1, 21)])
    labelled = LabelledRows(RowSelection.of(rows), targets, 2, groups=groups)
    analysis = DiscriminantAnalysis(labelled)
    logits = analysis.logits_left_out(0.5, analysis.coordinates())
    assert logits[:count].isnan().all()
    assert logits[count:].isfinite().all()
    assert torch.equal(analysis.answers_left_out(0.5, 1.0).rows, torch.arange(count, count + 20))
