"""How far rows are from classes: against the formulas written out, and against fitting again."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads import fit_class_space as module
from torch_inception.heads.class_space import ClassSpace, all_coordinates, all_distances
from torch_inception.heads.fit_class_space import STRENGTH, FittedSpace, fit_class_space
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.network import COLUMNS, ROW_SIZE

CLASSES = 3
SIZE = 1280


def drawn(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw rows whose classes differ in place; most of their spread is in a few directions."""
    generator = torch.Generator().manual_seed(7)
    centres = torch.rand(CLASSES, SIZE, generator=generator)
    directions = torch.randn(20, SIZE, generator=generator) * 0.1
    generator.manual_seed(seed)
    targets = torch.arange(count) % CLASSES
    spread = torch.randn(count, 20, generator=generator) @ directions
    noise = 0.02 * torch.randn(count, SIZE, generator=generator)
    rows = torch.zeros(count, ROW_SIZE)
    rows[:, COLUMNS["Mixed_7a"]] = (1 + centres[targets] + spread + noise).clamp(min=0).square()
    return rows, targets


def labelled(rows: Tensor, targets: Tensor, groups: Tensor | None = None) -> LabelledRows:
    return LabelledRows(RowSelection.of(rows), targets, CLASSES, groups=groups)


def roots(rows: Tensor) -> Tensor:
    return rows[:, COLUMNS["Mixed_7a"]].sqrt().double()


def shrunk(deviations: Tensor, count: int, variance: Tensor) -> Tensor:
    identity = torch.eye(SIZE, dtype=torch.float64)
    return (1 - STRENGTH) * deviations.T @ deviations / count + STRENGTH * variance * identity


def by_hand(rows: Tensor, targets: Tensor, asked: Tensor, keep: Tensor, offset: float) -> Tensor:
    """Return distances of rows to classes of those that are kept; N and v are those of all."""
    inputs, count = roots(rows), len(rows)
    means = torch.stack([inputs[targets == c].mean(dim=0) for c in range(CLASSES)])
    variances = [
        (inputs - middle).square().sum() / count / SIZE
        for middle in (means[targets], inputs.mean(dim=0))
    ]
    kept, own = inputs[keep], targets[keep]
    means = torch.stack([kept[own == c].mean(dim=0) for c in range(CLASSES)])
    middle = kept.mean(dim=0)
    within = shrunk(kept - means[own], count, variances[0])
    total = shrunk(kept - middle, count, variances[1])
    apart = roots(asked)[:, None] - means
    squares = (apart * torch.linalg.solve(within, apart.transpose(1, 2)).transpose(1, 2)).sum(dim=2)
    to_all = roots(asked) - middle
    taken_off = (to_all * torch.linalg.solve(total, to_all.T).T).sum(dim=1)
    found: Tensor = squares.min(dim=1).values - taken_off + offset
    return found.sqrt()


@pytest.fixture(scope="module")
def fitted() -> FittedSpace[ClassSpace]:
    return fit_class_space(labelled(*drawn(60)))


def test_distances_are_those_of_the_formula_also_off_the_training_images_span(
    fitted: FittedSpace[ClassSpace],
) -> None:
    rows, targets = drawn(60)
    asked = torch.cat([drawn(9, seed=1)[0], torch.rand(4, ROW_SIZE) * 3])
    everything = torch.ones(60, dtype=torch.bool)
    expected = by_hand(rows, targets, asked, everything, fitted.space.offset)
    rounded = pytest.approx(expected, rel=1e-4)  # to float32
    assert fitted.space.distances(asked) == rounded
    assert all_distances(fitted.space, RowSelection.of(asked)) == rounded


@pytest.mark.parametrize("grouped", [False, True])
def test_a_training_image_is_left_out_with_its_group_as_if_the_space_were_fitted_without(
    *, grouped: bool
) -> None:
    rows, targets = drawn(30)
    # Groups of two neighbouring rows, so of two classes each.
    groups = torch.arange(30) // 2 if grouped else torch.arange(30)
    fitted = fit_class_space(labelled(rows, targets, groups))
    assert fitted.rows.tolist() == list(range(30))
    for row in (0, 7, 29):
        keep = groups != groups[row]
        expected = by_hand(rows, targets, rows[row : row + 1], keep, fitted.space.offset)
        assert fitted.distances[row] == pytest.approx(float(expected[0]), rel=1e-6)


def test_fewer_axes_change_little(
    monkeypatch: pytest.MonkeyPatch, fitted: FittedSpace[ClassSpace]
) -> None:
    monkeypatch.setattr(module, "AXES", 30)
    few = fit_class_space(labelled(*drawn(60))).space
    asked = drawn(30, seed=1)[0]
    assert few.axes.shape == (SIZE, 30)
    assert few.distances(asked) == pytest.approx(fitted.space.distances(asked), rel=0.1)
    # The first coordinates do not depend on how many there are.
    first = all_coordinates(fitted.space, RowSelection.of(asked), 5)
    assert all_coordinates(few, RowSelection.of(asked), 5).abs() == pytest.approx(
        first.abs(), abs=0.02
    )


def test_images_of_the_classes_are_known_and_strangers_are_not(
    fitted: FittedSpace[ClassSpace],
) -> None:
    limit = fitted.space.threshold(0.05)
    assert limit is not None
    alike = fitted.space.distances(drawn(300, seed=1)[0])
    assert float((alike > limit).double().mean()) < 0.15
    strangers = torch.rand(20, ROW_SIZE, generator=torch.Generator().manual_seed(3)) * 4
    assert (fitted.space.distances(strangers) > limit).all()


