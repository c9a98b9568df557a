"""What the lists of an audit say is done, and undone to the byte."""

import csv
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.audit.conftest import files
from tests.processes import server
from torch_inception.audit.move_log import LOG_FILE, MoveLog
from torch_inception.audit.restore import restore
from torch_inception.commands.audit import main
from torch_inception.system.locks import exclusive_lock

Audit = Callable[..., int]


@pytest.fixture
def audited(photos: Path, audit: Audit, tmp_path: Path) -> Path:
    """Audit a data set with a swapped label and a copy; return the folder of the results."""
    shutil.move(photos / "red" / "03.png", photos / "green" / "swapped.png")
    shutil.copy(photos / "blue" / "02.png", photos / "blue" / "same.png")
    assert audit("photos") == 0
    return tmp_path / "audits" / "photos"


def write_list(file: Path, header: str, rows: Sequence[str]) -> None:
    file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")


def test_listed_images_move_and_come_back(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(photos)
    write_list(
        audited / "quarantine.csv",
        "path,given_label,reason",
        ["blue/same.png,blue,duplicate", "red/05.png,red,because"],
    )
    assert audit("photos", "--quarantine", "away") == 0
    out = capsys.readouterr().out
    assert "2 images moved to away." in out
    assert "torch-inception audit --restore away" in out
    (tmp_path / "away" / "own" / "empty").mkdir(parents=True)
    away = files(tmp_path / "away")
    assert set(away) == {"blue/same.png", "red/05.png", LOG_FILE}
    assert set(before) - set(files(photos)) == {"blue/same.png", "red/05.png"}
    capsys.readouterr()
    assert audit("photos", "--quarantine", "away") == 0  # again: nothing is left to do
    told = "0 images moved to away: nothing in the list is left to do.\n"
    assert capsys.readouterr().out == told
    (tmp_path / "away").rename(tmp_path / "elsewhere")
    assert audit("--restore", "elsewhere") == 0
    assert files(photos) == before
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["own", "empty"]


def test_nothing_is_written_over(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("photos", "--quarantine", "away") == 0
    (photos / "blue" / "same.png").write_bytes(b"another file")
    assert audit("--restore", "away") == 1
    assert "both stay" in capsys.readouterr().err
    assert (photos / "blue" / "same.png").read_bytes() == b"another file"
    assert (tmp_path / "away" / "blue" / "same.png").read_bytes() == (
        photos / "blue" / "02.png"
    ).read_bytes()
    (photos / "blue" / "same.png").unlink()
    assert audit("--restore", "away") == 0


def test_links_and_odd_names_come_back_as_they_were(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path
) -> None:
    odd = "red/=odd,\n“name”.png"
    shutil.move(photos / "red" / "06.png", photos / odd)
    (photos / "red" / "link.png").symlink_to("../blue/01.png")
    before = files(photos)
    with (audited / "quarantine.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("path", "given_label", "reason"), (odd, "red", ""), ("red/link.png", "red", "")]
        )
    assert audit("photos", "--quarantine", "away") == 0
    assert not os.path.lexists(photos / "red" / "link.png")
    assert audit("--restore", "away") == 0
    assert files(photos) == before
    assert (photos / "red" / "link.png").readlink() == Path("../blue/01.png")


def test_new_labels_move_files_and_can_be_undone(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(photos)
    shutil.copy(photos / "red" / "01.png", photos / "red" / "swapped.png")  # a name that is taken
    assert audit("photos", "--relabel", audited / "relabel.csv") == 0
    assert "1 image relabelled." in capsys.readouterr().out
    assert not (photos / "green" / "swapped.png").exists()
    assert (photos / "red" / "swapped-2.png").read_bytes() == before["green/swapped.png"]
    assert audit("photos", "--relabel", audited / "relabel.csv") == 0  # again: it is done
    assert "0 images relabelled: nothing in the list is left to do." in capsys.readouterr().out
    assert audit("--restore", audited) == 0
    (photos / "red" / "swapped.png").unlink()
    assert files(photos) == before
    assert (audited / "audit.csv").exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_that_a_spreadsheet_saved_is_read(
    delimiter: str, audited: Path, photos: Path, audit: Audit
) -> None:
    before = files(photos)
    names = {" red, one; two.png": "05.png", os.fsdecode(b"\xff\xe4.png"): "06.png"}
    for name, old in names.items():
        (photos / "red" / old).rename(photos / "red" / name)
    with (audited / "relabel.csv").open(
        "w", encoding="utf-8-sig", errors="backslashreplace", newline=""
    ) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["path", "given_label", "new_label", "note"])
        writer.writerows([f"red/{name}", "red", "blue", ""] for name in names)
        writer.writerows([[""] * 4] * 2)
    assert audit("photos", "--relabel", audited / "relabel.csv") == 0
    after = files(photos)
    assert [after[f"blue/{name}"] for name in names] == [
        before[f"red/{old}"] for old in names.values()
    ]
    assert audit("--restore", audited) == 0
    assert set(files(photos)) == {*before, *(f"red/{name}" for name in names)} - {
        f"red/{old}" for old in names.values()
    }


def test_a_new_class_is_one_whose_folder_is_there(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["blue/00.png,blue,violet"]
    write_list(audited / "relabel.csv", "path,given_label,new_label", rows)
    assert audit("photos", "--relabel", audited / "relabel.csv") == 1
    assert "make its folder first" in capsys.readouterr().err
    (photos / "violet").mkdir()
    assert audit("photos", "--relabel", audited / "relabel.csv") == 0
    assert (photos / "violet" / "00.png").exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("green/swapped.png,green,rde", "no such class; did you mean 'red'?"),
        ("green/swapped.png,green,../red", "no such class"),
        ("green/swapped.png,red,red", "has the label 'green'"),
        ("green/gone.png,green,red", "not among the images"),
        ("green/swapped.png,green,red\ngreen/swapped.png,green,blue", "twice"),
    ],
)
def test_lists_that_do_not_fit_change_nothing(
    row: str,
    told: str,
    audited: Path,
    photos: Path,
    audit: Audit,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = files(photos)
    write_list(
        audited / "relabel.csv", "path,given_label,new_label", ["blue/00.png,blue,green", row]
    )
    assert audit("photos", "--relabel", audited / "relabel.csv") == 1
    assert told in capsys.readouterr().err
    assert files(photos) == before
    assert not (audited / LOG_FILE).exists()


def test_a_folder_in_the_data_is_refused(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("photos", "--quarantine", photos / "away") == 1
    assert "would become a class" in capsys.readouterr().err


NEW_LABELS = ["red/00.png,red,blue", "blue/00.png,blue,red"]


@pytest.fixture(params=["csv", "jsonl"])
def table(request: pytest.FixtureRequest, photos: Path, tmp_path: Path) -> Path:
    """Write a table of the images."""
    labels = {path: path.split("/")[0] for path in files(photos)}
    file = tmp_path / f"table.{request.param}"
    if request.param == "csv":
        lines = [f'{path};"{label}";"a note; here"' for path, label in labels.items()]
        file.write_bytes("\r\n".join(["path;label;note", *lines, "", ""]).encode())
    else:
        rows = [{"path": path, "label": label, "note": "ü"} for path, label in labels.items()]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_lines_of_a_table_are_edited_and_come_back(
    table: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, lines = table.read_bytes(), table.read_bytes().splitlines()
    flags = ("photos", "--labels", table)
    assert audit(*flags) == 0
    results = tmp_path / "audits" / "table"
    write_list(results / "relabel.csv", "path,given_label,new_label", NEW_LABELS)
    assert audit(*flags, "--relabel", results / "relabel.csv") == 0
    now = table.read_bytes().splitlines()
    changed = [new for old, new in zip(lines, now, strict=True) if new != old]
    starts = (b"red/00.png;blue;", b"blue/00.png;red;", b'{"path": "')
    assert len(changed) == 2
    assert all(line.startswith(starts) for line in changed)
    write_list(results / "quarantine.csv", "path,given_label,reason", ["red/00.png,blue,x"])
    relabelled = table.read_bytes()
    assert audit(*flags, "--quarantine", "away") == 0
    assert len(table.read_bytes().splitlines()) == len(lines) - 1
    assert b"red/00.png" not in table.read_bytes()
    assert not (photos / "red" / "00.png").exists()
    capsys.readouterr()
    assert audit("--restore", "away") == 0
    assert "1 image put back, 1 edit of the table undone." in capsys.readouterr().out
    assert table.read_bytes() == relabelled
    assert (photos / "red" / "00.png").exists()
    assert audit("--restore", results) == 0
    assert table.read_bytes() == before


def test_a_table_that_was_changed_since_stays(
    table: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("photos", "--labels", table)
    assert audit(*flags) == 0
    results = tmp_path / "audits" / "table"
    write_list(results / "relabel.csv", "path,given_label,new_label", NEW_LABELS)
    assert audit(*flags, "--relabel", results / "relabel.csv") == 0
    changed = table.read_bytes() + b"\n"
    table.write_bytes(changed)
    assert audit("--restore", results) == 1
    assert "was changed since" in capsys.readouterr().err
    assert table.read_bytes() == changed


def relabel(audit: Audit, audited: Path, *rows: str, flags: Sequence[str | Path] = ()) -> None:
    """Give the images of some rows new labels."""
    write_list(audited / "relabel.csv", "path,given_label,new_label", rows)
    assert audit("photos", *flags, "--relabel", audited / "relabel.csv") == 0


def test_a_file_that_moved_twice_comes_back_once_what_was_in_its_way_is_gone(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "red" / "05.png").rename(photos / "red" / "a.png")
    before = files(photos)
    relabel(audit, audited, "red/a.png,red,green", "red/00.png,red,green")
    relabel(audit, audited, "green/a.png,green,blue")
    (photos / "green" / "a.png").write_bytes(b"another file")
    assert audit("--restore", audited) == 1
    assert "1 image put back, 2 steps not undone." in capsys.readouterr().out
    assert (photos / "green" / "a.png").read_bytes() == b"another file"
    (photos / "green" / "a.png").unlink()
    assert audit("--restore", audited) == 0
    assert files(photos) == before
    assert not (audited / LOG_FILE).exists()


class Killed(BaseException):
    """What ends a process anywhere."""


@pytest.mark.parametrize("step", range(4))
def test_a_restore_that_was_killed_goes_on(
    step: int,
    audited: Path,
    photos: Path,
    audit: Audit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (photos / "red" / "05.png").rename(photos / "red" / "a.png")
    table = tmp_path / "table.csv"
    table.write_text(
        "".join(["path,label\n", *(f"{p},{p.split('/')[0]}\n" for p in files(photos))])
    )
    before = files(photos), table.read_bytes()
    relabel(audit, audited, "red/a.png,red,green")
    relabel(audit, audited, "green/a.png,green,blue")
    flags = ("--labels", table, "--output", audited)
    table.write_bytes(before[1].replace(b"red/a.png,", b"blue/a.png,"))
    edited = table.read_bytes()
    relabel(audit, audited, "blue/a.png,red,green", flags=flags)
    relabel(audit, audited, "blue/a.png,green,blue", flags=flags)
    steps = iter(range(9))
    mark = MoveLog.mark_undone

    def killed(log: MoveLog, place: int) -> None:
        if next(steps) == step:
            raise Killed
        mark(log, place)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MoveLog, "mark_undone", killed)
        restore(audited)
    assert audit("--restore", audited) == 0
    assert (files(photos), table.read_bytes()) == (before[0], edited)
    assert not (audited / LOG_FILE).exists()
    assert not list(audited.glob("table-before*"))


@pytest.mark.parametrize("name", ["../secret.png", "{folder}/secret.png", "red/loose.png"])
def test_files_that_a_table_never_listed_stay(
    name: str,
    photos: Path,
    audit: Audit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, results = tmp_path / "table.csv", tmp_path / "audits" / "table"
    lines = ["path,label", *(f"{path},{path.split('/')[0]}" for path in files(photos)), ""]
    table.write_text("\n".join(lines))
    for place in (tmp_path / "secret.png", photos / "red" / "loose.png"):
        shutil.copy(photos / "red" / "00.png", place)
    results.mkdir(parents=True)
    flags = ("photos", "--labels", table, "--quarantine", "away")
    header, rows = "path,given_label,reason", ["red/00.png,red,x"]
    write_list(results / "quarantine.csv", header, rows)
    assert audit(*flags) == 0
    before = files(tmp_path)
    write_list(results / "quarantine.csv", header, [name.format(folder=tmp_path) + ",red,x"])
    assert audit(*flags) == 1
    assert "not among the images" in capsys.readouterr().err
    write_list(results / "quarantine.csv", header, rows)
    assert files(tmp_path) == before


def test_files_whose_lines_are_gone_already_are_moved(
    photos: Path, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, results = tmp_path / "table.csv", tmp_path / "audits" / "table"
    lines = ["path,label", *(f"{path},{path.split('/')[0]}" for path in files(photos)), ""]
    table.write_text("\n".join(lines))
    before = files(photos), table.read_bytes()
    results.mkdir(parents=True)
    write_list(
        results / "quarantine.csv",
        "path,given_label,reason",
        [f"{path},red,x" for path in files(photos) if path.startswith("red/")][:-1],
    )
    moves, move = iter(range(99)), MoveLog.move

    def killed(log: MoveLog, source: Path, target: Path, **told: Any) -> Path:  # noqa: ANN401
        if next(moves) == 2:
            raise Killed
        return move(log, source, target, **told)

    flags = ("photos", "--labels", table, "--quarantine", "away")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MoveLog, "move", killed)
        audit(*flags)
    assert audit(*flags) == 0
    assert [path for path in files(photos) if path.startswith("red/")] == ["red/13.png"]
    assert audit("--restore", "away") == 0
    assert (files(photos), table.read_bytes()) == before
    assert not (tmp_path / "away").exists()


def test_a_log_names_no_file_elsewhere_as_a_table_before(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "own.csv").write_text("path,label\n")
    same = hashlib.sha256(b"path,label\n").hexdigest()
    entry = {"table": str(tmp_path / "own.csv"), "before": same, "after": same}
    for backup in ("../own.csv", str(tmp_path / "own.csv"), ".."):
        (tmp_path / "away" / LOG_FILE).write_text(json.dumps(entry | {"backup": backup}) + "\n")
        assert audit("--restore", "away") == 1
        assert "is not a log of moved files" in capsys.readouterr().err
        assert (tmp_path / "own.csv").exists()


@pytest.mark.parametrize("train", ["", "train/"])
def test_a_class_may_be_left_empty(
    train: str,
    audited: Path,
    photos: Path,
    audit: Audit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if train:
        shutil.copytree(photos, tmp_path / "photos2" / "train")
        shutil.copytree(photos, tmp_path / "photos2" / "test")
        shutil.rmtree(photos)
        (tmp_path / "photos2").rename(photos)
    before = files(photos)
    reds = [path for path in before if path.startswith(f"{train}red/")]
    header, rows = "path,given_label,new_label", [f"{path},red,blue" for path in reds]
    write_list(audited / "relabel.csv", header, rows)
    again = ("photos", "--relabel", audited / "relabel.csv")
    assert audit(*again) == 0
    assert audit(*again) == 0
    assert "0 images relabelled: nothing in the list is left to do." in capsys.readouterr().out
    assert audit("--restore", audited) == 0
    assert files(photos) == before


def test_a_table_that_is_a_link_stays_one(photos: Path, audit: Audit, tmp_path: Path) -> None:
    table, link = tmp_path / "kept" / "table.csv", tmp_path / "table.csv"
    table.parent.mkdir()
    lines = ["path,label", *(f"{path},{path.split('/')[0]}" for path in files(photos)), ""]
    table.write_text("\n".join(lines))
    link.symlink_to("kept/table.csv")
    before = table.read_bytes()
    write_list(tmp_path / "list.csv", "path,given_label,new_label", NEW_LABELS)
    assert audit("photos", "--labels", link, "--relabel", "list.csv") == 0
    assert b"red/00.png,blue" in table.read_bytes()
    assert audit("--restore", "audits/table") == 0
    assert table.read_bytes() == before
    assert link.readlink() == Path("kept/table.csv")
    assert [path.name for path in table.parent.iterdir()] == ["table.csv"]


def test_images_that_changed_places_do_not_go_back(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(photos)
    rows = [
        f"{path},{label},{new},{hashlib.sha256(before[path]).hexdigest()}"
        for path, label, new in (
            ("red/00.png", "red", "blue"),
            ("blue/00.png", "blue", "red"),
            ("blue/05.png", "blue", "green"),
        )
    ]
    (photos / "blue" / "05.png").write_bytes(before["blue/06.png"])
    rows.append("blue/07.png,blue,red,")
    write_list(audited / "relabel.csv", "path,given_label,new_label,sha256", rows)
    command = ("photos", "--relabel", audited / "relabel.csv")
    assert audit(*command) == 0
    shown = capsys.readouterr()
    assert "3 images relabelled." in shown.out
    assert "relabel.csv lists: 'blue/05.png'" in shown.out + shown.err
    after = files(photos)
    assert after["blue/00-2.png"] == before["red/00.png"]
    assert after["red/00.png"] == before["blue/00.png"]
    assert after["blue/05.png"] == before["blue/06.png"]
    assert audit(*command) == 0
    shown = capsys.readouterr()
    assert "0 images relabelled: nothing in the list is left to do." in shown.out
    assert "relabel.csv lists: 'red/00.png', 'blue/05.png'" in shown.out + shown.err
    assert files(photos) == after


def test_lists_hold_the_sha256_of_the_images(audited: Path, photos: Path) -> None:
    for name, path in (("relabel.csv", "green/swapped.png"), ("quarantine.csv", "blue/same.png")):
        with (audited / name).open(newline="") as file:
            found = {row["path"]: row["sha256"] for row in csv.DictReader(file)}
        assert found[path] == hashlib.sha256((photos / path).read_bytes()).hexdigest()


def test_a_relabelling_without_digests_is_done_once(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(photos)
    rows = ("red/00.png,red,blue", "blue/00.png,blue,red")
    relabel(audit, audited, *rows)
    after = files(photos)
    assert after["red/00.png"] == before["blue/00.png"]
    relabel(audit, audited, *rows)
    assert "0 images relabelled: nothing in the list is left to do." in capsys.readouterr().out
    assert files(photos) == after
    assert audit("--restore", audited) == 0
    assert files(photos) == before
    relabel(audit, audited, *rows)
    assert files(photos) == after


def test_a_link_that_moves_leads_where_it_led(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    (photos / "red" / "05.png").rename(tmp_path / "store" / "05.png")
    (photos / "red" / "05.png").symlink_to("../../store/05.png")
    (photos / "green" / "below").mkdir()
    (photos / "green" / "below" / "a.png").symlink_to("../../../store/05.png")
    before = files(photos)
    relabel(audit, audited, "red/05.png,red,green", "green/below/a.png,green,blue")
    assert (photos / "green" / "05-2.png").readlink() == Path("../../store/05.png")
    write_list(audited / "quarantine.csv", "path,given_label,reason", ["blue/below/a.png,blue,x"])
    assert audit("photos", "--quarantine", "away/deep") == 0
    moved = tmp_path / "away" / "deep" / "blue" / "below" / "a.png"
    assert moved.read_bytes() == before["red/05.png"]
    assert audit("--restore", "away/deep") == 0
    assert audit("--restore", audited) == 0
    assert files(photos) == before
    assert (photos / "green" / "below" / "a.png").readlink() == Path("../../../store/05.png")


def test_links_to_images_that_move_are_told_of(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "red" / "link.png").symlink_to("../blue/01.png")
    relabel(audit, audited, "blue/01.png,blue,red")
    shown = capsys.readouterr()
    assert "lead nowhere now" in shown.err
    assert "'red/link.png'" in shown.err


def test_lines_of_commas_alone_stay(photos: Path, audit: Audit, tmp_path: Path) -> None:
    names = list(files(photos))
    rows = [f'{path},{path.split("/")[0]},"two\nlines"\n,,\n\n' for path in names]
    table = tmp_path / "table.csv"
    table.write_text("path,label,note\n,,\n" + "".join(rows))
    before, results = table.read_text(), tmp_path / "audits" / "table"
    write_list(tmp_path / "list.csv", "path,given_label,new_label", ["red/00.png,red,blue"])
    flags = ("photos", "--labels", table)
    assert audit(*flags, "--relabel", "list.csv") == 0
    relabelled = table.read_text()
    assert relabelled == before.replace("red/00.png,red,", "red/00.png,blue,")
    write_list(results / "quarantine.csv", "path,given_label,reason", ["blue/01.png,blue,x"])
    assert audit(*flags, "--quarantine", "away") == 0
    assert table.read_text() == relabelled.replace('blue/01.png,blue,"two\nlines"\n', "")


def test_a_data_folder_that_is_gone_is_not_made_again(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(photos)
    assert audit("photos", "--quarantine", "away") == 0
    photos.rename(tmp_path / "renamed")
    assert audit("--restore", "away") == 1
    assert f"{photos}, and that folder is gone" in capsys.readouterr().err
    assert not photos.exists()
    (tmp_path / "renamed").rename(photos)
    assert audit("--restore", "away") == 0
    assert files(photos) == before


def test_a_class_that_is_emptied_is_told_of(
    audited: Path, photos: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "red" / "below").mkdir()
    (photos / "red" / "05.png").rename(photos / "red" / "below" / "a.png")
    before = files(photos)
    relabel(audit, audited, *(f"{p},red,blue" for p in before if p.startswith("red/")))
    assert "the class folder photos/red has no images now" in capsys.readouterr().err
    shutil.rmtree(photos / "red")
    assert audit("photos") == 0
    assert audit("--restore", audited) == 0
    assert files(photos) == before


@pytest.mark.parametrize("name", ["afile", "afile/x", "/dev/null"])
def test_what_cannot_be_a_folder_is_told(
    name: str, audited: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "afile").touch()
    assert audit("photos", "--quarantine", name) == 1
    assert "cannot be a folder for moved files" in capsys.readouterr().err


def test_what_cannot_be_put_back_is_listed(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["red/00.png,red,x", "blue/00.png,blue,x"]
    write_list(audited / "quarantine.csv", "path,given_label,reason", rows)
    assert audit("photos", "--quarantine", "away") == 0
    (photos / "blue").rename(tmp_path / "aside")
    (photos / "blue").touch()
    assert audit("--restore", "away") == 1
    shown = capsys.readouterr()
    assert "1 image put back, 1 step not undone." in shown.out
    assert "cannot be put back" in shown.err
    (photos / "blue").unlink()
    (tmp_path / "aside").rename(photos / "blue")
    assert audit("--restore", "away") == 0
    assert (photos / "blue" / "00.png").exists()


@pytest.mark.parametrize(
    ("number", "told"), [(errno.ENOSPC, "away/red is full"), (errno.EACCES, "")]
)
def test_a_move_that_fails_is_told_with_the_way_back(
    number: int,
    told: str,
    audited: Path,
    photos: Path,
    audit: Audit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = files(photos)
    rows = [f"red/0{place}.png,red,x" for place in (0, 1, 2, 4)]
    write_list(audited / "quarantine.csv", "path,given_label,reason", rows)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "01.png":
            raise OSError(number, os.strerror(number), str(self), None, str(target))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        assert audit("photos", "--quarantine", "away") == 1
    shown = capsys.readouterr()
    assert f"{1 if told else 3} image{'' if told else 's'} moved to away." in shown.out
    assert "torch-inception audit --restore away" in shown.out
    assert (told or "red/01.png is not moved to") in shown.err
    assert ("3 images not moved" in shown.err) == bool(told)
    assert audit("--restore", "away") == 0
    assert files(photos) == before


def test_commands_beside_each_other_wait(
    audited: Path, photos: Path, audit: Audit, tmp_path: Path
) -> None:
    before = files(photos)
    rows = [f"{path},{path.split('/')[0]},x" for path in before if not path.endswith("0.png")]
    write_list(audited / "quarantine.csv", "path,given_label,reason", rows)
    away = tmp_path / "away"
    moving = (str(photos), "--output", str(audited), "--quarantine", str(away))
    both = [server.Process(target=run, args=(moving,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    restoring = ("--restore", str(away))
    both = [server.Process(target=run, args=(restoring,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert sorted(str(process.exitcode) for process in both) in (["0", "0"], ["0", "1"])
    assert files(photos) == before


@pytest.mark.parametrize("has_table", [False, True])
def test_a_command_waits_for_one_with_another_log_and_the_same_images(
    has_table: bool, audited: Path, photos: Path, audit: Audit, tmp_path: Path
) -> None:
    table = tmp_path / "tables" / "table.csv"
    table.parent.mkdir()
    lines = ["path,label", *(f"{path},{path.split('/')[0]}" for path in files(photos)), ""]
    table.write_text("\n".join(lines))
    write_list(tmp_path / "list.csv", "path,given_label,new_label", NEW_LABELS)
    write_list(audited / "quarantine.csv", "path,given_label,reason", ["blue/01.png,blue,x"])
    flags = ["photos", *(("--labels", str(table)) if has_table else ())]
    assert audit(*flags, "--output", audited, "--quarantine", "away") == 0
    folder = table.parent if has_table else photos
    relabelled = f"audits/{'table' if has_table else 'photos'}"
    for arguments in ([*flags, "--relabel", "list.csv"], ["--restore", relabelled]):
        before = files(photos), table.read_bytes()
        command = [sys.executable, "-m", "torch_inception", "audit", *arguments]
        with exclusive_lock(folder):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            assert (
                f"waiting for another process that writes to {folder}" in process.stdout.readline()
            )
            assert (files(photos), table.read_bytes()) == before
        process.communicate()
        assert process.returncode == 0
        assert (files(photos), table.read_bytes()) != before


def run(arguments: tuple[str, ...]) -> None:
    """Run the command in a process; a traceback is another status than a message."""
    try:
        status = main(arguments)
    except Exception:
        status = 9
    raise SystemExit(status)
