"""Runs into a folder that has results already: what is told, kept and refused."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from tests.openings import openings
from tests.training.runs import TrainCommand, metrics_of
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.training.earlier_run import EarlierImage, EarlierRun, read_earlier_run
from torch_inception.training.earlier_split import NO_SPLIT
from torch_inception.training.train_classifier import train_classifier


def changes(output: str) -> list[str]:
    """Return the lines that tell what has changed."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Compared with")]
    if not starts:
        return []
    rest = lines[starts[0] + 1 :]
    return [line.strip() for line in rest if line.startswith("  ") and "torch-inc" not in line]


def test_what_changed_is_told_and_recorded(train: TrainCommand, colours: Path, run: Path) -> None:
    assert changes(train()[1]) == []
    assert metrics_of(run)["changes"] is None
    first = (run / "model.pt").read_bytes()
    (colours / "green").rename(colours / "leaf")
    shutil.move(colours / "red" / "red_03.png", colours.parent)
    for number in range(25):
        path = colours / "grey" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (50, 20 + number), (100 + number,) * 3).save(path)
    tested = metrics_of(run)["test"]["n"]
    status, out, _ = train()
    assert status == 0
    told = changes(out)
    assert told[:2] == [
        "images: 25 new, 1 gone, 89 as before",
        "classes: new grey; renamed green is now leaf",
    ]
    assert "The model before this one is kept as model.previous.pt." in out
    assert (run / "model.previous.pt").read_bytes() == first
    assert Classifier.load(run / "model.previous.pt", engine=FakeEngine()).labels == [
        *("blue", "green", "red")
    ]
    recorded = metrics_of(run)["changes"]
    assert recorded["renamed_classes"] == {"green": "leaf"}
    assert (recorded["new_images"], recorded["gone_images"]) == (25, 1)
    assert recorded["settings"] == {}
    assert tested - 1 <= recorded["tested"] <= tested
    # The old name counts as right for what has the new one now.
    assert recorded["right_before"] == recorded["tested"]


