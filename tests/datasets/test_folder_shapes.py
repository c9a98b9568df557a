"""What is given in place of a folder of class folders is named, with the command that fits."""

import io
import logging
import os
import shutil
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from torch_inception.commands.train import main
from torch_inception.datasets.dataset import read_dataset
from torch_inception.errors import DatasetError
from torch_inception.training.train_classifier import train_classifier

Refused = Callable[..., str]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """Give a function that runs the command in `tmp_path`, which fails; it returns the error."""
    monkeypatch.chdir(tmp_path)

    def call(*flags: str) -> str:
        assert main(list(flags), engine=FakeEngine()) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert not (tmp_path / "runs").exists()
        return line.removeprefix("error: ")

    return call


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    draw_colours(tmp_path / "photos", count=2)
    return tmp_path / "photos"


@pytest.mark.parametrize("data", ["photos/red", "photos/red/", "./photos/red"])
def test_a_class_folder_is_answered_with_the_folder_above(
    data: str, photos: Path, refused: Refused
) -> None:
    (photos / "other" / "folders").mkdir(parents=True)
    shutil.copy(photos / "red" / "red_00.png", photos / "other")
    assert refused("--data", data) == (
        "photos/red holds images and no folders, as all of these do: 'blue', 'green', 'red'. If "
        "these are the classes, give the folder that holds them: --data photos"
    )


def test_the_current_folder_has_a_folder_above_too(
    photos: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos / "red")
    assert refused("--data", ".", "--output", "../../runs/x").endswith(f"--data {photos}")


@pytest.mark.parametrize("folders", ["one", "one/two", "one/my two/three"])
def test_a_folder_above_is_answered_with_the_one_that_holds_the_classes(
    folders: str, tmp_path: Path, refused: Refused
) -> None:
    draw_colours(tmp_path / "photos" / folders, count=1)
    (tmp_path / "photos" / "__MACOSX" / "one").mkdir(parents=True)
    quote = "'" if " " in folders else ""
    assert refused("--data", "photos") == (
        "photos holds only 'one', and the folders of classes are further below: 'blue', 'green', "
        f"'red'. Give the folder that holds these: --data {quote}photos/{folders}{quote}"
    )


def test_a_flat_folder_of_images_is_told_of_folders_and_tables(
    tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "flat").mkdir()
    for number in range(3):
        Image.new("RGB", (4, 4)).save(tmp_path / "flat" / f"{number}.png")
    error = refused("--data", "flat")
    assert error.startswith("flat holds images and no class folders, so nothing says what they")
    assert "into a folder per class, such as flat/cat and flat/dog" in error
    assert error.endswith("--labels FILE.csv")
    (tmp_path / "flat" / "metadata.csv").write_text("file_name,label\n")
    assert refused("--data", "flat").endswith("--labels flat/metadata.csv")


def zip_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("photos/cat/1.jpg", b"1")
    return stream.getvalue()


def tar_archive(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(mode=mode, fileobj=stream) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("photos/cat/1.jpg"))
    return stream.getvalue()


@pytest.mark.parametrize("flag", ["--data", "--test-data"])
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (zip_archive(), "a ZIP archive"),
        (tar_archive("w"), "a tar archive"),
        (tar_archive("w:gz"), "a compressed file or archive"),
        (tar_archive("w:xz"), "a compressed file or archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
    ],
)
def test_an_archive_is_named_and_is_to_be_unpacked(
    flag: str, content: bytes, name: str, photos: Path, refused: Refused
) -> None:
    (photos.parent / "archive").write_bytes(content)
    assert refused("--data", "photos", flag, "archive") == (
        f"archive is {name}: unpack it first, and give the folder: {flag}."
    )


def test_a_web_address_is_named_and_is_to_be_downloaded(refused: Refused) -> None:
    address = "https://example/photos.zip"
    assert refused("--data", address) == (
        f"{address} is a web address: download it first, unpack it, and give the folder: --data."
    )


def test_an_object_store_is_named_and_what_reads_it(refused: Refused) -> None:
    assert refused("--data", "s3://bucket/photos") == (
        "s3://bucket/photos is in an object store, and training reads images from disks: copy or "
        "mount it, and give the folder: --data. For the features alone: torch-inception features."
    )


