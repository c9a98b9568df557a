"""Rows that stay in the cache's file, and heads that are fitted on them in portions."""

import dataclasses
from itertools import accumulate
from pathlib import Path
from typing import get_args

import numpy
import pytest
import torch
from torch import Tensor

from tests.heads.test_solvers import blobs, fitted, nothing
from torch_inception.config import Solver
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.features.row_selection import RowSelection, whole_groups
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance, ShrunkCovariance
from torch_inception.heads.solvers.discriminant import STRENGTHS, DiscriminantAnalysis
from torch_inception.images.facts import ImageFacts


def in_portions(labelled: LabelledRows, portion: int) -> LabelledRows:
    """Have labelled rows be read so many at a time."""
    features = dataclasses.replace(labelled.features, portion=portion)
    return dataclasses.replace(labelled, features=features)


def ramp(rows: int = 10, features: int = 4) -> Tensor:
    """Make rows whose first number tells which it is."""
    made = torch.arange(rows * features).reshape(rows, features)
    return made.to(torch.float16)


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([], 3, []),
        ([2, 1, 4, 1, 1], 3, [2 + 1, 4, 1 + 1]),
        ([2, 2, 2], 3, [2 + 2, 2]),
        ([9, 1], 3, [9, 1]),
        ([1, 1], 100, [2]),
    ],
)
def test_whole_groups_are_not_torn_apart(sizes: list[int], count: int, expected: list[int]) -> None:
    found = list(whole_groups(list(accumulate(sizes)), count))
    assert [some.stop - some.start for some in found] == expected
    assert [row for some in found for row in range(some.start, some.stop)] == [*range(sum(sizes))]


def test_a_mask_and_positions_choose_the_same_rows() -> None:
    rows = RowSelection.of(ramp())
    mask = torch.tensor([True, False] * 5)
    by_mask, by_position = rows.subset(mask), rows.subset(torch.tensor([0, 2, 4, 6, 8]))
    assert torch.equal(by_mask.tensor(), ramp()[::2].float())
    assert torch.equal(by_position.tensor(), by_mask.tensor())
    assert (len(rows), len(by_mask), by_mask.size) == (10, 5, 4)


def test_rows_come_in_the_order_asked_for_and_may_come_twice() -> None:
    rows = RowSelection.of(ramp()).subset(torch.tensor([7, 1, 1, 9]))
    assert rows.tensor()[:, 0].tolist() == [28, 4, 4, 36]
    # What is chosen from a choice is counted within that choice.
    assert rows.subset(torch.tensor([3, 0])).tensor()[:, 0].tolist() == [36, 28]
    last = rows.subset(torch.tensor([False, True, False, True]))
    assert last.tensor()[:, 0].tolist() == [4, 36]
    assert last.all_rows is rows.all_rows


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_portions_are_all_rows_in_order(size: int) -> None:
    order = torch.tensor([3, 9, 0, 1, 2, 8, 7, 5, 4, 6])
    rows = RowSelection.of(ramp(), portion=size).subset(order)
    # A portion's memory may be used again for the next.
    parts = [part.clone() for part in rows.portions()]
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert 1 <= len(parts[-1]) <= size
    assert torch.equal(torch.cat(parts), rows.tensor())
    assert {part.dtype for part in parts} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_what_is_done_to_a_portion_is_not_done_to_the_rows(dtype: torch.dtype) -> None:
    rows = RowSelection.of(ramp().to(dtype), portion=4)
    for part in rows.portions():
        part.zero_()
    rows.tensor().zero_()
    assert torch.equal(rows.all_rows, ramp().to(dtype))


def test_no_rows_are_one_empty_portion() -> None:
    none = RowSelection.of(ramp()).subset(torch.zeros(10, dtype=torch.bool))
    assert [tuple(part.shape) for part in none.portions()] == [(0, 4)]
    assert none.tensor().shape == (0, 4)
    assert none.tensor().dtype == torch.float32
    assert [tuple(part.shape) for part in RowSelection.of(ramp(0)).portions()] == [(0, 4)]
    assert len(none) == 0


