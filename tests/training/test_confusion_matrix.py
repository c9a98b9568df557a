"""`confusion_matrix.csv`: what was taken for what, as scikit-learn counts it."""

import csv
from pathlib import Path

import pytest
from sklearn.metrics import confusion_matrix

from tests.training.runs import TrainCommand, table


@pytest.mark.parametrize(
    ("flags", "answers"),
    [
        (["--holdout", "0.5"], "predictions.csv"),
        (["--holdout", "0"], "held_out.csv"),
        (["--holdout", "0", "--solver", "lbfgs"], "held_out.csv"),
    ],
)
def test_it_counts_the_images_that_judge_the_run(
    flags: list[str], answers: str, train: TrainCommand, colours: Path, run: Path
) -> None:
    for number in range(0, 30, 2):
        (colours / "red" / f"red_{number:02d}.png").rename(colours / "blue" / f"red {number}.png")
    (colours / "green").rename(colours / 'a "green", b')
    assert train(*flags)[0] == 0
    with (run / "confusion_matrix.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    labels = ['a "green", b', "blue", "red"]
    assert header == ["label", *labels]
    assert [line[0] for line in lines] == labels
    rows = table(run / answers)
    expected = confusion_matrix(
        [row["label"] for row in rows], [row["prediction"] for row in rows], labels=labels
    )
    assert [list(map(int, line[1:])) for line in lines] == expected.tolist()
    assert len(rows) > expected.trace() > 0
