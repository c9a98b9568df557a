"""Heads of independent classes: exact leave-one-out, calibration, thresholds, unknown classes."""

import dataclasses

import numpy
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge
from torch import Tensor

from torch_inception.config import TrainConfig
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.choose_threshold import NEVER, best_f1_threshold, precision_threshold
from torch_inception.heads.fit_independent import fit_independent
from torch_inception.heads.head import HIGHEST, IndependentHead
from torch_inception.heads.labelled_rows import LabelledRows, all_scores
from torch_inception.heads.marked_rows import UNKNOWN, MarkedRows
from torch_inception.heads.platt import fit_platt
from torch_inception.heads.solvers.ridge import Ridge
from torch_inception.heads.solvers.selection import sampled_marked_rows
from torch_inception.network import ROW_SIZE


def rows_of(features: Tensor, groups: Tensor | None = None) -> LabelledRows:
    targets = torch.zeros(len(features), dtype=torch.int64)
    return LabelledRows(RowSelection.of(features), targets, 1, groups=groups)


def drawn(count: int, size: int, classes: int) -> tuple[Tensor, Tensor]:
    """Return rows (N, D), and which of the classes each has (N, C) int8: the sign of a sum."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(count, size, generator=generator)
    directions = torch.randn(size, classes, generator=generator)
    noise = torch.randn(count, classes, generator=generator)
    return features, (features @ directions + noise > 0.5).to(torch.int8)


@pytest.mark.parametrize("size", [6, 50])
def test_left_out_answers_are_those_of_fits_without_the_group(size: int) -> None:
    features, marks = drawn(24, size, 3)
    groups = torch.tensor([*range(18), 18, 18, 19, 19, 19, 19])
    ridge, targets = Ridge(rows_of(features, groups)), marks.double()
    coordinates = ridge.coordinates()
    found = ridge.left_out(
        coordinates,
        ridge.scaled(0.3, coordinates),
        ridge.projected(coordinates, targets),
        targets,
    )
    centred = (features - features.mean(dim=0)).double()
    penalty = 24 * float(centred.square().mean()) * 0.3 / 0.7
    for group in range(20):
        kept = groups != group
        other = SklearnRidge(penalty, solver="cholesky").fit(features[kept].double(), targets[kept])
        expected = other.predict(features[~kept].double().numpy())
        numpy.testing.assert_allclose(found[~kept], expected, atol=1e-6)


def test_weights_are_those_of_scikit_learn() -> None:
    features, marks = drawn(40, 12, 2)
    ridge, targets = Ridge(rows_of(features)), marks.double()
    weights = ridge.weights(0.1, ridge.products(targets))
    centred = (features - features.mean(dim=0)).double()
    penalty = 40 * float(centred.square().mean()) * 0.1 / 0.9
    other = SklearnRidge(penalty, solver="cholesky").fit(features.double(), targets)
    numpy.testing.assert_allclose(weights, other.coef_, atol=1e-6)


def test_calibration_finds_the_slope_and_shift_that_made_the_labels() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(200_000, 1, generator=generator, dtype=torch.float64)
    chance = torch.sigmoid(3 * scores - 1)
    found = fit_platt(scores, torch.rand(chance.shape, generator=generator) < chance)
    assert float(found.slope) == pytest.approx(3, rel=0.02)
    assert float(found.shift) == pytest.approx(-1, rel=0.03)


def test_calibration_never_turns_scores_around() -> None:
    scores = torch.tensor([[0.9], [0.8], [0.2], [0.1]], dtype=torch.float64)
    found = fit_platt(scores, torch.tensor([[False], [False], [True], [True]]))
    assert float(found.slope) > 0
    share = torch.sigmoid(scores * found.slope + found.shift)
    assert share.tolist() == [[pytest.approx(0.5, abs=1e-3)]] * 4


def test_thresholds_of_scores_by_hand() -> None:
    scores = torch.tensor([0.9, 0.8, 0.6, 0.5, 0.3])
    present = torch.tensor([True, False, True, True, False])
    # F1 of the first 1 to 5: 2/4, 2/5, 4/6, 6/7, 6/8; halfway between 0.5 and 0.3.
    assert best_f1_threshold(scores, present) == pytest.approx(0.4)
    # Their precision: 1, 1/2, 2/3, 3/4, 3/5.
    assert precision_threshold(scores, present, 0.75) == pytest.approx(0.4)
    assert precision_threshold(scores, present, 0.8) == pytest.approx(0.85)
    assert precision_threshold(scores, ~present, 0.6) is None
    assert best_f1_threshold(scores, torch.zeros(5, dtype=torch.bool)) == NEVER


def test_a_threshold_of_a_class_that_is_never_named_is_never_reached() -> None:
    head = IndependentHead(torch.tensor([[1.0]]), torch.zeros(1), "last")
    for logits in (torch.tensor([[17.0, 800.0]]), torch.tensor([[17.0, 800.0]]).double()):
        scores = head.probabilities_of_logits(logits).float()
        assert scores.tolist() == [[HIGHEST, HIGHEST]]
        assert not (scores >= NEVER).any()


def full_rows(count: int) -> tuple[Tensor, Tensor]:
    """Return rows of three layers, of which few numbers tell the three classes."""
    few, marks = drawn(count, 8, 3)
    features = torch.zeros(count, ROW_SIZE)
    features[:, -8:] = few
    return features, marks


def test_what_is_unknown_of_a_class_is_left_out_of_its_fit_alone() -> None:
    features, marks = full_rows(60)
    config = TrainConfig(layers="last")
    unknown = marks.clone()
    unknown[:15, 1] = UNKNOWN
    found = fit_independent(config, MarkedRows(rows_of(features), unknown))
    whole = fit_independent(config, MarkedRows(rows_of(features), marks))
    others = fit_independent(config, MarkedRows(rows_of(features[15:]), marks[15:]))
    for number, expected in ((0, whole), (1, others), (2, whole)):
        torch.testing.assert_close(found.head.weight[number], expected.head.weight[number])
        torch.testing.assert_close(found.head.bias[number], expected.head.bias[number])
    # Those that it was not fitted on are answered by the fit itself.
    scores = all_scores(found.head, rows_of(features[:15]))
    torch.testing.assert_close(found.left_out_scores[:15, 1], scores[:, 1], atol=1e-5, rtol=0)


def test_a_class_is_told_that_cannot_reach_the_precision() -> None:
    features, marks = full_rows(80)
    # Every row is there twice, and once with the third class: its precision is a half everywhere.
    marks = marks.repeat_interleave(2, dim=0)
    marks[:, 2] = torch.arange(160) % 2
    rows = rows_of(features.repeat_interleave(2, dim=0), torch.arange(80).repeat_interleave(2))
    found = fit_independent(TrainConfig(target_precision=0.95), MarkedRows(rows, marks))
    assert found.missed.tolist() == [False, False, True]
    assert found.thresholds[2] == NEVER
    for number in range(2):
        named = found.left_out_scores[:, number] >= found.thresholds[number]
        assert (marks[named, number] == 1).double().mean() >= 0.95


def test_rows_are_sampled_by_group_with_a_few_that_have_each_class_and_have_it_not() -> None:
    marks = torch.zeros(60, 3, dtype=torch.int8)
    marks[::2, 0] = 1  # many
    marks[40:48, 1] = 1  # few, all of them late
    marks[:, 2] = 1
    marks[50:53, 2] = 0  # all but few
    # A set of classes is no class: no more than these are added.
    chosen = sampled_marked_rows(MarkedRows(rows_of(torch.zeros(60, 2)), marks), 10)
    assert chosen.tolist() == [*range(10), *range(40, 45), *range(50, 53)]


def test_views_of_an_image_are_left_out_together_and_the_original_is_judged() -> None:
    features, marks = full_rows(30)
    twice = dataclasses.replace(
        rows_of(features.repeat_interleave(2, dim=0), torch.arange(30).repeat_interleave(2)),
        is_original=torch.arange(60) % 2 == 0,
    )
    found = fit_independent(TrainConfig(), MarkedRows(twice, marks.repeat_interleave(2, dim=0)))
    assert found.left_out.tolist() == list(range(0, 60, 2))
    assert found.left_out_scores.shape == (30, 3)