def stored(folder: Path, count: int) -> tuple[RowStore, Tensor]:
    """Fill a store with rows of three kinds; return their class numbers too."""
    drawn = blobs([count // 3] * 3, features=40)
    rows = torch.zeros(len(drawn), 4096)
    rows[:, -40:] = drawn.features.tensor()
    store = RowStore(folder)
    half = rows.to(torch.float16).numpy()
    facts = ImageFacts(1, 1, "PNG", "RGB", 0, 0, 0, 0)
    store.append({n.to_bytes(32, "big"): StoredRow(row, facts) for n, row in enumerate(half)})
    return store, drawn.targets


@pytest.mark.parametrize("solver", get_args(Solver))
def test_a_head_is_the_same_from_the_file_and_from_memory(solver: Solver, tmp_path: Path) -> None:
    store, targets = stored(tmp_path / "store", 60)
    before = (tmp_path / "store" / "rows.bin").read_bytes()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    all_rows, _ = store.look_up([])
    mapped = RowSelection(all_rows, order, portion=16)
    in_memory = RowSelection.of(all_rows[order].clone(), portion=16)
    heads = []
    for rows in (mapped, in_memory):
        labelled = LabelledRows(rows, targets[order], 3)
        train, validation = labelled.subset(order < 50), labelled.subset(order >= 50)
        heads.append(fitted(solver, train, validation, steps=60).head)
    assert torch.equal(heads[0].weight, heads[1].weight)
    assert torch.equal(heads[0].bias, heads[1].bias)
    assert heads[0].weight.abs().max() > 0
    assert (tmp_path / "store" / "rows.bin").read_bytes() == before


@pytest.mark.parametrize("features", [6, 90])
@pytest.mark.parametrize("solver", ["lda", "sgd"])
def test_a_head_does_not_depend_on_the_size_of_portions(solver: Solver, features: int) -> None:
    train = blobs([20, 30, 25], features=features)
    validation = blobs([7, 8, 9], features=features, seed=1)
    whole, pieces = (
        fitted(solver, in_portions(train, rows), in_portions(validation, rows), steps=50)
        for rows in (1000, 7)
    )
    assert pieces.chosen.setting == whole.chosen.setting
    assert torch.allclose(pieces.head.weight, whole.head.weight, rtol=1e-4, atol=1e-5)
    assert torch.allclose(pieces.head.bias, whole.head.bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("features", [12, 60])
def test_lda_on_portions_has_the_covariance_of_all_rows(features: int) -> None:
    labelled = blobs([15, 9, 16], features=features)
    logits = []
    for size in (1000, 7):
        analysis = DiscriminantAnalysis(in_portions(labelled, size))
        heads = [analysis.head(strength) for strength in STRENGTHS]
        logits.append(torch.stack([head.logits(labelled.features.tensor()) for head in heads]))
    assert torch.allclose(logits[0], logits[1], rtol=1e-4, atol=1e-3)


def centred(count: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    rows = torch.randn(count, size, generator=generator, dtype=torch.float64)
    return rows - rows.mean(dim=0)


@pytest.mark.parametrize("strength", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("count", [4, 11, 12, 13, 50])
def test_a_covariance_is_that_of_the_textbook_with_fewer_and_more_rows_than_features(
    count: int, strength: float
) -> None:
    rows = centred(count, 12)
    covariance = Covariance([rows], count=count, size=12)
    exact = rows.numpy()
    plain = exact.T @ exact / count
    shrunk = (1 - strength) * plain + strength * numpy.trace(plain) / 12 * numpy.eye(12)
    inverse = numpy.linalg.inv(shrunk)
    solved = covariance.solve(strength, torch.eye(12, dtype=torch.float64)[:, :5]).numpy()
    assert abs(solved - inverse[:, :5]).max() < 1e-9 * abs(inverse).max()
    expected = numpy.trace(plain @ inverse)
    assert covariance.effective_size(strength) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("strength", [0.9, 0.01])
def test_a_covariance_for_one_strength_is_that_for_all(strength: float) -> None:
    rows = centred(700, 600)
    whole = Covariance([rows], count=700, size=600)
    one = ShrunkCovariance([rows], count=700, size=600, strength=strength)
    right = rows[:5].T
    solved = whole.solve(strength, right)
    error = (one.solve(strength, right) - solved).norm() / solved.norm()
    assert error < 1e-4
    assert one.effective_size(strength) == pytest.approx(whole.effective_size(strength), rel=1e-5)
    assert one.variance == pytest.approx(whole.variance, rel=1e-6)
    found = one.coordinates(rows[:9]) @ one.coordinates(rows[:9]).T
    expected = rows[:9] @ whole.solve(strength, rows[:9].T)
    assert (found - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize("count", [9, 12, 13, 40])
def test_a_covariance_of_portions_is_that_of_all_rows(count: int) -> None:
    rows = centred(count, 12)
    right = torch.eye(12, dtype=torch.float64)
    whole = Covariance([rows], count=count, size=12)
    pieces = Covariance(torch.split(rows, 5), count=count, size=12)
    for strength in (0.9, 0.1):
        expected = whole.solve(strength, right)
        found = pieces.solve(strength, right)
        assert float((found - expected).norm() / expected.norm()) < 1e-9
    assert pieces.variance == pytest.approx(whole.variance, rel=1e-9)


def test_a_problem_without_rows_has_one_empty_portion() -> None:
    ((features, targets),) = nothing(blobs([3, 3])).portions()
    assert (tuple(features.shape), tuple(targets.shape)) == ((0, 6), (0,))
