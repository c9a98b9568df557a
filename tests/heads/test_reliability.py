"""Bins of a reliability diagram, against scikit-learn's and by hand."""

import numpy
import pytest
import torch
from sklearn.calibration import calibration_curve

from torch_inception.heads.reliability import expected_calibration_error, reliability


def test_the_bins_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(500, generator=generator).double()
    is_right = torch.rand(500, generator=generator) < scores.square()
    bins = reliability(scores, is_right)
    right, mean_score = calibration_curve(is_right, scores, n_bins=10)
    numpy.testing.assert_allclose([each.score for each in bins], mean_score)
    numpy.testing.assert_allclose([each.right / each.answers for each in bins], right)
    shares = numpy.array([each.answers / 500 for each in bins])
    error = (shares * abs(right - mean_score)).sum()
    assert expected_calibration_error(bins) == pytest.approx(error)


def test_empty_bins_are_left_out_and_a_bin_has_its_upper_end() -> None:
    scores = torch.tensor([1.0, 0.5, 0.45, 0.0])
    bins = reliability(scores, torch.tensor([True, True, False, False]))
    assert [each.score for each in bins] == pytest.approx([0, 0.475, 1])
    assert [(each.right, each.answers) for each in bins] == [(0, 1), (1, 2), (1, 1)]
    # |0 - 0|, |1/2 - 0.475| and |1 - 1|, by a quarter, a half and a quarter of the answers.
    assert expected_calibration_error(bins) == pytest.approx(0.0125)
