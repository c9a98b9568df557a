"""Measures of several labels per image, beside scikit-learn."""

import numpy
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from torch_inception.heads.marked_rows import UNKNOWN
from torch_inception.heads.several_metrics import average_precision, several_report

LABELS = ["a", "b", "c"]


def test_measures_are_those_of_scikit_learn() -> None:
    random = numpy.random.default_rng(0)
    scores = random.random((200, 3)).round(2)  # some are equal
    present = random.random((200, 3)) < scores * [1.0, 0.7, 0.3]
    thresholds = torch.tensor([0.4, 0.5, 0.6], dtype=torch.float64)
    found = several_report(
        torch.tensor(scores), torch.tensor(present, dtype=torch.int8), thresholds, LABELS
    )
    named = scores >= thresholds.numpy()
    expected = {
        "mean_average_precision": sklearn_metrics.average_precision_score(present, scores),
        "micro_f1": sklearn_metrics.f1_score(present, named, average="micro"),
        "macro_f1": sklearn_metrics.f1_score(present, named, average="macro"),
        "exact_match": sklearn_metrics.accuracy_score(present, named),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    f1, precision, recall = (
        score(present, named, average=None)
        for score in (
            sklearn_metrics.f1_score,
            sklearn_metrics.precision_score,
            sklearn_metrics.recall_score,
        )
    )
    for number, label in enumerate(LABELS):
        of_class = found["per_class"][label]
        assert of_class["f1"] == pytest.approx(f1[number])
        assert of_class["precision"] == pytest.approx(precision[number])
        assert of_class["recall"] == pytest.approx(recall[number])
        assert of_class["n"] == present[:, number].sum()


def test_what_is_unknown_is_not_judged() -> None:
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.9], [0.2, 0.3]])
    marks = torch.tensor([[1, UNKNOWN], [0, 1], [UNKNOWN, UNKNOWN]], dtype=torch.int8)
    thresholds = torch.tensor([0.5, 0.5], dtype=torch.float64)
    found = several_report(scores, marks, thresholds, LABELS[:2])
    assert found["n"] == 3
    assert (found["exact_match"], found["exact_match_n"]) == (0.5, 2)
    assert found["per_class"]["a"]["known"] == 2
    assert found["per_class"]["a"]["precision"] == 0.5
    assert found["per_class"]["b"]["average_precision"] == 1.0


def test_without_images_there_is_nothing_to_tell() -> None:
    found = several_report(
        torch.empty(0, 2), torch.empty(0, 2, dtype=torch.int8), torch.ones(2).double(), LABELS[:2]
    )
    assert found["mean_average_precision"] is None
    assert found["exact_match"] is None
    assert average_precision(torch.tensor([0.5]), torch.tensor([False])) is None
