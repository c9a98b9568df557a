"""`torch-inception sort`: images without a label, in folders as a model takes them."""

import csv
import dataclasses
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.classifier.model_file import load_model, save_model
from torch_inception.commands.sort import main
from torch_inception.curation.sort_images import Sorted
from torch_inception.engines.protocol import Rows
from torch_inception.images.preprocess import Pixels
from torch_inception.system.locks import lock_if_free
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    train_classifier(colours, output=run, engine=FakeEngine(), near_duplicates="ignore")
    return run


@pytest.fixture
def images(colours: Path, tmp_path: Path) -> Path:
    """Make a folder of images without labels: two of each class, and one like none of them."""
    folder = tmp_path / "new"
    (folder / "more").mkdir(parents=True)
    for label in ("red", "green", "blue"):
        shutil.copy(colours / label / f"{label}_07.png", folder / f"{label}.png")
        shutil.copy(colours / label / f"{label}_11.png", folder / "more" / f"{label}.png")
    Image.new("RGB", (8, 8), (128, 128, 128)).save(folder / "grey.png")
    return folder


def sort(*arguments: object) -> int:
    return main([*map(str, arguments)], engine=FakeEngine())


def below(folder: Path) -> list[str]:
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.png"))


ALL = [
    "sorted/blue/blue-2.png", "sorted/blue/blue.png", "sorted/green/green-2.png",
    "sorted/green/green.png", "sorted/red/red-2.png", "sorted/red/red.png", "unlike/grey.png",
]  # fmt: skip


