"""Solvers of the head, against their definitions and their promises."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import get_args

import numpy
import pytest
import torch
from torch.nn import functional

from torch_inception.config import Solver, TrainConfig
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.metrics import answers_of, summary
from torch_inception.heads.solvers import gradient
from torch_inception.heads.solvers import logistic as logistic_room
from torch_inception.heads.solvers.discriminant import STRENGTHS, DiscriminantAnalysis
from torch_inception.heads.solvers.selection import MOST_ROWS
from torch_inception.network import ROW_SIZE
from torch_inception.training.report_lines import history_table

SOLVERS: tuple[Solver, ...] = get_args(Solver)
CONVEX = [solver for solver in SOLVERS if solver != "sgd"]


def blobs(
    counts: Sequence[int], *, features: int = 6, seed: int = 0, spread: float = 1.0
) -> LabelledRows:
    """Draw classes around centres that are 3 apart in a direction of their own."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    rows = torch.randn(len(targets), features, generator=generator) * spread
    rows[torch.arange(len(targets)), targets] += 3
    return LabelledRows(RowSelection.of(rows + 5), targets, len(counts))


def nothing(like: LabelledRows) -> LabelledRows:
    return like.subset(torch.zeros(len(like), dtype=torch.bool))


def fitted(
    solver: Solver, train: LabelledRows, validation: LabelledRows | None = None, **settings: object
) -> FittedHead:
    validation = nothing(train) if validation is None else validation
    config = TrainConfig(solver=solver, layers="last", **settings)  # type: ignore[arg-type]
    return fit_head(config, train, validation)


def repeated(labelled: LabelledRows, times: Sequence[int]) -> LabelledRows:
    """Repeat the rows of class c times[c] times."""
    often = torch.tensor(times)[labelled.targets]
    return LabelledRows(
        RowSelection.of(labelled.features.tensor().repeat_interleave(often, dim=0)),
        labelled.targets.repeat_interleave(often),
        labelled.classes,
    )


