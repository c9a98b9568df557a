"""Sensitivity and specificity at a threshold, by hand."""

import pytest
import torch

from torch_inception.answers.shares import wilson_interval
from torch_inception.heads.operating_points import operating_points, threshold_curves

SCORES = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]])
TARGETS = torch.tensor([0, 0, 0, 1, 1])


def test_a_score_that_is_the_threshold_is_over_it() -> None:
    (point,) = operating_points({"a": 0.5}, ["a", "b"], SCORES, TARGETS).values()
    assert point["sensitivity"] == pytest.approx(2 / 3)
    assert point["sensitivity_interval_95"] == list(wilson_interval(2, 3))
    assert point["specificity"] == pytest.approx(1 / 2)
    assert (point["threshold"], point["positives"], point["negatives"]) == (0.5, 3, 2)


def test_without_images_of_the_class_there_is_no_sensitivity() -> None:
    points = operating_points({"b": 0.6}, ["a", "b"], SCORES[:3], TARGETS[:3])
    assert points["b"]["sensitivity"] is points["b"]["sensitivity_interval_95"] is None
    assert points["b"]["specificity"] == pytest.approx(2 / 3)


def test_curves_are_the_operating_points_of_every_threshold() -> None:
    curves = threshold_curves(SCORES[:, 0], TARGETS == 0)
    for threshold, sensitivity, specificity in zip(
        *(each.tolist() for each in curves), strict=True
    ):
        over = [score >= threshold for score in SCORES[:, 0].double().tolist()]
        assert sensitivity == pytest.approx(sum(over[:3]) / 3)
        assert specificity == pytest.approx(1 - sum(over[3:]) / 2)
    assert (float(curves.sensitivity[0]), float(curves.specificity[0])) == (1, 0)
    assert curves.specificity[-1] == 1
