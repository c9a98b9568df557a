"""Operating points: set when training, told by `predict`, `show`, metrics.json and the report."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from torch_inception.commands import predict, show, train
from torch_inception.report.write_report import write_report
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    result = train_classifier(
        colours,
        output=run,
        engine=FakeEngine(),
        near_duplicates="ignore",
        threshold=["red=0.001", "green=0.7"],
    )
    write_report(run, result.classifier, thumbnails=False)
    return run


def test_an_image_may_be_over_the_threshold_of_a_class_that_is_not_its_best(
    trained: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(next((colours / label).iterdir())) for label in ("red", "green", "blue")]
    common = ["--model", str(trained), *images, "--format"]
    assert predict.main([*common, "json"], engine=FakeEngine()) == 0
    for line in capsys.readouterr().out.splitlines():
        answer = json.loads(line)
        scores = {each["label"]: each["score"] for each in answer["predictions"]}
        over = [
            label
            for label, score in scores.items()
            if score >= {"red": 0.001, "green": 0.7, "blue": 2}[label]
        ]
        assert answer["over_threshold"] == over
    assert predict.main([*common, "csv", "--top", "1"], engine=FakeEngine()) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [json.loads(row["over_threshold"])[:1] for row in rows][:2] == [["red"], ["green"]]
    assert (
        predict.main(["--model", str(trained), images[1], "--top", "1"], engine=FakeEngine()) == 0
    )
    assert "over the threshold: green" in capsys.readouterr().out


def test_a_run_tells_what_its_thresholds_find(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    rows = list(csv.DictReader(io.StringIO((trained / "scores.csv").read_text())))
    for part, split in (("test", "test"), ("leave_one_out", "train")):
        point = metrics[part]["operating_points"]["green"]
        judged = [row for row in rows if row["split"] == split and row["seen"] == "false"]
        green = [float(row["score:green"]) >= 0.7 for row in judged if row["label"] == "green"]
        others = [float(row["score:green"]) < 0.7 for row in judged if row["label"] != "green"]
        assert point["sensitivity"] == pytest.approx(sum(green) / len(green))
        assert point["specificity"] == pytest.approx(sum(others) / len(others))
    assert "Threshold 0.7: sensitivity" in (trained / "report.html").read_text()
    assert show.main([str(trained)]) == 0
    assert "red 0.001, green 0.7" in capsys.readouterr().out


def test_a_threshold_of_no_class_is_told_before_any_work(
    colours: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(colours), "--output", str(run), "--threshold", "rde=0.5"]
    assert train.main(flags, engine=FakeEngine()) == 1
    assert "there is no class 'rde'" in capsys.readouterr().err
    assert not (run / "model.pt").exists()
