"""`scores.csv`: every image, its part, and the probability of every class."""

from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from tests.training.runs import table
from torch_inception.heads import metrics
from torch_inception.training.train_classifier import train_classifier

CLASSES = ("blue", "green", "red")


def test_every_image_has_the_scores_of_a_head_that_did_not_see_it(colours: Path, run: Path) -> None:
    train_classifier(colours, output=run, engine=FakeEngine(), views=2)
    rows = table(run / "scores.csv")
    assert list(rows[0]) == [
        "path",
        "label",
        "split",
        "seen",
        "distance",
        *(f"score:{c}" for c in CLASSES),
    ]
    splits = {row["path"]: (row["label"], row["split"]) for row in table(run / "splits.csv")}
    assert {row["path"]: (row["label"], row["split"]) for row in rows} == splits
    assert {row["seen"] for row in rows} == {"false"}
    # What the other tables say of the best class and of the image's own.
    answers = [*table(run / "predictions.csv"), *table(run / "held_out.csv")]
    assert len(answers) == len(rows)
    by_path = {row["path"]: row for row in rows}
    for answer in answers:
        scores = {label: float(by_path[answer["path"]][f"score:{label}"]) for label in CLASSES}
        assert sum(scores.values()) == pytest.approx(1, abs=1e-5)
        assert max(scores, key=lambda label: scores[label]) == answer["prediction"]
        assert scores[answer["prediction"]] == pytest.approx(float(answer["score"]), rel=1e-4)
        assert scores[answer["label"]] == pytest.approx(float(answer["label_score"]), rel=1e-4)


def test_solvers_that_leave_nothing_out_have_seen_their_training_images(
    colours: Path, run: Path
) -> None:
    train_classifier(colours, output=run, engine=FakeEngine(), solver="lbfgs")
    rows = table(run / "scores.csv")
    assert len(rows) == 90
    assert {(row["split"], row["seen"]) for row in rows} == {
        ("train", "true"), ("validation", "false"), ("test", "false"),
    }  # fmt: skip


def test_an_image_that_could_not_be_left_out_was_seen(colours: Path, run: Path) -> None:
    for path in sorted((colours / "green").iterdir())[1:]:
        path.unlink()
    train_classifier(colours, output=run, engine=FakeEngine())
    seen = [row["path"] for row in table(run / "scores.csv") if row["seen"] == "true"]
    assert seen == ["green/green_00.png"]


def test_too_many_scores_are_not_written(
    colours: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_SCORES", 3 * 90 - 1)
    train_classifier(colours, output=run, engine=FakeEngine())
    assert (run / "scores.csv").read_text(encoding="utf-8").count("\n") == 1