def test_the_same_run_again_keeps_the_model_before_both(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    first = (run / "model.pt").read_bytes()
    train("--holdout", "0.3")
    assert (run / "model.previous.pt").read_bytes() == first
    _, out, _ = train("--holdout", "0.3")
    assert "model.previous" not in out
    assert (run / "model.previous.pt").read_bytes() == first
    assert changes(out)[0] == "images: 0 new, 0 gone, 90 as before"


@pytest.mark.parametrize("file", ["model.pt", "splits.csv"])
def test_what_the_run_before_left_is_read_once(file: str, colours: Path, run: Path) -> None:
    settings: dict[str, Any] = {"intensity": "dataset", "engine": FakeEngine()}
    train_classifier(colours, output=run, **settings)
    with openings(str(run / file)) as opened, openings(str(run / "history.csv")) as written:
        train_classifier(colours, output=run, **settings)
    # Files are opened when they are put into their place, too.
    assert len(opened) == 1 + len(written)


def test_both_models_are_compared_on_what_both_tested(colours: Path, run: Path) -> None:
    train_classifier(colours, output=run, engine=FakeEngine())
    earlier = read_earlier_run(run)
    assert earlier.images
    table = (run / "predictions.csv").read_text(encoding="utf-8").splitlines()
    # As if the model before had taken every image for a red one.
    (run / "predictions.csv").write_text(
        "\n".join([table[0], *(",".join([*row.split(",")[:2], "red,1,1"]) for row in table[1:])])
    )
    result = train_classifier(colours, output=run, engine=FakeEngine())
    found = result.metrics["changes"]
    reds = sum(row.split(",")[1] == "red" for row in table[1:])
    assert (found["tested"], found["right_before"]) == (len(table) - 1, reds)
    assert found["right_now"] == len(table) - 1


def test_changed_settings_of_preprocessing_are_told(train: TrainCommand, run: Path) -> None:
    train("--resize", "pad")
    out = train("--intensity", "-100,400", "--page", "2")[1]
    expected = "resize was pad, is squash; intensity was image, is -100,400; page was not set, is 2"
    assert changes(out)[1] == f"settings: {expected}"
    assert metrics_of(run)["changes"]["settings"] == {
        "resize": ["pad", "squash"], "intensity": ["image", "-100,400"], "page": ["", "2"],
    }  # fmt: skip


def test_changed_settings_of_the_split_and_the_head_are_told(
    train: TrainCommand, run: Path
) -> None:
    train("--threshold", "red=0.5")
    flags = ["--views", "2", "--layers", "last", "--class-weights", "balanced"]
    out = train(*flags, "--holdout", "0.3", "--near-duplicates", "ignore", "--no-report")[1]
    assert changes(out)[1] == (
        "settings: holdout was 0.1, is 0.3; near_duplicates was together, is ignore; layers was "
        "auto, is last; views was 1, is 2; class_weights was equal, is balanced; threshold was "
        "red=0.5, is not set"
    )


def test_results_of_other_images_are_not_replaced(
    train: TrainCommand, colours: Path, run: Path, tmp_path: Path
) -> None:
    train()
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    for number, path in enumerate(sorted(colours.rglob("*.png"))):
        Image.new("RGB", (77, 20 + number), Image.open(path).getpixel((0, 0))).save(path)
    status, _, err = train("--holdout", "0.3")
    assert status == 1
    assert err.splitlines()[-1].startswith(f"error: output {run} has the results of a run on 90 ")
    assert "split: that of the run before" not in err
    assert "--overwrite" in err
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before
    status, out, _ = train("--overwrite")
    assert status == 0
    assert changes(out) == [
        "images: 90 new, 90 gone, 0 as before",
        "accuracy: no image was for the test in both",
    ]


def test_a_folder_without_a_run_tells_nothing(tmp_path: Path) -> None:
    assert read_earlier_run(tmp_path) == EarlierRun(tmp_path, {}, NO_SPLIT, None)
    (tmp_path / "splits.csv").write_bytes(b"path,label,split,group,sha256\na,b,train,c,00\n")
    (tmp_path / "predictions.csv").write_bytes(b"\xff\xfe")
    (tmp_path / "model.pt").write_bytes(b"\xff\xfe")
    found = read_earlier_run(tmp_path)
    assert (found.images, found.created) == ({"00": EarlierImage("b", None)}, "")


def test_data_folders_of_one_name_have_results_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("shop", "garden"):
        draw_colours(tmp_path / place / "train")
    (tmp_path / "garden" / "train" / "green").rename(tmp_path / "garden" / "train" / "leaf")
    with caplog.at_level(logging.INFO):
        outputs = [
            train_classifier(f"{place}/train", engine=FakeEngine()).output
            for place in ("shop", "garden", "shop", "garden")
        ]
    names = ["train", "garden-train", "train", "garden-train"]
    assert outputs == [Path("runs", name) for name in names]
    told = [each.getMessage() for each in caplog.records if "these go to" in each.getMessage()]
    assert (
        told
        == [
            f"output: {Path('runs/train')} has the results of {Path('shop/train')}; these go to "
            f"{Path('runs/garden-train')}"
        ]
        * 2
    )
    # A folder that was moved is the same one still.
    (tmp_path / "shop").rename(tmp_path / "store")
    assert train_classifier("store/train", engine=FakeEngine()).output == Path("runs/train")


def test_the_model_tells_of_its_training(colours: Path, run: Path) -> None:
    result = train_classifier(colours, output=run, engine=FakeEngine())
    training = load_model(run).training
    assert training is not None
    metrics = result.metrics
    assert training.tested == metrics["test"]["n"]
    assert training.test_right == round(metrics["test"]["accuracy"] * training.tested)
    assert training.held_out == metrics["leave_one_out"]["n"]
    assert training.images + training.tested == 90
    assert training.judged_by == "leave-one-out"


def test_classes_that_became_one_are_all_renamed(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    for name in ("red", "blue"):
        for path in (colours / name).iterdir():
            (colours / "warm").mkdir(exist_ok=True)
            path.rename(colours / "warm" / path.name)
        (colours / name).rmdir()
    _, out, _ = train()
    assert changes(out)[1] == "classes: renamed blue is now warm, red is now warm"
    found = metrics_of(run)["changes"]
    assert (found["gone_classes"], found["new_classes"]) == ([], [])
    assert found["right_before"] == found["tested"]


def test_images_are_compared_also_where_the_answers_are_gone(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    (run / "predictions.csv").unlink()
    _, out, _ = train()
    assert changes(out) == [
        "images: 0 new, 0 gone, 90 as before",
        "accuracy: no image was for the test in both",
    ]


def test_a_mistyped_folder_of_a_name_that_has_results_is_a_line(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train_classifier("colours", engine=FakeEngine())
    with pytest.raises(DatasetError, match="there is no folder"):
        train_classifier("gone/colours", engine=FakeEngine())


def test_a_table_that_a_spreadsheet_saved_guards_as_well(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    table = run / "splits.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    # A mark in front, and other columns first.
    mixed = [",".join(reversed(line.split(","))) for line in lines]
    table.write_text("\ufeff" + "\n".join(mixed), encoding="utf-8")
    earlier = read_earlier_run(run)
    assert len(earlier.images) == 90
    assert earlier.labels() == {"blue", "green", "red"}


def test_copies_count_once_among_what_both_tested(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    tested = (run / "predictions.csv").read_text(encoding="utf-8").splitlines()[1:]
    path = colours / tested[0].split(",")[0]
    for number in range(4):
        shutil.copy(path, path.with_name(f"copy {number}.png"))
    train()
    found = metrics_of(run)
    assert found["test"]["n"] == len(tested) + 4
    assert found["changes"]["tested"] == len(tested)


def test_a_folder_that_may_not_be_seen_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_colours(tmp_path / "b" / "photos")
    config = tmp_path / "runs" / "photos" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"data = '{'x' * 5000}'\n")
    result = train_classifier("b/photos", engine=FakeEngine())
    assert result.output == Path("runs/b-photos")


def test_results_do_not_take_the_place_of_their_own_table(colours: Path, run: Path) -> None:
    train_classifier(colours, output=run, engine=FakeEngine())
    table = run / "splits.csv"
    before = table.read_bytes()
    with pytest.raises(ConfigError, match="is one of the files that the results in"):
        train_classifier(colours, labels=table, output=run, engine=FakeEngine())
    assert table.read_bytes() == before


def test_images_of_another_label_are_told_and_counted(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    for number in (3, 4):
        shutil.move(colours / "red" / f"red_{number:02d}.png", colours / "blue")
    _, out, _ = train()
    assert changes(out)[1] == (
        "labels: 2 images have another one; accuracies are those on the new labels"
    )
    assert metrics_of(run)["changes"]["relabelled_images"] == 2


def test_files_that_no_run_has_left_are_not_replaced(train: TrainCommand, run: Path) -> None:
    run.mkdir(parents=True)
    (run / "scores.csv").write_text("mine")
    status, _, err = train()
    assert status == 1
    assert f"output {run} has scores.csv, and not the results of a run" in err
    assert (run / "scores.csv").read_text() == "mine"
    assert train("--overwrite")[0] == 0
