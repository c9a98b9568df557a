"""Naming images: the command in every format, on every kind of input, and the library."""

import csv
import dataclasses
import io
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.fakes import FAKE_RECORD, FakeEngine
from torch_inception.classifier.model_file import Model, load_model, save_model
from torch_inception.commands.predict import main
from torch_inception.engines.protocol import Rows
from torch_inception.errors import CacheError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Pixels, Preprocessing

LABELS = ["blue", "green", "red"]
# A pure colour has the logits 10, 0 and 0.
HIGH, LOW = (math.exp(x) / (math.exp(10) + 2) for x in (10, 0))
SEEN_AS = {
    colour: f"{colour} (score = 0.99991)\n"
    + "".join(f"{other} (score = 0.00005)\n" for other in LABELS if other != colour)
    for colour in LABELS
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Save a model whose logits are ten times the means of blue, green and red."""
    weight = torch.zeros(3, 2048)
    weight[:, :3] = 10 * torch.eye(3).flip(0)
    head = Head(weight, torch.zeros(3))
    path = tmp_path / "run" / "model.pt"
    coverage = {0.9: LOW / 2, 0.95: 0.5}
    save_model(Model(LABELS, head, Preprocessing(), FAKE_RECORD, coverage=coverage), path)
    return path


def paint(path: Path, colour: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}[colour]
    Image.new("RGB", (8, 6), rgb).save(path, "PNG")
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make a folder of a red, a green and a blue image, a hidden file and a deeper folder."""
    folder = tmp_path / "images"
    for name, colour in (("1 red.png", "red"), ("2.gif", "green"), ("deep/3.png", "blue")):
        paint(folder / name, colour)
    (folder / ".DS_Store").write_bytes(b"")
    return folder


@pytest.fixture
def predict(model: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Give a function that runs the command with the model and returns (status, out, err)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main(
            [*(str(argument) for argument in arguments), "--model", str(model)], engine=FakeEngine()
        )
        out, err = capsys.readouterr()
        return status, out, "".join(ln for ln in err.splitlines(True) if ln.startswith("error"))

    return call


Predict = Callable[..., tuple[int, str, str]]


def test_one_image_is_named_without_a_heading(predict: Predict, images: Path) -> None:
    assert predict(images / "1 red.png") == (0, SEEN_AS["red"], "")
    assert predict(images / "2.gif", "--top", 1) == (0, "green (score = 0.99991)\n", "")
    assert predict(images / "2.gif", "--top", 99) == (0, SEEN_AS["green"], "")


def test_several_images_get_a_heading_each_in_the_order_given(
    predict: Predict, images: Path
) -> None:
    first, second = images / "deep/3.png", images / "1 red.png"
    status, out, _ = predict(first, second, first, "--top", "1")
    one, two = (f"{c} (score = 0.99991)\n" for c in ("blue", "red"))
    assert out == f"{first}:\n{one}\n{second}:\n{two}\n{first}:\n{one}\n"
    assert status == 0


def headings(out: str) -> list[str]:
    return [line[:-1] for line in out.splitlines() if line.endswith(":")]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("images", ["1 red.png", "2.gif", "deep/3.png"]),
        ("images/deep", ["deep/3.png"]),
        ("images/*.png", ["1 red.png"]),
        ("images/?.gif", ["2.gif"]),
        ("images/**/*.png", ["1 red.png", "deep/3.png"]),
        ("images/d*", ["deep/3.png"]),
        ("images/[12]*", ["1 red.png", "2.gif"]),
    ],
)
def test_folders_and_patterns_stand_for_their_files_in_order(
    name: str, found: list[str], predict: Predict, images: Path
) -> None:
    status, out, _ = predict(images.parent / name)
    assert headings(out) == [str(images / each) for each in found]
    assert status == 0


@pytest.mark.parametrize("name", ["images", "images/*", "images/**/*.*"])
def test_what_systems_leave_in_folders_is_passed_over(
    name: str, predict: Predict, images: Path
) -> None:
    (images / "@eaDir").mkdir()
    for litter in ("Thumbs.db", "deep/desktop.ini", "@eaDir/1 red.png"):
        paint(images / litter, "red")
    status, out, _ = predict(images.parent / name)
    found = ["1 red.png", "2.gif", "deep/3.png"]
    assert set(headings(out)) == {str(images / each) for each in found}
    assert status == 0


