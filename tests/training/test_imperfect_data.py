"""Training on data as people have it: bad files, small classes, odd names."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand, metrics_of, table
from torch_inception.classifier.classifier import Classifier
from torch_inception.errors import ConfigError
from torch_inception.training.train_classifier import train_classifier


def test_bad_files_are_skipped_listed_and_counted(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    (colours / "red" / "notes.txt").write_text("remember the milk")
    half = (colours / "blue" / "blue_01.png").read_bytes()[:60]
    (colours / "blue" / 'half, "cut".png').write_bytes(half)
    for flags, expected in ((), 0), (("--strict",), 1), (("--no-strict",), 0):
        status, out, err = train(*flags)
        assert status == expected
        assert "2 files skipped" in out
        assert "used: 90 of 92 files (blue 30 of 31, red 30 of 31)\n" in out
        assert "Final test accuracy" in out
        assert "notes.txt: not an image" in err
        assert ("error: 2 files were skipped, and --strict allows none." in err) is bool(expected)
        rows = table(run / "skipped.csv")
        assert [row["path"] for row in rows] == ['blue/half, "cut".png', "red/notes.txt"]
        assert all(row["reason"] for row in rows)
        assert metrics_of(run)["features"]["skipped"] == 2


def test_a_reason_that_many_files_have_is_told_once(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    for label, count in (("blue", 3), ("red", 3)):
        for number in range(count):
            Image.new("RGB", (9, 9), (number, 1, count)).save(colours / label / f"{number}.tif")
    (colours / "red" / "notes.txt").write_text("remember the milk")
    _, out, err = train("--page", "2")
    assert "7 files skipped" in out
    assert [line for line in err.splitlines() if line.startswith("skipped: ")] == [
        f"skipped: 6 files, the first of them {colours / 'blue' / '0.tif'}: page 2 is asked for, "
        "and the file has 1",
        f"skipped: {colours / 'red' / 'notes.txt'}: not an image but text",
    ]
    assert len(table(run / "skipped.csv")) == 7


def test_strict_is_content_when_nothing_was_skipped(train: TrainCommand) -> None:
    status, out, _ = train("--strict")
    assert (status, "used:" in out) == (0, False)


@pytest.mark.parametrize(("count", "warned"), [(1, True), (2, True), (3, True), (19, True)])
def test_a_small_class_is_warned_of_by_name_and_trained_all_the_same(
    count: int, warned: bool, train: TrainCommand, colours: Path, run: Path
) -> None:
    for path in sorted((colours / "green").iterdir())[count:]:
        path.unlink()
    status, _, err = train()
    assert status == 0
    assert ("'green'" in err) is warned
    assert "'red'" not in err
    counts = metrics_of(run)["counts"]["green"]
    if count < 3:
        assert counts == {"train": count, "test": 0}
        green = metrics_of(run)["test"]["per_class"]["green"]
        assert (green["recall"], green["n"]) == (None, 0)
    else:
        assert min(counts.values()) >= 1
    image = Image.new("RGB", (9, 9), (10, 230, 20))
    assert Classifier.load(run, engine=FakeEngine()).predict(image)[0].label == "green"


def test_a_class_of_20_is_not_warned_of(train: TrainCommand, colours: Path) -> None:
    for path in sorted((colours / "green").iterdir())[20:]:
        path.unlink()
    assert train()[2] == ""


def test_a_class_of_copies_is_said_to_have_one_image(train: TrainCommand, colours: Path) -> None:
    first, *others = sorted((colours / "green").iterdir())
    for path in others:
        shutil.copy(first, path)
    _, _, err = train()
    assert (
        "the class 'green' has 30 images that count as 1, since those that belong together" in err
    )
    assert "it needs 3 to be tested, so it is trained on only.\n" in err


def test_class_names_in_any_script_and_bytes_survive(colours: Path, run: Path) -> None:
    for old, new in (("red", "C++"), ("green", "зелёный цвет"), ("blue", "caf\udce9")):
        (colours / old).rename(colours / new)
    result = train_classifier(colours, output=run, engine=FakeEngine())
    labels = sorted(["C++", "зелёный цвет", "caf\udce9"])
    assert result.classifier.labels == Classifier.load(run, engine=FakeEngine()).labels == labels
    assert list(metrics_of(run)["counts"]) == labels
    assert (run / "labels.txt").read_bytes().count(b"\n") == 3


def test_learning_that_diverges_is_told_and_not_saved(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="learning_rate = 1e[+]300 is too large"):
        train_classifier(
            colours, output=tmp_path / "run", solver="sgd", learning_rate=1e300, engine=FakeEngine()
        )
    assert not (tmp_path / "run").exists()


def test_skipped_files_are_pairs_of_path_and_reason(colours: Path, tmp_path: Path) -> None:
    notes = colours / "red" / "notes.txt"
    notes.write_text("remember the milk")
    result = train_classifier(colours, output=tmp_path / "run", engine=FakeEngine())
    [(path, reason)] = result.skipped
    assert (path, reason) == (notes, "not an image but text")
