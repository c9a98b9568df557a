"""The same bytes under two labels."""

import shutil
from pathlib import Path

import pytest

from tests.training.runs import TrainCommand, metrics_of, table


@pytest.fixture
def conflicts(colours: Path) -> Path:
    """Put an image of red into green too, and one of blue twice into blue."""
    shutil.copy(colours / "red" / "red_05.png", colours / "green" / "copy.png")
    shutil.copy(colours / "blue" / "blue_05.png", colours / "blue" / "copy.png")
    return colours


def test_an_image_in_two_classes_is_named_and_used_for_none(
    train: TrainCommand, conflicts: Path, run: Path
) -> None:
    status, out, err = train()
    assert status == 0
    assert "used: 90 of 92 files (green 30 of 31, red 29 of 30)\n" in out
    told = "the same image in several classes is not used: 1 image in 2 files. Keep each in one"
    assert f"WARNING: {told}" in err
    reason = "the same image is in the classes 'green', 'red'"
    for path in (conflicts / "green" / "copy.png", conflicts / "red" / "red_05.png"):
        assert f"  {path}: {reason}" in err
    assert [tuple(row.values()) for row in table(run / "skipped.csv")] == [
        ("green/copy.png", reason), ("red/red_05.png", reason),
    ]  # fmt: skip
    paths = {row["path"] for row in table(run / "splits.csv")}
    assert not paths & {"green/copy.png", "red/red_05.png"}
    assert {"blue/copy.png", "blue/blue_05.png"} <= paths
    counts = {label: sum(parts.values()) for label, parts in metrics_of(run)["counts"].items()}
    assert counts == {"blue": 31, "green": 30, "red": 29}


def test_conflicts_are_kept_on_request(train: TrainCommand, conflicts: Path, run: Path) -> None:
    status, _, err = train("--keep-conflicts", "--strict")
    assert (status, "several classes" in err) == (0, False)
    assert {"green/copy.png", "red/red_05.png"} <= {
        row["path"] for row in table(run / "splits.csv")
    }


def test_conflicts_count_as_skipped(train: TrainCommand, conflicts: Path) -> None:
    status, _, err = train("--strict")
    assert status == 1
    assert err.splitlines()[-1] == "error: 2 files were skipped, and --strict allows none."


def test_many_conflicts_are_listed_in_a_file(train: TrainCommand, colours: Path, run: Path) -> None:
    for number in range(6):
        shutil.copy(colours / "red" / f"red_0{number}.png", colours / "green" / f"c{number}.png")
    _, _, err = train()
    assert "is not used: 6 images in 12 files." in err
    assert err.count("the same image is in") == 10
    assert "  and 2 more files; all are in skipped.csv" in err
    assert len(table(run / "skipped.csv")) == 12
