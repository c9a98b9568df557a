"""A split that comes with the data is taken as it is, and said."""

import csv
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from torch_inception.commands.train import main
from torch_inception.datasets.dataset import read_dataset
from torch_inception.errors import DatasetError
from torch_inception.training.train_classifier import train_classifier

Train = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def train_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Train:
    """Give a function that runs the command in `tmp_path`: (status, split lines, errors)."""
    monkeypatch.chdir(tmp_path)

    def call(*flags: str) -> tuple[int, list[str], str]:
        status = main(["--output", "run", *flags], engine=FakeEngine())
        out, err = capsys.readouterr()
        return status, [line for line in out.splitlines() if line.startswith("split: ")], err

    return call


def splits(run: Path) -> dict[str, list[str]]:
    """Return part -> names of its images."""
    found: dict[str, list[str]] = {}
    with (run / "splits.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["split"], []).append(row["path"])
    return found


def files(folder: Path, *parts: str) -> list[str]:
    return sorted(
        p.relative_to(folder).as_posix() for part in parts for p in folder.glob(f"{part}/*/*")
    )


def draw_parts(folder: Path, **counts: int) -> None:
    for part, count in counts.items():
        draw_colours(folder / part, count=count)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("train", "val", "test"), ("Train", "valid", "TEST"), ("TRAIN", "Validation", "Test")],
)
def test_folders_with_the_names_of_parts_are_the_split(
    train: str, validation: str, test: str, tmp_path: Path, train_in: Train
) -> None:
    photos = tmp_path / "photos"
    draw_parts(photos, **{train: 8, validation: 5, test: 4})
    given = f"split: given by the folders {train}, {validation} and {test}: 24, 15 and 12 files"
    assert train_in("--data", "photos", "--solver", "lbfgs")[:2] == (0, [given])
    assert splits(tmp_path / "run") == {
        "train": files(photos, train),
        "validation": files(photos, validation),
        "test": files(photos, test),
    }
    # Discriminant analysis leaves training images out instead.
    status, said, _ = train_in("--data", "photos")
    assert (status, said) == (0, [given])
    found = splits(tmp_path / "run")
    assert set(found) == {"train", "test"}
    assert sorted(found["train"]) == files(photos, train, validation)
    assert found["test"] == files(photos, test)


def test_a_holdout_moves_no_image_of_a_given_split(tmp_path: Path, train_in: Train) -> None:
    draw_parts(tmp_path / "photos", train=8, test=4)
    train_in("--data", "photos", "--holdout", "0.5")
    assert splits(tmp_path / "run")["test"] == files(tmp_path / "photos", "test")


def test_without_a_test_folder_the_images_of_validation_are_the_test(
    tmp_path: Path, train_in: Train
) -> None:
    draw_parts(tmp_path / "photos", train=8, val=4)
    _, said, _ = train_in("--data", "photos")
    assert said == ["split: given by the folders train and val: 24 and 12 files"]
    assert splits(tmp_path / "run")["test"] == files(tmp_path / "photos", "val")


def test_a_solver_that_needs_a_validation_part_takes_it_from_training_only(
    tmp_path: Path, train_in: Train
) -> None:
    draw_parts(tmp_path / "photos", train=12, test=3)
    train_in("--data", "photos", "--solver", "lbfgs")
    found = splits(tmp_path / "run")
    assert found["test"] == files(tmp_path / "photos", "test")
    assert sorted([*found["train"], *found["validation"]]) == files(tmp_path / "photos", "train")
    assert len(found["validation"]) >= 3


def test_a_part_may_lack_classes(tmp_path: Path, train_in: Train) -> None:
    draw_parts(tmp_path / "photos", train=5, test=3)
    for path in (tmp_path / "photos" / "test" / "green").iterdir():
        path.unlink()
    (tmp_path / "photos" / "test" / "green").rmdir()
    assert train_in("--data", "photos")[0] == 0
    assert len(splits(tmp_path / "run")["test"]) == 6


def test_class_folders_that_differ_in_unicode_form_only_are_the_same_class(
    tmp_path: Path, train_in: Train, caplog: pytest.LogCaptureFixture
) -> None:
    draw_parts(tmp_path / "photos", train=5, test=3)
    (tmp_path / "photos/train/red").rename(tmp_path / "photos/train/caf\u00e9")
    (tmp_path / "photos/test/red").rename(tmp_path / "photos/test/cafe\u0301")
    caplog.set_level(logging.INFO)
    dataset = read_dataset(tmp_path / "photos")
    assert dataset.label_texts == ["blue", "caf\u00e9", "green"]
    assert dataset.counts() == dict.fromkeys(dataset.label_texts, 8)
    assert "only in the Unicode form of their letters are taken for the same: " in caplog.text
    assert train_in("--data", "photos")[0] == 0
    assert sum("cafe\u0301" in path for path in splits(tmp_path / "run")["test"]) == 3
    assert train_in("--data", "photos/train", "--test-data", "photos/test")[0] == 0


