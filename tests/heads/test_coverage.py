"""Sets of labels, against ranks counted by hand."""

import math

import pytest
import torch

from torch_inception.answers.prediction import label_set
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.metrics import Answers


def answers(true_scores: list[float]) -> Answers:
    """Make answers that give the true class these probabilities."""
    loss = -torch.tensor(true_scores, dtype=torch.float64).log()
    places = torch.zeros(len(true_scores), dtype=torch.int64)
    return Answers(places, places, loss.neg().exp(), loss)


@pytest.mark.parametrize(
    ("count", "ranks"),
    [
        # ceil((n + 1) c): 18 and 19 of 19; 17 and 18 of 18; 10 x 0.9 = 9 of 9, and none at 0.95.
        (19, {0.9: 18, 0.95: 19}),
        (18, {0.9: 18, 0.95: None}),
        (9, {0.9: 9, 0.95: None}),
        (8, {0.9: None, 0.95: None}),
        (0, {0.9: None, 0.95: None}),
    ],
)
def test_a_threshold_is_the_true_score_of_that_rank(
    count: int, ranks: dict[float, int | None]
) -> None:
    scores = [1 - number / 100 for number in range(1, count + 1)]
    shuffled = scores[::2] + scores[1::2]
    expected = {
        coverage: 0.0 if rank is None else pytest.approx(1 - rank / 100)
        for coverage, rank in ranks.items()
    }
    assert coverage_thresholds(answers(shuffled)) == expected


def test_about_the_promised_share_of_sets_hold_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(4000, generator=generator).tolist()
    found = coverage_thresholds(answers(drawn[:2000]))
    for coverage, threshold in found.items():
        held = sum(score >= threshold for score in drawn[2000:]) / 2000
        # Three standard deviations of a share of 2,000, twice.
        assert abs(held - coverage) < 3 * math.sqrt(2 * coverage * (1 - coverage) / 2000)


def test_a_set_has_the_labels_over_the_threshold_and_always_the_best() -> None:
    scores = {"cat": 0.5, "dog": 0.3, "owl": 0.2}
    assert label_set(scores, 0.3) == ["cat", "dog"]
    assert label_set(scores, 0.0) == ["cat", "dog", "owl"]
    assert label_set(scores, 0.9) == ["cat"]