def test_each_image_lies_where_the_model_takes_it_to_belong(
    trained: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "put into"
    before = below(images)
    assert sort(images, "--model", trained, "--into", into) == 0
    assert below(into) == ALL
    assert below(images) == before
    out = capsys.readouterr().out
    assert "sorted/green  2\n" in out
    assert "unlike        1\n" in out
    assert f"torch-inception train --data '{into}/sorted'\n" in out
    with (into / "sorted.csv").open() as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert set(rows) == {str(images / name) for name in before}
    grey = rows[str(images / "grey.png")]
    assert (grey["placed"], grey["known"]) == ("unlike/grey.png", "false")
    assert rows[str(images / "red.png")]["label"] == "red"
    train_classifier(into / "sorted", output=tmp_path / "again", engine=FakeEngine(), holdout=0)


def test_images_that_were_sorted_stay_where_a_person_put_them(
    trained: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "into"
    flags = (images, "--model", trained, "--into", into)
    assert sort(*flags) == 0
    (into / "unlike" / "grey.png").rename(into / "sorted" / "red" / "grey.png")
    shutil.copy(images / "red.png", images / "one more.png")
    capsys.readouterr()
    assert sort(*flags) == 0
    assert "sorted before  7\n" in capsys.readouterr().out
    placed = below(into)
    assert "sorted/red/grey.png" in placed
    assert "sorted/red/one more.png" in placed
    assert len(placed) == 8


def test_a_table_that_a_spreadsheet_saved_is_read_and_goes_on(
    trained: Path, images: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    flags = (images, "--model", trained, "--into", into)
    assert sort(*flags) == 0
    with (into / "sorted.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    with (into / "sorted.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    shutil.copy(images / "red.png", images / "one more.png")
    assert sort(*flags) == 0
    assert len(below(into)) == 8
    with (into / "sorted.csv").open(encoding="utf-8-sig", newline="") as file:
        again = list(csv.reader(file, delimiter=";"))
    assert again[:-1] == rows
    assert again[-1][:2] == [str(images / "one more.png"), "sorted/red/one more.png"]


def test_a_table_without_a_last_line_break_goes_on_in_a_line_of_its_own(
    trained: Path, images: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    flags = (images, "--model", trained, "--into", into)
    assert sort(*flags) == 0
    before = (into / "sorted.csv").read_bytes()
    (into / "sorted.csv").write_bytes(before.removesuffix(b"\n"))
    shutil.copy(images / "red.png", images / "one more.png")
    assert sort(*flags) == 0
    after = (into / "sorted.csv").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 1


def test_no_other_command_puts_images_there_meanwhile(
    trained: Path, images: Path, tmp_path: Path
) -> None:
    into, seen = tmp_path / "into", []

    class Looking(FakeEngine):
        def rows(self, images: Sequence[Pixels]) -> Rows:
            with lock_if_free(into) as is_free:
                seen.append(is_free)
            return super().rows(images)

    Image.new("RGB", (8, 8), (90, 80, 70)).save(images / "new.png")
    flags = [str(images), "--model", str(trained), "--into", str(into)]
    assert main(flags, engine=Looking()) == 0
    assert seen
    assert not any(seen)


def test_many_folders_are_told_together() -> None:
    placed = {("sorted", str(number)): 2 for number in range(30)}
    found = Sorted(Counter({**placed, ("unsure", "1"): 3, ("unlike", ""): 1}))
    assert found.counts(10) == [("sorted", 60), ("unlike", 1), ("unsure", 3)]
    assert ("sorted/1", 2) in found.counts(32)
    assert len(found.counts(32)) == 32


def test_an_image_that_may_be_of_two_classes_is_unsure(
    trained: Path, colours: Path, tmp_path: Path
) -> None:
    model = load_model(trained)
    # As if true labels had scores as low as this in one of ten cases.
    save_model(dataclasses.replace(model, coverage={0.9: 1e-300}), trained / "model.pt")
    image = colours / "red" / "red_07.png"
    assert sort(image, "--model", trained, "--into", tmp_path / "into") == 0
    assert below(tmp_path / "into") == ["unsure/red/red_07.png"]


@pytest.mark.parametrize("action", ["link", "move"])
def test_images_are_linked_or_moved_where_that_is_told(
    trained: Path, images: Path, tmp_path: Path, action: str
) -> None:
    into = tmp_path / "into"
    contents = {numpy.asarray(Image.open(path)).tobytes() for path in images.rglob("*.png")}
    assert sort(images, "--model", trained, "--into", into, "--action", action) == 0
    assert below(into) == ALL
    assert {numpy.asarray(Image.open(path)).tobytes() for path in into.rglob("*.png")} == contents
    assert bool(below(images)) == (action == "link")
    assert (into / "unlike" / "grey.png").is_symlink() == (action == "link")


def test_files_that_are_no_images_stay_and_are_told(
    trained: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "notes.txt").write_text("nothing")
    flags = ("--model", trained, "--into", tmp_path / "into", "--action", "move")
    assert sort(images, *flags) == 1
    told = capsys.readouterr()
    assert "notes.txt: not an image but text" in told.err
    assert "not read, left where they are  1\n" in told.out
    assert below(tmp_path / "into") == ALL
    assert (images / "notes.txt").exists()
    (tmp_path / "empty").mkdir()
    assert sort(tmp_path / "empty", *flags) == 1


def test_what_cannot_be_sorted_is_told_at_once(
    trained: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*flags: object) -> str:
        assert sort(images, *flags) == 1
        return capsys.readouterr().err

    into = tmp_path / "into"
    assert "folder that they are read from" in told("--model", trained, "--into", images / "x")
    assert "folder that they are read from" in told("--model", trained, "--into", tmp_path)
    (tmp_path / "file").write_text("")
    for name in ("file", "file/x"):
        err = told("--model", trained, "--into", tmp_path / name)
        file = tmp_path / "file"
        assert err == f"error: into {tmp_path / name}: {file} is a file. Name a folder: --into.\n"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sorted.csv").write_text("name,age\n")
    assert "not a table of images" in told("--model", trained, "--into", tmp_path / "other")
    model = load_model(trained)
    for label in ("../red", "..", ".red", "a\0"):
        labels = [label, *model.labels[1:]]
        save_model(dataclasses.replace(model, labels=labels), trained / "model.pt")
        assert "cannot be the name of a folder" in told("--model", trained, "--into", into)
    save_model(dataclasses.replace(model, coverage={}), trained / "model.pt")
    assert "has no threshold" in told("--model", trained, "--into", into)
    assert not into.exists()
    with pytest.raises(SystemExit):
        sort(images, "--into", into)
    assert "--model is needed" in capsys.readouterr().err
