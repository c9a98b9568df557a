"""Runs into a folder that has results already: what is told, kept and refused."""

import logging
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand, metrics_of
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.training.earlier_run import read_earlier_run
from torch_inception.training.pipeline import train_classifier


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


def test_both_models_are_compared_on_what_both_tested(colours: Path, run: Path) -> None:
    train_classifier(colours, output=run, engine=FakeEngine())
    earlier = read_earlier_run(run)
    assert earlier is not None
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


def test_results_of_other_images_are_not_replaced(
    train: TrainCommand, colours: Path, run: Path, tmp_path: Path
) -> None:
    train()
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    for number, path in enumerate(sorted(colours.rglob("*.png"))):
        Image.new("RGB", (77, 20 + number), Image.open(path).getpixel((0, 0))).save(path)
    status, _, err = train()
    assert status == 1
    assert err.splitlines()[-1].startswith(f"error: output {run} has the results of a run on 90 ")
    assert "--overwrite" in err
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before
    status, out, _ = train("--overwrite")
    assert status == 0
    assert changes(out) == [
        "images: 90 new, 90 gone, 0 as before",
        "accuracy: no image was for the test in both",
    ]


def test_an_earlier_run_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_earlier_run(tmp_path) is None
    (tmp_path / "splits.csv").write_bytes(b"path,label,split,group\na,b,train,c\n")
    (tmp_path / "predictions.csv").write_bytes(b"\xff\xfe")
    assert read_earlier_run(tmp_path) is None


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
