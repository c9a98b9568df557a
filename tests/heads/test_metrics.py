"""Numbers that a run reports, against ones worked out by hand."""

import dataclasses
import math
from typing import Any

import pytest
import torch

from torch_inception.answers.shares import percent, wilson_interval
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.head import Head
from torch_inception.heads.metrics import (
    Answers,
    answers_of,
    confusion_matrix,
    full_report,
    per_class,
    summary,
)
from torch_inception.heads.solvers.selection import Tried
from torch_inception.training.evaluation import (
    HISTORY_HEADER,
    ImageAnswer,
    history,
)
from torch_inception.training.report_lines import final_report, history_table


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
    result = summary(answers_of(logits, torch.tensor([0, 0, 1])))
    surprise = (math.log(4 / 3) + math.log(2) + math.log(4)) / 3
    assert result == {
        "accuracy": pytest.approx(2 / 3),
        "cross_entropy": pytest.approx(surprise, rel=1e-6),
        "n": 3,
    }


def test_summary_of_nothing_says_so() -> None:
    assert summary(answers_of(torch.empty(0, 2), torch.empty(0, dtype=torch.int64))) == {
        "accuracy": None,
        "cross_entropy": None,
        "n": 0,
    }


def test_confusion_has_the_true_class_in_rows_and_the_answer_in_columns() -> None:
    targets = torch.tensor([0, 0, 0, 1, 2, 2])
    predicted = torch.tensor([0, 0, 2, 0, 2, 2])
    assert confusion_matrix(predicted, targets, classes=4) == [
        [2, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 2, 0],
        [0, 0, 0, 0],
    ]