@pytest.mark.parametrize("part", ["train", "test"])
def test_class_folders_that_could_be_one_or_another_by_unicode_form_are_refused(
    part: str, tmp_path: Path
) -> None:
    # The second and the third are one letter, with its two accents in another order.
    forms = ["\u1ead", "a\u0323\u0302", "a\u0302\u0323"]
    draw_parts(tmp_path, train=2, test=2)
    (tmp_path / "train/red").rename(tmp_path / "train" / forms[0])
    (tmp_path / "test/red").rename(tmp_path / "test" / forms[1])
    (tmp_path / part / "green").rename(tmp_path / part / forms[2])
    if part == "train":
        (tmp_path / "test/green").rename(tmp_path / "test/blue2")
        for path in (tmp_path / "test/blue2").iterdir():
            path.unlink()
        (tmp_path / "test/blue2").rmdir()
    with pytest.raises(DatasetError, match="only in the Unicode form of their letters: ") as caught:
        read_dataset(tmp_path)
    assert ascii(forms[1]) in str(caught.value)


def test_train_and_test_that_hold_images_are_classes_like_any_other(tmp_path: Path) -> None:
    draw_colours(tmp_path, count=2)
    (tmp_path / "red").rename(tmp_path / "train")
    (tmp_path / "green").rename(tmp_path / "test")
    (tmp_path / "blue").rename(tmp_path / "val")
    dataset = read_dataset(tmp_path)
    assert dataset.label_texts == ["test", "train", "val"]
    assert dataset.parts == ()


@pytest.mark.parametrize("test", ["test", "val"])
def test_a_folder_beside_parts_with_the_same_class_folders_is_refused(
    test: str, tmp_path: Path
) -> None:
    draw_parts(tmp_path, train=1, **{test: 1})
    (tmp_path / "unlabeled").mkdir()
    (tmp_path / test / "red" / "red_00.png").rename(tmp_path / "unlabeled" / "one.png")
    (tmp_path / test / "red").rmdir()
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds 'train', '{test}', with the same class folders, and beside them "
        "'unlabeled'. Move what is no part of the split out of the data folder, or give the "
        f"parts: --data {tmp_path}/train --test-data {tmp_path}/{test}"
    )


def test_train_and_test_beside_others_are_classes_where_they_hold_images_or_other_folders(
    tmp_path: Path,
) -> None:
    draw_colours(tmp_path, count=1)
    (tmp_path / "red").rename(tmp_path / "train")
    (tmp_path / "green").rename(tmp_path / "test")
    assert read_dataset(tmp_path).label_texts == ["blue", "test", "train"]
    for name in ("train", "test"):
        (tmp_path / name / "old").mkdir()
        for path in list((tmp_path / name).glob("*.png")):
            path.rename(path.parent / "old" / path.name)
    assert read_dataset(tmp_path).label_texts == ["blue", "test", "train"]


def flatten_test(folder: Path) -> None:
    for path in folder.glob("test/*/*"):
        path.rename(folder / "test" / path.name)
    for path in [p for p in folder.glob("test/*") if p.is_dir()]:
        path.rmdir()


def empty_test(folder: Path) -> None:
    for path in folder.glob("test/*/*"):
        path.unlink()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (flatten_test, "is divided into 'test', 'train', but 'test' holds images itself"),
        (empty_test, "test has no images. Add some, or remove the folder"),
        (
            lambda folder: (folder / "test" / "red").rename(folder / "test" / "crimson"),
            r"test has class folders that .*train has not: 'crimson'; there, classes are 'blue', "
            "'green', 'red'",
        ),
        (
            lambda folder: (folder / "train" / "red").rename(folder / "test" / "pink"),
            "test has class folders that .*train has not: 'pink', 'red'",
        ),
        (
            lambda folder: draw_parts(folder, val=1, Valid=1),
            "'Valid', 'val', which all mean the validation part. Keep one",
        ),
        (
            lambda folder: [path.unlink() for path in folder.glob("train/red/*")],
            "the class folder 'red' in .*train has no images",
        ),
    ],
)
def test_a_split_that_leaves_a_doubt_is_refused(
    change: Callable[[Path], object], complaint: str, tmp_path: Path
) -> None:
    draw_parts(tmp_path / "photos", train=2, test=2)
    change(tmp_path / "photos")
    with pytest.raises(DatasetError, match=complaint):
        read_dataset(tmp_path / "photos")


def test_a_class_whose_training_images_are_all_bad_is_named(tmp_path: Path) -> None:
    draw_parts(tmp_path / "photos", train=3, test=2)
    for path in (tmp_path / "photos" / "train" / "red").iterdir():
        path.write_text("no image")
    with pytest.raises(DatasetError, match="no training image of the class 'red'"):
        train_classifier(tmp_path / "photos", output=tmp_path / "run", engine=FakeEngine())


