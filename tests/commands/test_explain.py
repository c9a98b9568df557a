"""`predict --explain`: a map per image."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.commands.test_predict import images, model
from tests.fakes import MappingEngine
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.predict import main
from torch_inception.errors import ImageError
from torch_inception.images.overlay import AGAINST, FOR, coloured

__all__ = ["images", "model"]  # fixtures

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Give a function that runs the command with maps and returns (status, out, err)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        flags = ["--model", model, "--explain", tmp_path / "why", "--quiet"]
        status = main([str(each) for each in (*arguments, *flags)], engine=MappingEngine())
        return status, *capsys.readouterr()

    return call


def test_a_map_is_written_and_named(explain: Explain, images: Path, tmp_path: Path) -> None:
    status, out, _ = explain(images / "1 red.png", "--top", 1)
    assert status == 0
    assert out.splitlines()[1] == f"see {tmp_path / 'why' / '1 red.map.png'}"
    with Image.open(tmp_path / "why" / "1 red.map.png") as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 598


def test_maps_of_one_name_do_not_take_each_others_place(
    explain: Explain, images: Path, tmp_path: Path
) -> None:
    twin = images / "deep" / "1 red.jpg"
    Image.new("RGB", (9, 9), (0, 0, 250)).save(twin)
    (images / "bad.png").write_bytes(b"no")
    status, out, _ = explain(images, "--format", "json")
    assert status == 1
    found = {Path(each["path"]): each["explanation"] for each in map(json.loads, out.splitlines())}
    why = tmp_path / "why"
    assert found == {
        images / "1 red.png": str(why / "1 red.map.png"),
        images / "2.gif": str(why / "2.map.png"),
        images / "bad.png": None,
        images / "deep" / "1 red.jpg": str(why / "1 red-2.map.png"),
        images / "deep" / "3.png": str(why / "3.map.png"),
    }
    assert len(list(why.iterdir())) == 4


def test_tables_have_a_column_for_it(explain: Explain, images: Path, tmp_path: Path) -> None:
    _, out, _ = explain(images / "2.gif", "--format", "csv", "--top", 2, "--coverage", 0.9)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["path", "rank", "label", "score", "error", "set", "explanation"]
    assert [row["explanation"] for row in rows] == [str(tmp_path / "why" / "2.map.png")] * 2


def test_what_is_explained_can_be_chosen(explain: Explain, tmp_path: Path) -> None:
    # Half red, half green: what speaks for red lies on the left, and the right speaks for green.
    pixels = numpy.zeros((20, 20, 3), numpy.uint8)
    pixels[:, :10, 0] = pixels[:, 10:, 1] = 255
    Image.fromarray(pixels).save(tmp_path / "both.png")
    status, _, _ = explain(
        tmp_path / "both.png", "--explain-class", "red", "--explain-versus", "green"
    )
    assert status == 0
    with Image.open(tmp_path / "why" / "both.map.png") as sheet:
        left, right = (numpy.asarray(sheet)[300, x].astype(int) for x in (60, 560))
    assert left[0] - left[2] > 60  # vermilion
    assert right[2] - right[0] > 60  # blue


@pytest.mark.parametrize("flag", ["--explain-class", "--explain-versus"])
def test_a_class_that_is_not_there(explain: Explain, images: Path, flag: str) -> None:
    status, out, err = explain(images, flag, "pink")
    assert (status, out) == (1, "")
    assert err == "error: there is no class 'pink'. The model has: blue, green, red.\n"


def test_a_folder_that_cannot_be_made(
    model: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    arguments = [str(images), "--model", str(model), "--quiet", "--explain", str(file)]
    assert main(arguments, engine=MappingEngine()) == 1
    assert f"explain = {str(file)!r}: the folder cannot be made" in capsys.readouterr().err


def test_a_class_without_a_folder_is_wrong_usage(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(images), "--explain-class", "red"])
    assert ended.value.code == 2
    assert "--explain-class and --explain-versus need --explain" in capsys.readouterr().err


def test_the_colours_stand_for_the_signs() -> None:
    grey = numpy.full((299, 299, 3), 100, numpy.uint8)
    share = numpy.zeros((299, 299), numpy.float32)
    share[0, 0], share[0, 1] = 1, -1
    found = coloured(grey, share)
    plain = found[5, 5]
    assert len(set(plain.tolist())) == 1
    for place, colour in (((0, 0), FOR), ((0, 1), AGAINST)):
        expected = 0.25 * plain + 0.75 * numpy.array(colour)
        assert found[place] == pytest.approx(expected, abs=1)


def test_no_image_is_replaced_by_its_map(
    model: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in images.rglob("*") if path.is_file()}
    arguments = [str(images), "--model", str(model), "--quiet", "--explain", str(images)]
    assert main(arguments, engine=MappingEngine()) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (images / "1 red.map.png").is_file()


def test_long_names_and_images_that_go_away_do_not_end_the_command(
    explain: Explain, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = images / f"{'ü' * 120}.png"
    Image.new("RGB", (9, 9), (0, 0, 250)).save(long)
    status, out, _ = explain(long)
    assert (status, "see " in out) == (0, True)

    def gone(*_: object) -> None:
        raise ImageError("there is no such file")

    monkeypatch.setattr(Classifier, "explain", gone)
    status, out, err = explain(images, "--format", "json")
    assert status == 0
    assert [json.loads(line)["explanation"] for line in out.splitlines()] == [None] * 4
    assert err.count("there is no such file") == 4
