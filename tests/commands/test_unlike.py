"""What `predict` tells of images that are unlike the training images, and of the nearest."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.commands.predict import main
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    train_classifier(colours, output=run, engine=FakeEngine(), near_duplicates="ignore")
    return run


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    Image.new("RGB", (8, 8), (128, 128, 128)).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)], engine=FakeEngine()) == 0
    return capsys.readouterr().out


def test_text_tells_of_a_stranger_only(
    trained: Path, stranger: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = predict(capsys, "--model", trained, stranger)
    times = float(said.partition("unlike the training images (distance ")[2].split()[0])
    assert times > 1
    assert said.endswith(" times the limit)\n")
    own = next((colours / "red").iterdir())
    assert "unlike" not in predict(capsys, "--model", trained, own)


def test_json_and_csv_have_the_distance_and_the_threshold(
    trained: Path, stranger: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = next((colours / "red").iterdir())
    common = ["--model", trained, own, stranger, "--format"]
    known, strange = map(json.loads, predict(capsys, *common, "json").splitlines())
    assert known["known"] is True
    assert known["distance"] <= known["threshold"]
    assert strange["known"] is False
    assert strange["distance"] > strange["threshold"] == known["threshold"]
    table = csv.DictReader(io.StringIO(predict(capsys, *common, "csv", "--top", "1")))
    rows = list(table)
    assert [json.loads(row["known"]) for row in rows] == [True, False]
    assert [float(row["distance"]) for row in rows] == [known["distance"], strange["distance"]]
    assert [float(row["threshold"]) for row in rows] == [known["threshold"]] * 2


def test_a_larger_share_of_false_rejections_calls_more_images_unlike(
    trained: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for share in (0.05, 0.5):
        answers = predict(
            capsys, "--model", trained, colours, "--format", "json", "--false-rejection", share
        )
        counts.append(sum(not json.loads(line)["known"] for line in answers.splitlines()))
    assert counts[0] <= 0.1 * 90
    assert 0.25 * 90 < counts[1] < 0.6 * 90


def test_neighbours_are_named_with_their_class_and_how_alike_they_are(
    trained: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(
        line.split(",")
        for line in (trained / "splits.csv").read_text().splitlines()
        if ",train" in line
    )
    own = colours / row[0]
    said = predict(capsys, "--model", trained, own, "--neighbours", 2)
    heading, first, second = said.splitlines()[-3:]
    assert heading == "nearest training images:"
    assert first == f"  {row[0]} ({row[1]}, similarity = 1.00)"
    assert second.startswith("  ")
    (line,) = predict(
        capsys, "--model", trained, own, "--neighbours", 2, "--format", "json"
    ).splitlines()
    near = json.loads(line)["neighbours"]
    assert [each["path"] for each in near] == [row[0], second.split()[0]]
    assert set(near[0]) == {"path", "label", "similarity"}


def test_a_run_without_its_neighbours_says_so_before_any_image_is_named(
    trained: Path, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained / "neighbours.pt").unlink()
    status = main(
        ["--model", str(trained), str(stranger), "--neighbours", "2"], engine=FakeEngine()
    )
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert "neighbours.pt" in err
    assert "Train again" in err
    assert predict(capsys, "--model", trained, stranger)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--false-rejection", "0"), "must be above 0 and below 1"),
        (("--false-rejection", "1"), "must be above 0 and below 1"),
        (("--neighbours", "-1"), "must be 0 or more"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    trained: Path,
    stranger: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, str],
    told: str,
) -> None:
    with pytest.raises(SystemExit):
        main(["--model", str(trained), str(stranger), *flags], engine=FakeEngine())
    assert told in capsys.readouterr().err