def said_of_the_split_before(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [
        m for m in caplog.messages if m.startswith("WARNING: split: that of the run before")
    ]
    caplog.clear()
    return messages


def test_a_given_split_is_not_mixed_with_one_that_is_drawn_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    photos = tmp_path / "photos"
    draw_colours(tmp_path / "drawn", count=10)
    draw_colours(photos / "train", count=7)
    for path in sorted((tmp_path / "drawn").glob("*/*_0[789].png")):
        place = photos / "test" / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    # One of the images is in both parts.
    shutil.copy(photos / "train" / "red" / "red_00.png", photos / "test" / "red" / "red_00.png")

    def train(folder: Path, output: str, **settings: Any) -> dict[str, list[str]]:  # noqa: ANN401
        train_classifier(folder, output=tmp_path / output, engine=FakeEngine(), **settings)
        return splits(tmp_path / output)

    given = train(photos, "run")
    assert train(photos, "run") == given
    assert said_of_the_split_before(caplog) == []
    assert train(tmp_path / "drawn", "run") == train(tmp_path / "drawn", "fresh")
    assert said_of_the_split_before(caplog) == [
        "WARNING: split: that of the run before is not kept, since it came with the data"
    ]
    # A split that was drawn is kept, and said to be another where it is.
    train(tmp_path / "drawn", "run")
    assert said_of_the_split_before(caplog) == []
    train(tmp_path / "drawn", "run", holdout=0.3, near_duplicates="ignore")
    train(tmp_path / "drawn", "run", holdout=0.3, near_duplicates="ignore", solver="lbfgs")
    assert said_of_the_split_before(caplog) == [
        "WARNING: split: that of the run before is not kept, since its settings were others: "
        "holdout, near_duplicates",
        "WARNING: split: that of the run before is not kept, since solver lda has other parts",
    ]
    (tmp_path / "run" / "config.toml").unlink()
    train(tmp_path / "drawn", "run")
    assert said_of_the_split_before(caplog) == [
        "WARNING: split: that of the run before is not kept, since the settings in its "
        "config.toml cannot be read"
    ]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    draw_colours(tmp_path / "data" / "photos", count=9)
    draw_colours(tmp_path / "other", count=4)
    return tmp_path / "other"


@pytest.mark.parametrize("solver", ["lda", "lbfgs"])
def test_a_folder_of_test_images_is_the_test_part_and_all_else_is_trained_on(
    solver: str, other: Path, train_in: Train, tmp_path: Path
) -> None:
    flags = ("--data", "data/photos", "--test-data", "other", "--solver", solver)
    status, said, _ = train_in(*flags)
    split = "split: the 12 files of other are the test part; those of data/photos are for training"
    assert (status, said) == (0, [split])
    found = splits(tmp_path / "run")
    # Files elsewhere are named by the way from the data folder.
    assert found["test"] == [f"../../{name}" for name in files(tmp_path, "other")]
    others = sorted([*found["train"], *found.get("validation", [])])
    assert others == files(tmp_path / "data" / "photos", ".")
    assert bool(found.get("validation")) is (solver == "lbfgs")
    # The next run without the flag has a test part of its own.
    train_in("--data", "data/photos", "--solver", solver)
    assert all("other" not in name for name in splits(tmp_path / "run")["test"])


def test_test_images_complete_a_split_that_has_none(
    tmp_path: Path, other: Path, train_in: Train
) -> None:
    draw_parts(tmp_path / "photos", train=6, val=3)
    assert train_in("--data", "photos", "--test-data", "other", "--solver", "lbfgs")[0] == 0
    assert {part: len(names) for part, names in splits(tmp_path / "run").items()} == {
        "train": 18,
        "validation": 9,
        "test": 12,
    }


@pytest.mark.parametrize(
    ("data", "test_data", "complaint"),
    [
        ("photos", "other", "photos has a test part already, and --test-data other would be"),
        ("data/photos", "data/photos", "have files in common, 27 in all, the first .*blue_00"),
        ("data/photos", "missing", "there is no folder missing.*--test-data"),
        (
            "data/photos",
            "other/red",
            "other/red needs a folder of images per class, with the names",
        ),
        ("data/photos", "data", "data has class folders that data/photos has not: 'photos'"),
        ("data/photos", "hollow", "hollow has no images to test with"),
    ],
)
def test_test_images_that_cannot_be_are_refused(
    data: str, test_data: str, complaint: str, tmp_path: Path, other: Path, train_in: Train
) -> None:
    draw_parts(tmp_path / "photos", train=2, test=2)
    (tmp_path / "hollow" / "red").mkdir(parents=True)
    status, _, err = train_in("--data", data, "--test-data", test_data)
    assert status == 1
    assert re.search(complaint, err)
    assert not (tmp_path / "run").exists()


def test_results_do_not_go_among_the_test_images(other: Path, train_in: Train) -> None:
    flags = ("--data", "data/photos", "--test-data", "other", "--output", "other/run")
    status, _, err = train_in(*flags)
    assert (status, "other/run lies in the data folder other" in err) == (1, True)


def test_the_settings_of_a_run_with_test_images_give_the_same_run(
    other: Path, train_in: Train, tmp_path: Path
) -> None:
    train_in("--data", "data/photos", "--test-data", "other", "--views", "2")
    first: Any = splits(tmp_path / "run")
    assert train_in("--config", "run/config.toml", "--output", "again")[0] == 0
    assert splits(tmp_path / "again") == first