@pytest.mark.parametrize("name", ["photo[1].png", "what?.png", "a*b.png"])
def test_a_file_whose_name_looks_like_a_pattern_is_a_file(
    name: str, predict: Predict, tmp_path: Path
) -> None:
    assert predict(paint(tmp_path / name, "red")) == (0, SEEN_AS["red"], "")


def test_paths_on_standard_input_are_taken_one_a_line(
    predict: Predict, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f"{images / '2.gif'}\n\n  \n{images / '1 red.png'}\r\n{images / 'deep'}"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    status, out, _ = predict(images / "1 red.png", "-", "--top", "1")
    named = ["1 red.png", "2.gif", "1 red.png", "deep/3.png"]
    assert headings(out) == [str(images / name) for name in named]
    assert status == 0


def test_names_on_standard_input_may_be_any_bytes(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = paint(tmp_path / "caf\udce9 .png", "red")
    content = io.BytesIO(os.fsencode(path) + b"\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
    status, out, _ = predict("-", "--format", "json")
    assert json.loads(out)["predictions"][0]["label"] == "red"
    assert status == 0


def test_the_rest_of_standard_input_may_stay_unread(
    model: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(FakeEngine):
        def rows(self, images: Sequence[Pixels]) -> Rows:
            raise CacheError("no room.")

    content = io.BytesIO(f"{images / '2.gif'}\n".encode() * 10_000)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
    assert main(["-", "--model", str(model)], engine=Failing()) == 1
    assert capsys.readouterr().err.endswith("error: no room.\n")
    assert content.tell() < len(content.getvalue())


@pytest.mark.parametrize("name", ["~/images/2.gif", "~/images/*.gif", "-"])
def test_the_home_folder_is_written_out(
    name: str, predict: Predict, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(images.parent))
    monkeypatch.setattr("sys.stdin", io.StringIO("~/images/2.gif\n"))
    status, out, _ = predict(name, "--top", "1", "--format", "json")
    assert (status, json.loads(out)["path"]) == (0, str(images / "2.gif"))


def test_a_folder_in_the_home_folder_has_headings(
    predict: Predict, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(images.parent))
    _, out, _ = predict("~/images")
    assert headings(out) == [str(images / name) for name in ("1 red.png", "2.gif", "deep/3.png")]


@pytest.mark.parametrize("flags", [["--top", "0"], ["--top", "many"], ["--config", "gone.toml"]])
def test_a_wrong_value_is_a_wrong_usage(
    flags: list[str], images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([str(images), *flags])
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_nothing_on_standard_input_is_told_and_no_error(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["-", "--model", str(model)], engine=FakeEngine()) == 0
    told = "WARNING: there is no image in what was given, so none is named.\n"
    assert capsys.readouterr() == ("", told)


def test_json_is_one_object_a_line(predict: Predict, images: Path, tmp_path: Path) -> None:
    status, out, _ = predict(images / "2.gif", tmp_path / "gone.png", "--format", "json")
    good, bad = (json.loads(line) for line in out.splitlines())
    assert good == {
        "path": str(images / "2.gif"),
        "predictions": [
            {"label": "green", "score": pytest.approx(HIGH, rel=1e-5)},
            {"label": "blue", "score": pytest.approx(LOW, rel=1e-4)},
            {"label": "red", "score": pytest.approx(LOW, rel=1e-4)},
        ],
        "error": None,
    }
    assert bad == {"path": str(tmp_path / "gone.png"), "predictions": [], "error": "no such file"}
    assert status == 1


def test_csv_has_a_line_for_each_class(predict: Predict, images: Path, tmp_path: Path) -> None:
    paths = [images / "1 red.png", tmp_path / "gone.png"]
    status, out, _ = predict(*paths, "--format", "csv", "--top", "2")
    header, *rows = csv.reader(io.StringIO(out))
    assert header == ["path", "rank", "label", "score", "error"]
    assert [row[:3] for row in rows] == [
        [str(paths[0]), "1", "red"],
        [str(paths[0]), "2", "blue"],
        [str(paths[1]), "", ""],
    ]
    assert [float(row[3]) for row in rows[:2]] == pytest.approx([HIGH, LOW], rel=1e-4)
    assert [row[4] for row in rows] == ["", "", "no such file"]
    assert status == 1


def test_a_set_of_labels_is_shown_in_every_format(predict: Predict, images: Path) -> None:
    image = images / "1 red.png"
    # At 0.9 every label scores half of the lowest score or more; at 0.95 the best alone does.
    shown = predict(image, "--coverage", 0.9, "--top", 1)[1]
    assert shown == "red (score = 0.99991)\nset: red, blue, green\n"
    assert predict(image, "--coverage", 0.95)[1] == SEEN_AS["red"] + "set: red\n"
    told = json.loads(predict(image, "--coverage", 0.95, "--format", "json", "--top", 2)[1])
    assert (len(told["predictions"]), told["set"]) == (2, ["red"])
    rows = list(
        csv.DictReader(predict(image, "--coverage", 0.95, "--format", "csv")[1].split("\n"))
    )
    assert [row["set"] for row in rows] == ['["red"]'] * 3


def test_a_set_is_refused_where_nothing_was_measured(
    predict: Predict, images: Path, model: Path
) -> None:
    save_model(dataclasses.replace(load_model(model), coverage={}), model)
    status, out, err = predict(images / "1 red.png", "--coverage", 0.9, "--format", "csv")
    assert (status, out) == (1, "")
    assert err.startswith("error: coverage = 0.9: the model has no threshold for it")


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_bad_image_has_an_error_of_its_own_and_the_others_go_on(
    style: str, predict: Predict, images: Path
) -> None:
    (images / "1.txt").write_text("no image")
    status, out, err = predict(images, "--format", style)
    reason = "not an image but text"
    (line,) = (line for line in out.splitlines() if reason in line)
    assert str(images / "1.txt") in line
    assert style != "text" or line == f"error: {images / '1.txt'}: {reason}"
    assert all(colour in out for colour in LABELS)
    assert status == 1
    assert str(images / "1.txt") in err


def test_one_bad_image_is_one_error_line(predict: Predict, tmp_path: Path) -> None:
    status, out, err = predict(tmp_path / "gone.png")
    assert err == ""
    assert (status, out) == (1, f"error: {tmp_path / 'gone.png'}: no such file\n")
    status, out, _ = predict(tmp_path / "*.none")
    assert (status, out.count("error: ")) == (1, 1)


@pytest.mark.parametrize("way", ["argument", "standard input"])
@pytest.mark.parametrize("name", ["x" * 5000, "photos/" + "y" * 300 + "*.jpg", "a\0b"])
def test_a_name_that_no_file_can_have_is_an_error_of_its_own(
    name: str, way: str, predict: Predict, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(images / "2.gif"), name, str(images / "1 red.png")]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(names)))
    arguments = names if way == "argument" else ["-"]
    status, out, _ = predict(*arguments, "--format", "json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["path"] for answer in answers] == names
    assert [bool(answer["error"]) for answer in answers] == [False, True, False]
    assert status == 1


def test_a_folder_that_may_not_be_opened_is_an_error_of_its_own(
    predict: Predict, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.scandir

    def guarded(path: Path) -> object:
        if path.name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", guarded)
    status, out, _ = predict(images, images / "2.gif", "--format", "json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["path"] for answer in answers if answer["error"]] == [str(images / "deep")]
    assert len(answers) == 4
    assert status == 1


ODD_NAMES = [
    "sp ace .png",
    "круг 三角.png",
    "new\nline.png",
    "\x1b[31mred\x07.png",
    "caf\udce9.png",
]


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_odd_names_are_read_and_cannot_move_the_cursor(
    style: str, predict: Predict, tmp_path: Path
) -> None:
    paths = [paint(tmp_path / "odd" / name, "red") for name in ODD_NAMES]
    status, out, err = predict(*paths, tmp_path / "bad\x1b[2J\nerror: x.png", "--format", style)
    assert status == 1
    if style == "json":
        assert [json.loads(line)["path"] for line in out.splitlines()][:-1] == list(map(str, paths))
    elif style == "text":
        assert "\x1b" not in out
        assert out.count("red (score = ") == len(paths)
        assert out.count("\n") == len(paths) * 5 + 3
        assert str(paths[1]) in out
    else:
        assert len(list(csv.reader(io.StringIO(out)))) == 1 + len(paths) * 3 + 1
    assert "\x1b" not in err
    assert err.count("\n") == 1


def test_a_web_address_is_named_for_what_it_is(predict: Predict) -> None:
    status, out, err = predict("https://example.com/a.jpg")
    assert (status, out) == (1, "")
    assert err == "error: https://example.com/a.jpg is a web address: download the image first.\n"