def test_precision_recall_and_f1_of_each_class() -> None:
    confusion = [[2, 0, 1, 0], [1, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    found = per_class(confusion, ["a", "b", "c", "d"])
    two_of_three = list(wilson_interval(2, 3))

    def f1_interval(right: int, union: int) -> list[float]:
        low, high = wilson_interval(right, union)  # of 2/4, 0/1 and 2/3 in the union
        return [2 * low / (1 + low), 2 * high / (1 + high)]

    assert found == {
        "a": {
            "precision": pytest.approx(2 / 3), "precision_interval_95": two_of_three,
            "recall": pytest.approx(2 / 3), "recall_interval_95": two_of_three,
            "f1": pytest.approx(4 / 6), "f1_interval_95": f1_interval(2, 4), "n": 3,
        },
        "b": {
            "precision": None, "precision_interval_95": None,
            "recall": 0.0, "recall_interval_95": list(wilson_interval(0, 1)),
            "f1": 0.0, "f1_interval_95": f1_interval(0, 1), "n": 1,
        },
        "c": {
            "precision": pytest.approx(2 / 3), "precision_interval_95": two_of_three,
            "recall": 1.0, "recall_interval_95": list(wilson_interval(2, 2)),
            "f1": pytest.approx(4 / 5), "f1_interval_95": f1_interval(2, 3), "n": 2,
        },
        "d": {
            "precision": None, "precision_interval_95": None,
            "recall": None, "recall_interval_95": None,
            "f1": None, "f1_interval_95": None, "n": 0,
        },
    }  # fmt: skip


def answered(targets: list[int], best: list[int], loss: float = 0.25) -> Answers:
    """Make answers, all with one score and one loss."""
    count = len(targets)
    return Answers(
        torch.tensor(targets, dtype=torch.int64), torch.tensor(best, dtype=torch.int64),
        torch.full((count,), 0.5).double(), torch.full((count,), loss).double(),
    )  # fmt: skip


def test_the_full_report_agrees_with_itself() -> None:
    result = full_report(answered([0, 1, 1, 1], [0, 1, 0, 1]), ["a", "b", "c"])
    assert (result["accuracy"], result["cross_entropy"], result["n"]) == (0.75, 0.25, 4)
    assert result["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert result["wilson_interval_95"] == pytest.approx(wilson_interval(3, 4))
    # Recall 1 and 2/3; F1 2/3 and 4/5. The class without images does not count.
    assert result["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert result["per_class"]["b"]["precision"] == 1.0


def test_a_part_without_images_has_no_numbers() -> None:
    result = full_report(answered([], []), ["a", "b"])
    names = ("n", "accuracy", "wilson_interval_95", "balanced_accuracy", "macro_f1")
    assert [result[name] for name in names] == [0, None, None, None, None]
    assert result["confusion"] == [[0, 0], [0, 0]]
    lines = final_report({"test": {**result, "groups": 0}, "validation": accuracy(0.75, 4)}, [])
    assert lines[0].startswith("Validation accuracy = 75.0% (N=4)")


def test_answers_have_the_best_class_its_score_and_the_loss_of_the_own_class() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))
    found = answers_of(logits, torch.tensor([1, 0]))
    assert found.best.tolist() == [2, 0]
    assert found.score.tolist() == pytest.approx([0.5, 0.6])
    assert found.loss.tolist() == pytest.approx([-math.log(0.3), -math.log(0.6)])
    assert Answers.join([found.subset(torch.tensor([1])), found]).best.tolist() == [0, 2, 0]


def accuracy(share: float, count: int, **others: object) -> dict[str, Any]:
    return {
        "accuracy": share, "n": count, "groups": count, "per_class": {}, **others,
        "wilson_interval_95": wilson_interval(round(share * count), count) if count else None,
    }  # fmt: skip


MISTAKES = [
    ImageAnswer("plus/1.png", "plus", "circle", 0.7, 0.2),
    ImageAnswer("circle/a\x1b.png", "circle", "plus", 0.6, 0.4),
]
LISTED = [
    "Misclassified test images:",
    "  plus/1.png        plus, taken for circle",
    "  circle/a\\x1b.png  circle, taken for plus",
]


def test_the_last_lines_are_the_accuracy_with_its_interval_and_the_mistakes() -> None:
    metrics: dict[str, Any] = {"test": accuracy(28 / 30, 30)}
    first = "Final test accuracy = 93.3% (N=30), 95% interval 78.7% to 98.2% (Wilson)"
    assert final_report(metrics, MISTAKES) == [first, *LISTED]
    lines = final_report(metrics, MISTAKES * 7)
    assert (lines[:4], len(lines)) == ([first, *LISTED], 2 + 10 + 1)
    assert lines[-1] == "  and 4 more; all are in predictions.csv"


def test_few_test_images_leave_the_first_word_to_leave_one_out() -> None:
    left_out = {**accuracy(0.9, 300), "excluded": 0}
    tested = "Final test accuracy = 90.0% (N=50), 95% interval 78.6% to 95.7% (Wilson)"
    line = "Leave-one-out accuracy = 90.0% (N=300), 95% interval 86.1% to 92.9% (Wilson)"
    what = "  of training images, each named by a head that was fitted without it; see held_out.csv"
    many = {"test": accuracy(0.9, 50), "leave_one_out": left_out}
    assert final_report(many, []) == [tested, line, what]
    few = {"test": accuracy(1.0, 2), "leave_one_out": left_out}
    assert final_report(few, []) == [
        line, what, "  with a test part under 50 images, this says more than the next line",
        "Final test accuracy = 100.0% (N=2), 95% interval 34.2% to 100.0% (Wilson)",
    ]  # fmt: skip
    none = {"test": accuracy(1.0, 0), "leave_one_out": {**left_out, "excluded": 7}}
    assert final_report(none, []) == [line, what, "  7 could not be left out"]
    empty = {"test": accuracy(1.0, 0), "leave_one_out": {**accuracy(0, 0), "excluded": 2}}
    assert final_report(empty, [])[0].startswith("Leave-one-out accuracy = n/a: no image can be")


def test_what_an_accuracy_does_not_tell_is_told_below_it() -> None:
    classes = {"a": {"n": 9}, "b\x1b": {"n": 0}, "c": {"n": 0}}
    metrics = {"test": accuracy(1.0, 9, per_class=classes, groups=8)}
    assert final_report(metrics, [])[1:] == [
        "  it says nothing of b\\x1b, c: no image of it is among these"
    ]
    metrics = {"test": accuracy(1.0, 9, groups=7)}
    assert final_report(metrics, [])[1:] == [
        "  these are only 7 groups of images that belong together: the interval is too narrow"
    ]


def head() -> Head:
    return Head(torch.eye(2), torch.zeros(2))


def tried(setting: str, train: Answers, held_out: Answers) -> Tried:
    return Tried(setting, head(), 1.0, train, held_out)


def test_history_has_both_parts_and_says_when_one_is_empty() -> None:
    step = tried("step 10", answered([0, 0], [0, 1]), answered([], []))
    fitted = FittedHead(head(), step, [step], "validation", {}, step.held_out)
    assert history(fitted) == [("step 10", 0.5, 0.25, None, None)]
    assert len(HISTORY_HEADER) == 5
    table = history_table(fitted)
    assert table[2] == "*       10     50.0%    0.2500       n/a       n/a"
    assert "there are no images to compare settings on" in table[-1]


def test_the_table_marks_what_was_chosen_and_says_why() -> None:
    train = answered([0, 0], [0, 1])
    strong = tried("strength 0.5", train, answered([0, 1], [0, 0], 0.75))
    weak = tried("strength 0.01", train, answered([0, 1], [0, 1], 0.5))
    fitted = FittedHead(
        head(), weak, [strong, weak], "leave-one-out", {"last": 0.5, "all": 0.625},
        weak.held_out, torch.arange(2),
    )  # fmt: skip
    table = [
        "                  train              left out",
        "  strength  accuracy  log loss  accuracy  log loss",
        "       0.5     50.0%    0.2500     50.0%    0.7500",
        "*     0.01     50.0%    0.2500    100.0%    0.5000",
    ]
    why = "* chosen: strength 0.01, the lowest log loss of training images, each left out in turn"
    layers = (
        "* layers: the last; log loss of training images, left out in turn by discriminant "
        "analysis: 0.5000 with the last layer, 0.6250 with three"
    )
    assert history_table(fitted) == [*table, why, layers]
    sampled = dataclasses.replace(fitted, sample=2, layer_losses={})
    assert history_table(sampled) == [*table, why.replace("of tr", "of 2 tr")]


def test_a_share_is_written_with_one_decimal() -> None:
    assert percent(1.0) == "100.0%"
    assert percent(0.0) == "0.0%"
    assert percent(28 / 30) == "93.3%"
