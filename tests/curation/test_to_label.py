"""`predict --unsure N`: the images whose labels would teach a model most."""

import csv
import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.commands.predict import main
from torch_inception.curation.clusters import representatives
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    train_classifier(colours, output=run, engine=FakeEngine(), near_duplicates="ignore")
    return run


def mixed(folder: Path, name: str, *colour: int) -> Path:
    """Draw an image of a colour, whose corner is a little brighter."""
    folder.mkdir(exist_ok=True)
    image = Image.new("RGB", (20, 30), colour)
    image.putpixel((0, 0), tuple(min(255, value + 8) for value in colour))
    image.save(folder / f"{name}.png")
    return folder / f"{name}.png"


def table(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, str]]:
    assert main([*map(str, arguments)], engine=FakeEngine()) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_images_between_classes_come_first_and_no_two_alike(
    trained: Path, colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    for number in range(3):
        mixed(folder, f"yellow {number}", 120 + number, 120, 16)
        mixed(folder, f"purple {number}", 120 + number, 16, 120)
    for number in range(20):
        mixed(folder, f"red {number}", 180 + number, 16, 8)
    rows = table(capsys, "--model", trained, "--unsure", 2, folder)
    assert {Path(row["path"]).name.split()[0] for row in rows} == {"yellow", "purple"}
    assert [row["label"] for row in rows] == ["", ""]
    margins = [float(row["margin"]) for row in rows]
    assert margins == sorted(margins)
    assert all(row["suggestion"] in ("red", "green", "blue") for row in rows)
    assert all(0 < float(row["score"]) <= 1 for row in rows)
    assert len(table(capsys, "--model", trained, "--unsure", 100, folder)) == 26


def test_the_table_is_trained_on_when_labels_are_filled_in(
    trained: Path, colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(capsys, "--model", trained, "--unsure", 60, colours)
    for row in rows:
        row["label"] = Path(row["path"]).parent.name
    file = tmp_path / "filled in.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    result = train_classifier("", labels=file, output=tmp_path / "next", engine=FakeEngine())
    assert result.classifier.labels == ["blue", "green", "red"]


def test_no_image_on_standard_input_is_told(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["--model", str(trained), "--unsure", "3", "-"], engine=FakeEngine()) == 1
    assert capsys.readouterr().err == "error: there is no image in what was given.\n"


def test_bad_images_are_told_and_make_the_status_1(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed(tmp_path / "new", "red", 200, 10, 10)
    (tmp_path / "new" / "notes.txt").write_text("nothing")
    arguments = ["--model", str(trained), "--unsure", "3", str(tmp_path / "new")]
    assert main(arguments, engine=FakeEngine()) == 1
    told = capsys.readouterr()
    assert "notes.txt: not an image but text" in told.err
    assert len(told.out.splitlines()) == 2


@pytest.mark.parametrize("flag", [["--top", "2"], ["--format", "json"], ["--neighbours", "1"]])
def test_what_else_predict_writes_is_refused_beside_it(
    flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--unsure", "3", "x.png", *flag])
    assert f"leave out {flag[0]}" in capsys.readouterr().err


def test_each_cluster_has_a_point_that_is_its_own() -> None:
    generator = torch.Generator().manual_seed(1)
    middles = torch.tensor([[0.0, 0], [9, 0], [0, 9]], dtype=torch.float64)
    points = torch.cat([middles + torch.rand(3, 2, generator=generator) for _ in range(20)])
    chosen = representatives(points, torch.ones(60, dtype=torch.float64), 3)
    assert sorted((chosen % 3).tolist()) == [0, 1, 2]
    again = representatives(points, torch.ones(60, dtype=torch.float64), 3)
    assert torch.equal(chosen, again)


def test_points_that_weigh_more_draw_the_middle() -> None:
    points = torch.tensor([[0.0], [1], [2], [10]], dtype=torch.float64)
    weights = torch.tensor([100.0, 1, 1, 1], dtype=torch.float64)
    assert representatives(points, weights, 2).tolist() == [0, 3]


def test_equal_points_are_one() -> None:
    points = torch.zeros(5, 3, dtype=torch.float64)
    assert representatives(points, torch.ones(5, dtype=torch.float64), 3).tolist() == [0]
