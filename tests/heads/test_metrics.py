"""Numbers that a run reports, against ones worked out by hand."""

import math
from typing import Any

import pytest
import torch

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.metrics import confusion_matrix, per_class, summary, wilson_interval
from torch_inception.training.evaluation import History, evaluate_test, final_report, percent


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # z = 1.96, z2 = 3.8415; 28/30: middle (0.93333 + z2/60) / (1 + z2/30) = 0.88414,
        # half z * sqrt(0.062222/30 + z2/3600) / (1 + z2/30) = 0.09738.
        (28, 30, 0.78677, 0.98152),
        # None or all right: the far end is z2 / (n + z2) away from the near one.
        (0, 30, 0.0, 0.11351),
        (30, 30, 0.88649, 1.0),
        (1, 1, 0.20655, 1.0),
        (5, 10, 0.23659, 0.76341),
    ],
)
def test_wilson_interval_is_the_formulas(right: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(right, count) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(("right", "count"), [(3, 10), (28, 30), (190, 200), (1, 7)])
def test_wilson_bounds_are_shares_that_lie_1_96_deviations_from_what_was_seen(
    right: int, count: int
) -> None:
    for bound in wilson_interval(right, count):
        deviation = math.sqrt(bound * (1 - bound) / count)
        assert abs(right / count - bound) == pytest.approx(1.959964 * deviation, rel=1e-6)


def test_summary_counts_right_answers_and_means_the_surprise() -> None:
    # exp(logit): 3 to 1 for the true class, 1 to 1, and 1 to 3.
    logits = torch.log(torch.tensor([[3.0, 1.0], [1.0, 1.0], [3.0, 1.0]]))
    result = summary(logits, torch.tensor([0, 0, 1]))
    surprise = (math.log(4 / 3) + math.log(2) + math.log(4)) / 3
    assert result == {
        "accuracy": pytest.approx(2 / 3),
        "cross_entropy": pytest.approx(surprise, rel=1e-6),
        "n": 3,
    }


def test_summary_of_nothing_says_so() -> None:
    nothing = summary(torch.empty(0, 2), torch.empty(0, dtype=torch.int64))
    assert nothing == {"accuracy": None, "cross_entropy": None, "n": 0}


def test_confusion_has_the_true_class_in_rows_and_the_answer_in_columns() -> None:
    targets = torch.tensor([0, 0, 0, 1, 2, 2])
    predicted = torch.tensor([0, 0, 2, 0, 2, 2])
    assert confusion_matrix(predicted, targets, classes=4) == [
        [2, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 2, 0],
        [0, 0, 0, 0],
    ]


def test_precision_and_recall_of_each_class() -> None:
    confusion = [[2, 0, 1, 0], [1, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert per_class(confusion, ["a", "b", "c", "d"]) == {
        "a": {"precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3), "n": 3},
        "b": {"precision": None, "recall": 0.0, "n": 1},
        "c": {"precision": pytest.approx(2 / 3), "recall": 1.0, "n": 2},
        "d": {"precision": None, "recall": None, "n": 0},
    }


def first_of_two() -> Head:
    """Make a head that answers with the larger of the first two features."""
    return Head(torch.eye(2), torch.zeros(2))


def labelled_rows(rows: list[list[float]], targets: list[int]) -> LabelledRows:
    return LabelledRows(
        RowSelection.of(torch.tensor(rows).view(-1, 2)), torch.tensor(targets, dtype=torch.int64), 2
    )


def test_the_test_report_agrees_with_itself() -> None:
    test = labelled_rows([[2.0, 1.0], [0.0, 3.0], [5.0, 0.0], [0.0, 1.0]], [0, 1, 1, 1])
    result = evaluate_test(first_of_two(), test, ["a", "b"])
    assert result["accuracy"] == 0.75
    assert result["confusion"] == [[1, 0], [1, 2]]
    assert result["wilson_interval_95"] == pytest.approx(wilson_interval(3, 4))
    assert result["per_class"]["b"] == {"precision": 1.0, "recall": pytest.approx(2 / 3), "n": 3}


def test_a_test_part_without_images_has_no_numbers() -> None:
    result = evaluate_test(first_of_two(), labelled_rows([], []), ["a", "b"])
    assert (result["n"], result["accuracy"], result["wilson_interval_95"]) == (0, None, None)
    assert result["confusion"] == [[0, 0], [0, 0]]
    assert final_report({"test": result}, []) == ["Final test accuracy = n/a (N=0)"]


def test_the_last_lines_are_the_accuracy_with_its_interval_and_the_mistakes() -> None:
    metrics: dict[str, Any] = {
        "test": {"accuracy": 28 / 30, "n": 30, "wilson_interval_95": wilson_interval(28, 30)}
    }
    wrong = [("plus/1.png", "plus", "circle"), ("circle/a\x1b.png", "circle", "plus")]
    first = [
        "Final test accuracy = 93.3% (N=30), 95% interval 78.7% to 98.2% (Wilson)",
        "Misclassified test images:",
        "  plus/1.png        plus, taken for circle",
        "  circle/a\\x1b.png  circle, taken for plus",
    ]
    assert final_report(metrics, wrong) == first
    lines = final_report(metrics, wrong * 7)
    assert (lines[:4], len(lines)) == (first, 2 + 10 + 1)
    assert lines[-1] == "  and 4 more; all are in predictions.csv"


def test_history_has_both_parts_and_says_when_one_is_empty() -> None:
    history = History(labelled_rows([[1.0, 0.0], [1.0, 0.0]], [0, 1]), labelled_rows([], []))
    history.add([("step 10", first_of_two())])
    # Logits (1, 0): log(1 + 1/e) for class 0, one more for class 1.
    loss = math.log(1 + math.exp(-1)) + 0.5
    (row,) = history.rows
    assert row[:2] == ("step 10", 0.5)
    assert row[2] == pytest.approx(loss)
    assert row[3:] == (None, None)
    assert len(History.HEADER) == len(row)


def test_the_table_marks_what_was_chosen_and_says_why() -> None:
    history = History(labelled_rows([[1.0, 0.0], [1.0, 0.0]], [0, 1]), labelled_rows([], []))
    history.add([("strength 0.5", first_of_two()), ("strength 0.01", first_of_two())])
    losses = {"strength 0.5": 0.7, "strength 0.01": 0.25}
    by_folds = FittedHead(first_of_two(), "strength 0.01", 1.0, chosen_by="folds", losses=losses)
    assert history.table(by_folds) == [
        "                  train             validation      left out",
        "  strength  accuracy  log loss  accuracy  log loss  log loss",
        "       0.5     50.0%    0.8133       n/a       n/a    0.7000",
        "*     0.01     50.0%    0.8133       n/a       n/a    0.2500",
        "* chosen: strength 0.01, the lowest log loss on training and validation images left out "
        "in turn, in five folds",
    ]
    alone = FittedHead(first_of_two(), "strength 0.5", 1.0)
    assert history.table(alone)[2:4] == [
        "*      0.5     50.0%    0.8133       n/a       n/a",
        "      0.01     50.0%    0.8133       n/a       n/a",
    ]
    assert "there are no images to compare settings on" in history.table(alone)[-1]


def test_a_share_is_written_with_one_decimal() -> None:
    assert percent(1.0) == "100.0%"
    assert percent(0.0) == "0.0%"
    assert percent(28 / 30) == "93.3%"
