"""`torch-inception audit`: what is wrong is found, written in cleanlab's columns, and shown."""

import csv
import html
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.audit.conftest import COLOURS, COUNT, draw, files
from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from torch_inception.commands.audit import main
from torch_inception.training.train_classifier import train_classifier

Audit = Callable[..., int]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def issues(folder: Path, kind: str) -> set[str]:
    return {
        row["path"] for row in rows_of(folder / "audit.csv") if row[f"is_{kind}_issue"] == "True"
    }


def test_every_planted_fault_is_found(
    faults: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(faults)
    assert audit("photos") == 0
    assert files(faults) == before
    results = tmp_path / "audits" / "photos"
    out = capsys.readouterr().out
    assert "The page is audits/photos/audit.html" in out
    assert "4 sets of duplicates (1 across classes)" in out
    rows = {row["path"]: row for row in rows_of(results / "audit.csv")}
    assert len(rows) == len(before) - 1
    assert "green/swapped.png" in issues(results, "label")
    swapped = rows["green/swapped.png"]
    assert (swapped["given_label"], swapped["predicted_label"]) == ("green", "red")
    assert float(swapped["label_score"]) < 0.01 < float(rows["green/05.png"]["label_score"])
    assert issues(results, "near_duplicate") == {
        "blue/00.png", "red/conflict.png", "green/05.png", "green/same.png", "blue/07.png",
        "blue/smaller.png", "blue/worse.jpg", "blue/08.png", "blue/cropped.png",
    }  # fmt: skip
    assert issues(results, "blank") == {"green/blank.png"}
    assert "red/tiny.png" in issues(results, "tiny")
    assert issues(results, "dark") == {"blue/dark.png"}
    assert issues(results, "blurred") == {"blue/blurred.png"}
    assert "red/foreign.png" in issues(results, "outlier")


def test_the_sets_are_rows_of_the_table_as_cleanlab_has_them(
    faults: Path, audit: Audit, tmp_path: Path
) -> None:
    assert audit("photos") == 0
    rows = rows_of(tmp_path / "audits" / "photos" / "audit.csv")
    assert {
        "is_label_issue", "label_score", "given_label", "predicted_label",
        "is_near_duplicate_issue", "near_duplicate_sets", "near_duplicate_score",
        "is_outlier_issue", "outlier_score",
    } <= set(rows[0])  # fmt: skip
    for row in rows:
        others = [rows[place]["path"] for place in json.loads(row["near_duplicate_sets"])]
        assert bool(others) == (row["is_near_duplicate_issue"] == "True")
        if row["path"] == "blue/07.png":
            assert sorted(others) == ["blue/smaller.png", "blue/worse.jpg"]
        if row["path"] == "green/same.png":
            assert (others, row["near_duplicate_score"]) == (["green/05.png"], "0")


def test_the_lists_say_what_could_go_and_why(faults: Path, audit: Audit, tmp_path: Path) -> None:
    assert audit("photos") == 0
    results = tmp_path / "audits" / "photos"
    listed = {row["path"]: row["reason"] for row in rows_of(results / "quarantine.csv")}
    assert listed["green/blank.png"] == "blank"
    assert listed["red/conflict.png"] == "duplicate of blue/00.png"
    assert listed["green/same.png"] == "duplicate of green/05.png"
    assert listed["blue/smaller.png"] == "duplicate of blue/07.png"
    assert listed["red/foreign.png"] == "unlike every class"
    assert not {"blue/00.png", "green/05.png", "blue/07.png"} & set(listed)
    first = rows_of(results / "relabel.csv")[0]
    assert (first["path"], first["given_label"], first["new_label"]) == (
        "green/swapped.png", "green", "red",
    )  # fmt: skip


def test_a_data_set_without_a_fault_has_none(photos: Path, audit: Audit, tmp_path: Path) -> None:
    assert audit("photos", "--output", "results", "--no-thumbnails") == 0
    rows = rows_of(tmp_path / "results" / "audit.csv")
    assert len(rows) == 3 * COUNT
    for name in rows[0]:
        if name.startswith("is_") and name != "is_outlier_issue":
            assert {row[name] for row in rows} == {"False"}, name
    assert rows_of(tmp_path / "results" / "relabel.csv") == []
    page = (tmp_path / "results" / "audit.html").read_text("utf-8")
    assert "data:image" not in page
    assert "fewer than 20 different images" in page


def test_hostile_names_change_nothing_in_the_page(
    photos: Path, audit: Audit, tmp_path: Path
) -> None:
    evil = photos / "<script>alert(1)<"
    (photos / "red").rename(evil)
    shutil.copy(evil / "03.png", photos / "green" / '"><img src=x onerror=alert(2)>.png')
    shutil.copy(evil / "04.png", photos / "green" / "‮gnp.\x1b[31m.png")
    assert audit("photos") == 0
    page = (tmp_path / "audits" / "photos" / "audit.html").read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "‮" not in page
    assert "&gt;&lt;img src=x" in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "default-src 'none'" in html.unescape(page)


def test_a_run_has_its_settings_and_its_split(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    train_classifier(photos, output=run, engine=FakeEngine(), holdout=0.3, resize="pad")
    splits = {row["path"]: row["split"] for row in rows_of(run / "splits.csv")}
    tested = next(path for path, part in splits.items() if part == "test")
    trained = next(path for path, part in splits.items() if part == "train")
    with Image.open(photos / tested) as image:
        image.save(photos / trained)  # a near copy now, but for the file's name
    shutil.copy(photos / tested, photos / trained)
    run_again = tmp_path / "again"
    train_classifier(photos, output=run_again, engine=FakeEngine(), near_duplicates="ignore")
    capsys.readouterr()
    assert audit(run) == 0
    assert {row["split"] for row in rows_of(run / "audit" / "audit.csv")} == {"train", "test"}
    rows = {row["path"]: row for row in rows_of(run / "audit" / "audit.csv")}
    assert rows[tested]["is_near_duplicate_issue"] == "True"
    (run / "model.pt").unlink()
    assert audit(run) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_run_is_audited_with_the_network_of_its_model(
    random_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_colours(tmp_path / "colours", count=6)
    own, others = (tmp_path / name for name in ("own.pth", "others.pth"))
    shutil.copy(random_weights, own)
    sources = f"{others},{own}"
    train_classifier("colours", output="run", weights=sources, bundle="fp32", report=False)
    state = torch.load(own)
    changed = {"Conv2d_1a_3x3.bn.bias": state["Conv2d_1a_3x3.bn.bias"] + 1}
    torch.save({**state, **changed}, others)
    own.unlink()
    capsys.readouterr()
    assert main(["run"]) == 0
    assert "features: 0 computed, 18 reused" in capsys.readouterr().out
    assert main(["run", "--weights", str(others)]) == 0
    assert "features: 18 computed" in capsys.readouterr().out


def test_copies_across_a_given_split_are_told(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    divided = tmp_path / "divided"
    shutil.copytree(photos, divided / "train")
    for label, colour in COLOURS.items():
        for number in range(3):
            draw(divided / "test" / label / f"{number}.png", colour, 100 + number)
    shutil.copy(divided / "train" / "red" / "01.png", divided / "test" / "red" / "0.png")
    assert audit("divided") == 0
    assert "1 set of duplicates (1 across the split)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no images are named"),
        (("photos", "--output", "photos/results"), "lies in the data folder"),
        (("nowhere",), "there is no folder nowhere"),
        (("photos", "--quarantine", "away"), "Audit first"),
        (("--restore", "photos"), "has no moves.jsonl"),
        (("photos", "--relabel", "nothing.csv"), "cannot be read"),
    ],
)
def test_mistakes_are_told_in_a_line(
    photos: Path,
    audit: Audit,
    arguments: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit(*arguments) == 1
    shown = capsys.readouterr().err.splitlines()[-1]
    assert told in shown
    assert "Traceback" not in shown


def test_several_labels_per_image_are_refused(
    photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    table = photos / "labels.csv"
    table.write_text("path,labels\nred/00.png,red|green\nblue/00.png,blue\n")
    assert audit("--labels", table) == 1
    assert "an audit needs one per image" in capsys.readouterr().err
    assert audit("--labels", table, "--quarantine", "away") == 1
    assert "an audit needs one per image" in capsys.readouterr().err


def test_one_change_at_a_time(
    photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        audit("photos", "--quarantine", "away", "--restore", "away")
    assert ended.value.code == 2
    assert "give one of them" in capsys.readouterr().err


def test_the_commands_of_the_page_can_be_run_as_they_are(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(photos / "red" / "03.png", photos / "green" / "swapped.png")
    shutil.copy(photos / "blue" / "02.png", photos / "blue" / "same.png")
    lines = ["where,what is it", *(f"{name},{name.split('/')[0]}" for name in files(photos)), ""]
    (tmp_path / "my table.csv").write_text("\n".join(lines))
    flags = ("--labels", "my table.csv", "--path-column", "where", "--label-column", "what is it")
    assert audit("photos", *flags, "--output", "the results") == 0
    page = (tmp_path / "the results" / "audit.html").read_text("utf-8")
    text = html.unescape(re.sub(r"</?span>", "", page))
    commands = re.findall(r"<code>torch-inception audit (.*?)</code>", text)
    assert len(commands) == 2
    before = files(tmp_path)
    for command in commands:
        capsys.readouterr()
        assert audit(*shlex.split(command)) == 0
        assert files(tmp_path) != before
        undo = capsys.readouterr().out.split("torch-inception audit ")[1]
        assert audit(*shlex.split(undo)) == 0
        assert files(tmp_path) == before


def test_a_command_is_offered_for_images_that_are_listed(
    photos: Path, audit: Audit, tmp_path: Path
) -> None:
    shutil.copy(photos / "blue" / "00.png", photos / "red" / "conflict.png")
    assert audit("photos") == 0
    results = tmp_path / "audits" / "photos"
    assert issues(results, "label") == {"red/conflict.png"}
    assert [row["path"] for row in rows_of(results / "quarantine.csv")] == ["red/conflict.png"]
    assert rows_of(results / "relabel.csv") == []
    page = (results / "audit.html").read_text("utf-8")
    assert "--quarantine" in page
    assert "--relabel" not in page
    assert "<strong>1</strong> looks mislabelled" in page


def test_a_copy_that_could_go_for_another_reason_is_not_said_to_stay(
    photos: Path, audit: Audit, tmp_path: Path
) -> None:
    for name in ("one.png", "two.png"):
        Image.new("RGB", (80, 80), (50, 160, 40)).save(photos / "green" / name)
    shutil.copy(photos / "blue" / "02.png", photos / "blue" / "same.png")
    assert audit("photos") == 0
    results = tmp_path / "audits" / "photos"
    assert {row["path"]: row["reason"] for row in rows_of(results / "quarantine.csv")} == {
        "blue/same.png": "duplicate of blue/02.png",
        "green/one.png": "blank",
        "green/two.png": "blank",
    }
    page = (results / "audit.html").read_text("utf-8")
    told = re.findall(r"<small>(stays|could go[^<]*)</small>", page)
    assert told == ["stays", "could go", "could go: blank", "could go: blank"]


def test_images_that_a_person_kept_are_not_asked_about_again(
    faults: Path, audit: Audit, tmp_path: Path
) -> None:
    assert audit("photos") == 0
    results = tmp_path / "audits" / "photos"
    lists = [results / name for name in ("relabel.csv", "quarantine.csv")]
    paths = [row["path"] for file in lists for row in rows_of(file)]
    for file in lists:
        shutil.copy(file, results / "kept.csv")
        assert audit("photos") == 0
    kept = {row["path"] for row in rows_of(results / "kept.csv")}
    assert kept
    assert not kept & {row["path"] for file in lists for row in rows_of(file)}
    assert not kept & issues(results, "near_duplicate")
    assert {row["path"] for row in rows_of(lists[0])} <= set(paths)
    for path in kept:  # other content, and so it is looked at anew
        shutil.copy(faults / "red" / "00.png", faults / path)
    assert audit("photos") == 0
    assert kept <= {"red/00.png", *issues(results, "near_duplicate")}


def test_a_list_of_kept_images_that_cannot_be_read_is_told(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    kept = tmp_path / "results" / "kept.csv"
    for content in ("path\nred/00.png\n", 'path,given_label\n"red/00.png,red\n'):
        kept.write_text(content)
        assert audit("photos", "--output", "results") == 1
        assert "kept.csv" in capsys.readouterr().err.splitlines()[-1]
    kept.write_text("path,given_label\nred/gone.png,red\n")
    assert audit("photos", "--output", "results") == 0


def test_a_class_of_which_no_file_is_an_image_is_not_judged(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(photos / "red" / "03.png", photos / "green" / "swapped.png")
    (photos / "cyan").mkdir()
    (photos / "cyan" / "notes.txt").write_text("no image")
    assert audit("photos") == 0
    rows = {row["path"]: row for row in rows_of(tmp_path / "audits" / "photos" / "audit.csv")}
    assert {row["given_label"] for row in rows.values()} == {"blue", "green", "red"}
    assert rows["green/swapped.png"]["predicted_label"] == "red"
    for label in ("blue", "green"):
        for path in (photos / label).iterdir():
            path.write_text("no image")
    assert audit("photos") == 1
    assert "fewer than two classes of photos" in capsys.readouterr().err


def test_small_classes_are_a_finding(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("blue", "red"):
        draw(tmp_path / "photos" / label / "1.png", COLOURS[label], 1)
    assert audit("photos") == 0
    out = capsys.readouterr().out
    assert "2 classes with few images: 'blue', 'red'" in out
    assert "Nothing was found" not in out


def test_images_of_a_run_that_are_gone_are_told_of(
    photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    train_classifier(photos, output=run, engine=FakeEngine())
    (photos / "red" / "00.png").rename(photos / "red" / "other.png")
    for name in ("01.png", "02.png"):
        (photos / "red" / name).unlink()
    capsys.readouterr()
    assert audit(run) == 0
    told = capsys.readouterr().err
    assert "WARNING: 2 of the 42 images of" in told
    assert "the first is 'red/01.png'" in told
