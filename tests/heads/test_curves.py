"""ROC and precision-recall curves, against scikit-learn's."""

import numpy
import pytest
import torch
from sklearn import metrics

from torch_inception.heads.curves import precision_recall_curve, roc_curve


def drawn(seed: int, *, digits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw scores, of which many are the same if they have few digits."""
    generator = torch.Generator().manual_seed(seed)
    is_positive = torch.rand(200, generator=generator) < 0.3
    scores = torch.rand(200, generator=generator) + 0.4 * is_positive
    return scores.double().round(decimals=digits), is_positive


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_a_roc_curve_is_scikit_learns(digits: int) -> None:
    scores, is_positive = drawn(digits, digits=digits)
    curve = roc_curve(scores, is_positive)
    false, true, _ = metrics.roc_curve(is_positive, scores, drop_intermediate=False)
    numpy.testing.assert_allclose(curve.x, false, atol=1e-12)
    numpy.testing.assert_allclose(curve.y, true, atol=1e-12)
    assert curve.area == pytest.approx(metrics.roc_auc_score(is_positive, scores))


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_a_precision_recall_curve_is_scikit_learns(digits: int) -> None:
    scores, is_positive = drawn(digits, digits=digits)
    curve = precision_recall_curve(scores, is_positive)
    precision, recall, _ = metrics.precision_recall_curve(is_positive, scores)
    numpy.testing.assert_allclose(curve.x, recall[::-1], atol=1e-12)
    numpy.testing.assert_allclose(curve.y, precision[::-1], atol=1e-12)
    assert curve.area == pytest.approx(metrics.average_precision_score(is_positive, scores))


def test_two_positives_and_a_negative_by_hand() -> None:
    scores, is_positive = torch.tensor([0.9, 0.5, 0.7]), torch.tensor([True, True, False])
    curve = roc_curve(scores, is_positive)
    assert (curve.x.tolist(), curve.y.tolist()) == ([0, 0, 1, 1], [0, 0.5, 0.5, 1])
    assert curve.area == 0.5  # one of the two pairs is in order
    curve = precision_recall_curve(scores, is_positive)
    assert curve.x.tolist() == [0, 0.5, 0.5, 1]
    assert curve.y.tolist() == pytest.approx([1, 1, 0.5, 2 / 3])
    assert curve.area == pytest.approx(1 / 2 + 2 / 3 / 2)