@pytest.mark.parametrize("strength", [0.9, 0.3, 0.01])
@pytest.mark.parametrize(("count", "features"), [(40, 6), (9, 30)])
def test_lda_is_the_discriminant_of_the_textbook(
    count: int, features: int, strength: float
) -> None:
    labelled = blobs([count, count // 2, 3], features=features)
    head = DiscriminantAnalysis(labelled).head(strength)
    x, y = labelled.features.tensor().double().numpy(), labelled.targets.numpy()
    means = numpy.stack([x[y == label].mean(axis=0) for label in range(3)])
    counts = numpy.bincount(y)
    within = (x - means[y]).T @ (x - means[y]) / len(x)
    shrunk = (1 - strength) * within + strength * numpy.trace(within) / features * numpy.eye(
        features
    )
    inverse = numpy.linalg.inv(shrunk)
    distances = numpy.einsum("cd,de,ce->c", means, inverse, means)
    distances -= numpy.trace(inverse @ within) / counts
    wanted = x @ inverse @ means.T - distances / 2 + numpy.log(counts / len(x))
    found = head.logits(labelled.features.tensor()).double().numpy()
    # What is added to all classes alike changes no probability.
    differences = (wanted - wanted[:, :1]) - (found - found[:, :1])
    assert abs(differences).max() < 1e-3 * abs(wanted - wanted[:, :1]).max()


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("strength", [1.0, 0.03, 0.001])
@pytest.mark.parametrize(("count", "features"), [(60, 6), (20, 200)])
def test_the_gradient_of_logistic_regression_vanishes_at_its_solution(
    count: int, features: int, strength: float, balanced: bool
) -> None:
    drawn = blobs([count, count // 4, count // 2], features=features)
    labelled = dataclasses.replace(drawn, balanced=balanced)
    (head,) = logistic_room.fit_path(labelled, [strength])
    rows = labelled.features.tensor().double() - labelled.features.tensor().double().mean(dim=0)
    scale = logistic_room.ROW_NORM / rows.square().sum(dim=1).mean().sqrt()
    surplus = head.probabilities(labelled.features.tensor()).double() - labelled.one_hot()
    surplus *= labelled.row_weights()[:, None] / len(labelled)
    gradient_of_weight = surplus.T @ (rows * scale) + strength * head.weight / scale
    assert gradient_of_weight.abs().max() < 1e-4
    assert surplus.sum(dim=0).abs().max() < 1e-4


def mean_square_norm(labelled: LabelledRows) -> float:
    rows = labelled.features.tensor()
    return float((rows - rows.mean(dim=0)).square().sum(dim=1).mean())


def discriminate(labelled: LabelledRows, strength: float) -> Head:
    return DiscriminantAnalysis(labelled).head(strength)


def regress(labelled: LabelledRows, strength: float) -> Head:
    (head,) = logistic_room.fit_path(labelled, [strength])
    return head


@pytest.mark.parametrize("fit", [discriminate, regress])
def test_balanced_is_the_same_as_repeating_the_rows_of_small_classes(
    fit: Callable[[LabelledRows, float], Head],
) -> None:
    drawn = blobs([24, 6, 12], spread=2.0)
    more = repeated(drawn, [1, 4, 2])
    balanced = dataclasses.replace(drawn, balanced=True)
    # Logistic regression takes the unit of its penalty from the rows, however they are weighted.
    unit = mean_square_norm(drawn) / mean_square_norm(more) if fit is regress else 1
    head, wanted = fit(balanced, 0.1), fit(more, 0.1 * unit)
    assert torch.allclose(head.weight, wanted.weight, atol=2e-3)
    # What a mean of few rows is corrected by depends on how many there really are.
    if fit is regress:
        assert torch.allclose(head.bias, wanted.bias, atol=5e-3)


def test_balanced_weights_by_hand() -> None:
    # Six rows of three classes, one of which has none: 6 / (2 * 4) and 6 / (2 * 2).
    labelled = LabelledRows(
        RowSelection.of(torch.zeros(6, 1)), torch.tensor([0, 0, 0, 0, 2, 2]), 3, balanced=True
    )
    assert labelled.row_weights().tolist() == [0.75, 0.75, 0.75, 0.75, 1.5, 1.5]


@pytest.mark.parametrize("solver", SOLVERS)
def test_balanced_moves_the_border_towards_the_large_class(solver: Solver) -> None:
    # One feature that says little; 90 images at 0 and 10 at 1, each with noise of 1.
    generator = torch.Generator().manual_seed(3)
    targets = torch.tensor([0] * 90 + [1] * 10)
    rows = torch.randn(100, 1, generator=generator) + targets[:, None]
    answers = {
        balanced: fitted(
            solver,
            LabelledRows(RowSelection.of(rows), targets, 2, balanced=balanced),
            learning_rate=0.1,
        )
        .head.logits(rows)
        .argmax(dim=1)
        for balanced in (False, True)
    }
    assert answers[False].sum() <= 10
    assert answers[True].sum() >= 20


@pytest.mark.parametrize("solver", SOLVERS)
def test_classes_that_stand_apart_are_told_apart(solver: Solver) -> None:
    head = fitted(solver, blobs([30, 30, 30]), blobs([60, 60, 60], seed=1), learning_rate=0.1).head
    test = blobs([100, 100, 100], seed=2)
    assert summary(answers_of(head.logits(test.features.tensor()), test.targets))["accuracy"] > 0.9
    assert head.weight.dtype == head.bias.dtype == torch.float32
    assert (head.weight.shape, head.bias.shape) == ((3, 6), (3,))


@pytest.mark.parametrize("solver", SOLVERS)
def test_two_fits_are_the_same_bit_for_bit_on_any_number_of_threads(solver: Solver) -> None:
    train, validation = blobs([20, 30, 25], features=64), blobs([6, 6, 6], features=64, seed=1)
    before = torch.get_num_threads()
    try:
        heads = []
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            heads.append(fitted(solver, train, validation))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in heads[1:]:
        assert torch.equal(other.head.weight, heads[0].head.weight)
        assert torch.equal(other.head.bias, heads[0].head.bias)
        assert other.chosen.setting == heads[0].chosen.setting
        assert other.chosen.temperature == heads[0].chosen.temperature


def test_the_seed_decides_what_gradient_descent_draws_and_nothing_else_does() -> None:
    train = blobs([20, 20])
    state = torch.random.get_rng_state()
    first, second = (fitted("sgd", train, seed=seed).head.weight for seed in (1, 2))
    assert not torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("solver", CONVEX)
def test_the_order_of_the_rows_changes_no_decision(solver: Solver) -> None:
    train, test = blobs([20, 10, 15], spread=1.5), blobs([80, 80, 80], seed=5, spread=1.5)
    order = torch.randperm(45, generator=torch.Generator().manual_seed(2))
    heads = [fitted(solver, train.subset(rows)).head for rows in (torch.arange(45), order)]
    one, other = (head.logits(test.features.tensor()) for head in heads)
    assert torch.equal(one.argmax(dim=1), other.argmax(dim=1))
    assert torch.allclose(one, other, atol=0.01)


@pytest.mark.parametrize("counts", [[1, 1], [1, 2, 30], [2, 2], [1, 40], [1] * 5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_classes_of_one_or_two_images_work(solver: Solver, counts: list[int]) -> None:
    train = blobs(counts, features=12, spread=0.1)
    result = fitted(solver, train, learning_rate=0.1)
    scores = result.head.probabilities(train.features.tensor())
    assert torch.allclose(scores.sum(dim=1), torch.ones(len(train), dtype=torch.float64))
    if solver != "sgd":
        assert torch.equal(scores.argmax(dim=1), train.targets)


@pytest.mark.parametrize("solver", SOLVERS)
def test_images_that_are_all_alike_get_the_shares_of_the_classes(solver: Solver) -> None:
    targets = torch.tensor([0] * 30 + [1] * 10)
    rows = torch.full((40, 5), 0.25)
    scores = fitted(
        solver, LabelledRows(RowSelection.of(rows), targets, 2), learning_rate=0.5
    ).head.probabilities(rows)
    assert scores[0, 0] == pytest.approx(0.75, abs=0.06)


# A rate at which gradient descent goes astray on some steps.
ASTRAY = {"steps": 95, "eval_interval": 10, "learning_rate": 2.0}


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_the_setting_with_the_lowest_validation_cross_entropy_is_kept(solver: Solver) -> None:
    train, validation = blobs([20, 20, 20], spread=2.0), blobs([25, 25, 25], seed=9, spread=2.0)
    result = fitted(solver, train, validation, **ASTRAY)

    def loss(head: Head) -> float:
        logits = head.logits(validation.features.tensor())
        return float(functional.cross_entropy(logits, validation.targets))

    losses = {each.setting: loss(each.head) for each in result.tried}
    assert result.chosen.setting == min(losses, key=lambda setting: losses[setting])
    assert len(set(losses.values())) > 3
    (best,) = (each for each in result.tried if each.setting == result.chosen.setting)
    if solver == "sgd":
        assert list(losses) == [f"step {step}" for step in (*range(10, 100, 10), 95)]
        best = dataclasses.replace(best, head=best.head.sharpened(result.chosen.temperature))
    assert torch.equal(result.head.weight, best.head.weight)
    assert result.left_out is None


@pytest.mark.parametrize("counts", [[20, 20, 20], [9, 1, 30]])
def test_discriminant_analysis_chooses_by_what_heads_say_that_did_not_see_a_row(
    counts: list[int],
) -> None:
    train = blobs(counts, features=30, spread=2.0)
    result = fitted("lda", train)
    alone = counts.index(1) if 1 in counts else None
    known = [row for row, target in enumerate(train.targets.tolist()) if target != alone]
    assert result.left_out is not None
    assert result.left_out.tolist() == known
    losses = {each.setting: float(each.held_out.loss.mean()) for each in result.tried}
    assert len(losses) == len(STRENGTHS)
    assert result.chosen.setting == min(losses, key=lambda setting: losses[setting])
    # Another head, really fitted without a row, answers nearly the same: what the closed form
    # holds fixed moves a little.
    for row in known[::7]:
        others = torch.arange(len(train)) != row
        head = DiscriminantAnalysis(train.subset(others)).head(result.chosen.strength)
        head = head.sharpened(result.chosen.temperature)
        (expected,) = head.probabilities(train.features.tensor()[row : row + 1])
        place = known.index(row)
        own = float(expected[train.targets[row]])
        assert float((-result.held_out.loss[place]).exp()) == pytest.approx(own, abs=0.05)


def test_rows_of_a_group_do_not_vouch_for_each_other() -> None:
    # Each row is there twice; its class is drawn, so that there is nothing to be learnt.
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(30, 60, generator=generator).repeat(2, 1)
    targets = torch.randint(2, (30,), generator=generator).repeat(2)
    apart = LabelledRows(RowSelection.of(rows), targets, 2)
    together = dataclasses.replace(apart, groups=torch.arange(30).repeat(2))
    accuracies = [
        summary(fitted("lda", labelled).held_out)["accuracy"] for labelled in (apart, together)
    ]
    assert accuracies[0] > 0.9
    assert accuracies[1] < 0.7


def test_views_are_trained_on_and_heads_are_judged_by_the_originals_alone() -> None:
    plain = blobs([12, 9, 15], features=20)
    moved = RowSelection.of(torch.cat([plain.features.tensor(), plain.features.tensor() + 0.1]))
    labelled = LabelledRows(
        moved, plain.targets.repeat(2), 3, groups=torch.arange(36).repeat(2),
        is_original=torch.arange(72) < 36,
    )  # fmt: skip
    result = fitted("lda", labelled)
    assert result.left_out is not None
    assert torch.equal(result.left_out, torch.arange(36))
    assert len(result.chosen.train) == 36
    # With both of its rows gone, an image's answer is that of a head without it, or nearly.
    others = labelled.subset((torch.arange(72) % 36) != 5)
    head = DiscriminantAnalysis(others).head(result.chosen.strength)
    scores = head.sharpened(result.chosen.temperature).probabilities(moved.tensor()[5:6])[0]
    own = float((-result.held_out.loss[5]).exp())
    assert own == pytest.approx(float(scores[plain.targets[5]]), abs=0.03)
    for solver in ("lbfgs", "sgd"):
        assert len(fitted(solver, labelled, steps=10).chosen.train) == 36


def test_nothing_is_said_of_losses_where_nothing_can_be_left_out() -> None:
    labelled = dataclasses.replace(blobs([4, 3]), groups=torch.tensor([0, 0, 0, 0, 1, 1, 1]))
    rows = torch.cat([torch.zeros(7, ROW_SIZE - 6), labelled.features.tensor()], dim=1)
    wide = dataclasses.replace(labelled, features=RowSelection.of(rows))
    result = fit_head(TrainConfig(), wide, nothing(wide))
    assert (len(result.held_out), result.layer_losses) == (0, {})
    assert "there are no images to compare settings on" in history_table(result)[-1]
    assert result.head.weight.isfinite().all()


def test_more_rows_than_settings_are_chosen_by_are_sampled_by_group_and_all_left_out() -> None:
    many, rare = MOST_ROWS, 7
    generator = torch.Generator().manual_seed(0)
    targets = torch.tensor([0, 1] * (many // 2) + [0, 1] * 500 + [2] * rare)
    rows = torch.randn(len(targets), 5, generator=generator)
    rows[torch.arange(len(targets)), targets] += 2
    labelled = LabelledRows(RowSelection.of(rows), targets, 3)
    result = fitted("lda", labelled)
    # The first groups, and a few of each class.
    assert result.sample == many + 5
    assert result.left_out is not None
    assert torch.equal(result.left_out, torch.arange(len(targets)))
    whole = DiscriminantAnalysis(labelled)
    strength, temperature = result.chosen.strength, result.chosen.temperature
    expected = whole.head(strength).sharpened(temperature)
    assert torch.allclose(result.head.weight, expected.weight, rtol=1e-4)
    assert torch.allclose(result.head.bias, expected.bias, rtol=1e-4, atol=1e-4)
    _, answers, scores = whole.answers_left_out(strength, temperature)
    assert torch.equal(result.held_out.best, answers.best)
    assert torch.allclose(result.held_out.loss, answers.loss, rtol=1e-3, atol=1e-6)
    assert scores is not None and result.left_out_scores is not None
    assert torch.allclose(result.left_out_scores, scores, rtol=1e-3, atol=1e-6)


def test_one_step_of_gradient_descent_by_hand() -> None:
    # Every row is the same, so it does not matter which are drawn.
    row, rate = torch.tensor([1.0, 2.0]), 0.5
    labelled = LabelledRows(RowSelection.of(row.repeat(4, 1)), torch.zeros(4, dtype=torch.int64), 2)

    def after(steps: int, learning_rate: float) -> Head:
        heads: list[Head] = []
        gradient.fit(
            labelled, steps=steps, learning_rate=learning_rate, batch_size=3, eval_interval=1,
            seed=7, report=lambda _, head: heads.append(head),
        )  # fmt: skip
        return heads[-1]

    start, stepped = after(1, 0.0), after(1, rate)
    assert 0 < start.weight.abs().max() <= 0.002
    assert not start.bias.any()
    surplus = torch.softmax(start.weight @ row, dim=0) - torch.tensor([1.0, 0.0])
    assert torch.allclose(stepped.weight, start.weight - rate * surplus[:, None] * row, atol=1e-6)
    assert torch.allclose(stepped.bias, -rate * surplus, atol=1e-6)