def test_a_table_and_another_file_are_no_folder(photos: Path, refused: Refused) -> None:
    (photos.parent / "my table.csv").write_text("path,label\n")
    assert refused("--data", "my table.csv").endswith("For a table: --labels 'my table.csv'")
    assert refused("--data", "photos/red/red_00.png").startswith(
        "photos/red/red_00.png is a file, not a folder."
    )


SPACES = "the spaces around them"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("Cat", "cat", "'Cat' and 'cat' differ only in upper and lower case"),
        ("É", "é", "'É' and 'é' differ only in upper and lower case"),
        ("cat", "cat ", f"'cat' and 'cat ' differ only in {SPACES}"),
        ("Cat ", "cat", f"'Cat ' and 'cat' differ only in upper and lower case and {SPACES}"),
        (
            unicodedata.normalize("NFD", "é"), unicodedata.normalize("NFC", "é"),
            r"'e\u0301' and '\xe9' differ only in the Unicode form of their letters",
        ),
    ],
)  # fmt: skip
def test_classes_whose_names_look_the_same_are_warned_of(
    first: str, second: str, told: str, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "red").rename(photos / first)
    (photos / "green").rename(photos / second)
    if len(list(photos.iterdir())) < 3:
        pytest.skip("this file system takes the names for one")
    train_classifier(photos, output=photos.parent / "run", engine=FakeEngine())
    (warning,) = (r.getMessage() for r in caplog.records if "differ only" in r.getMessage())
    assert warning.startswith(f"WARNING: the names of the classes {told}.")


def test_a_data_set_of_single_images_is_refused(photos: Path, refused: Refused) -> None:
    for path in photos.glob("*/*_01.png"):
        path.write_bytes(path.with_name(path.name.replace("1.png", "0.png")).read_bytes())
    assert refused("--data", "photos", "--output", "run").startswith(
        "every class of photos has only one image, or copies of one: nothing can be learnt"
    )


def test_one_class_with_two_images_is_enough(
    photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in [*photos.glob("red/*_01.png"), *photos.glob("blue/*_01.png")]:
        path.unlink()
    result = train_classifier(photos, output=photos.parent / "run", engine=FakeEngine())
    assert result.metrics["train"]["n"] == 4


def test_parts_with_other_names_are_warned_of_and_are_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part in ("Training", "Testing"):
        draw_colours(tmp_path / part, count=1)
    caplog.set_level(logging.WARNING)
    assert read_dataset(tmp_path).label_texts == ["Testing", "Training"]
    (record,) = caplog.records
    assert "folders 'Testing', 'Training' of" in record.getMessage()
    assert (
        "If the folders are parts of a split, call them train, val and test." in record.getMessage()
    )


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may open any folder")
def test_a_folder_above_that_may_not_be_opened_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "closed" / "flat").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "closed" / "flat" / "1.png")
    (tmp_path / "closed").chmod(0o100)
    try:
        with pytest.raises(DatasetError, match="holds images and no class folders"):
            read_dataset(tmp_path / "closed" / "flat")
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_folder_that_holds_nothing_has_no_class_folders(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="at least two class folders and has none"):
        read_dataset(tmp_path)


def test_images_beside_the_class_folders_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for data in ("divided/train", "divided/test", "plain"):
        draw_colours(tmp_path / data, count=1)
    caplog.set_level(logging.WARNING)
    for folder in (tmp_path / "divided", tmp_path / "plain"):
        Image.new("RGB", (9, 9)).save(folder / "loose.png")
        (folder / "notes.txt").write_text("no image")
        read_dataset(folder)
        (record,) = caplog.records
        assert record.getMessage() == (
            f"WARNING: 1 image in {folder}, beside the class folders, is in no class and not used: "
            "'loose.png'."
        )
        caplog.clear()


def test_a_folder_of_data_sets_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("photos", "old photos"):
        draw_colours(tmp_path / name, count=1)
    caplog.set_level(logging.WARNING)
    assert read_dataset(tmp_path).label_texts == ["old photos", "photos"]
    (record,) = caplog.records
    assert "are taken for classes, and hold folders of the same names" in record.getMessage()
    assert f"--data '{tmp_path / 'old photos'}'" in record.getMessage()