def test_no_squared_distance_is_negative_before_it_is_cut(fitted: FittedSpace[ClassSpace]) -> None:
    """Where the difference is lowest, for the class with the largest c, the distance is 0."""
    rows, targets = drawn(60)
    inputs = roots(rows)
    means = torch.stack([inputs[targets == c].mean(dim=0) for c in range(CLASSES)])
    middle, everything = inputs.mean(dim=0), torch.ones(60, dtype=torch.bool)
    v, v0 = ((inputs - m).square().sum() / 60 / SIZE for m in (means[targets], middle))
    within, total = shrunk(inputs - means[targets], 60, v), shrunk(inputs - middle, 60, v0)
    lengths = []
    for mean in means:
        away = torch.linalg.solve(total - within, mean - middle)
        lengths.append(float((mean - middle) @ away))
        # The gradient of the difference vanishes at mean + W (T - W)^-1 (mean - middle).
        lowest = (mean + within @ away).clamp(min=0)
        row = torch.zeros(1, ROW_SIZE)
        row[0, COLUMNS["Mixed_7a"]] = lowest.square().float()
        found = by_hand(rows, targets, row, everything, fitted.space.offset)
        assert found[0].isfinite()
    assert fitted.space.offset == pytest.approx(max(lengths), rel=1e-4)


def with_known(space: ClassSpace, known: list[float], judged: int) -> ClassSpace:
    return dataclasses.replace(space, left_out=torch.tensor(known), judged=judged)


def test_the_limit_is_the_rank_that_refuses_no_more_than_the_share(
    fitted: FittedSpace[ClassSpace],
) -> None:
    # 19 distances 1 to 19: the ceil(20 * 0.95) = 19th is the limit; with one fewer there is none.
    nineteen = with_known(fitted.space, [float(n) for n in range(1, 20)], 19)
    assert nineteen.threshold(0.05) == 19
    assert nineteen.threshold(0.5) == 10
    assert nineteen.threshold(0.04) is None
    assert with_known(fitted.space, [float(n) for n in range(1, 19)], 18).threshold(0.05) is None
    # Of many, some are kept: 0, 10, ..., 1000 of 1001. The 952nd (of value 951) is asked for.
    some = with_known(fitted.space, [10.0 * n for n in range(101)], 1001)
    assert some.threshold(0.05) == 960
    assert with_known(fitted.space, [], 0).threshold(0.5) is None


def test_a_class_of_one_image_is_compared_with_but_not_left_out() -> None:
    rows, targets = drawn(31)
    targets[targets == 2] = 1
    targets[30] = 2
    fitted = fit_class_space(labelled(rows, targets))
    assert fitted.rows.tolist() == list(range(30))
    assert fitted.space.judged == 30


def test_of_very_many_a_sample_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sampled_rows", lambda _: torch.arange(1, 60, 2))
    rows, targets = drawn(60)
    fitted = fit_class_space(labelled(rows, targets))
    monkeypatch.undo()
    alone = fit_class_space(labelled(rows[1::2], targets[1::2]))
    assert fitted.rows.tolist() == list(range(1, 60, 2))
    assert torch.equal(fitted.distances, alone.distances)


def test_equal_images_make_no_trouble() -> None:
    rows = drawn(1)[0].expand(12, -1).contiguous()
    fitted = fit_class_space(labelled(rows, torch.arange(12) % CLASSES))
    assert torch.equal(fitted.space.distances(rows), torch.zeros(12, dtype=torch.float64))


def test_where_the_images_of_a_class_are_equal_they_are_known() -> None:
    rows = drawn(CLASSES)[0].repeat(20, 1)
    space = fit_class_space(labelled(rows, torch.arange(60) % CLASSES)).space
    threshold = space.threshold(0.05)
    assert threshold is not None
    assert space.distances(rows) == pytest.approx(torch.full((60,), threshold), abs=0.6)
    others = drawn(CLASSES, seed=1)[0]
    assert (space.distances(others) > threshold + 5).all()


def test_a_space_survives_being_kept_as_plain_values(fitted: FittedSpace[ClassSpace]) -> None:
    again = ClassSpace.from_dict(fitted.space.as_dict(), classes=CLASSES)
    rows = drawn(5, seed=2)[0]
    assert torch.equal(again.distances(rows), fitted.space.distances(rows))
    assert again.fingerprint == fitted.space.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"middle": torch.zeros(3)},
        {"axes": torch.zeros(SIZE, 2)},
        {"whitening": torch.zeros(59, 59).double()},
        {"means": torch.full((CLASSES, 59), torch.nan)},
        {"shares": 1.0},
        {"rest": -1.0},
        {"rest": "1"},
        {"offset": float("inf")},
        {"left_out": torch.tensor([torch.nan])},
        {"judged": 2},
        {"judged": True},
        {"left_out": torch.empty(0), "judged": 5},
        {"more": 1},
    ],
)
def test_a_space_that_does_not_fit_is_refused(
    fitted: FittedSpace[ClassSpace], change: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        ClassSpace.from_dict(fitted.space.as_dict() | change, classes=CLASSES)


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(TypeError, match="no.* table"):
        ClassSpace.from_dict([1], classes=CLASSES)
