"""A run that fails leaves the previous result as it was, and says what to do."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes import FAKE_RECORD, FakeEngine
from torch_inception.commands.train import main
from torch_inception.engines.protocol import Rows
from torch_inception.errors import CacheError, ConfigError
from torch_inception.images.preprocess import Pixels
from torch_inception.training.output_folder import check_output
from torch_inception.training.run_folder import FILES_OF_TWO_RUNS
from torch_inception.training.train_classifier import train_classifier


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and modification time of every file, hidden ones too."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def finished(colours: Path, tmp_path: Path) -> Path:
    """Train once; beside the results lies a file of the user's own."""
    run = tmp_path / "results" / "run"
    train_classifier(colours, output=run, engine=FakeEngine())
    (run / "notes.txt").write_text("mine")
    # Other images, so that a second run would write something else.
    for number in range(20):
        image = Image.new("RGB", (30, 40), (number, 90, 200))
        image.putpixel((0, 0), (255, 255, 255))  # images of one plain colour are warned of
        image.save(colours / "blue" / f"new {number}.png")
    return run


class Failing(FakeEngine):
    """Fails at its first batch."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(dataclasses.replace(FAKE_RECORD, version="failing", mean=(0.4, 0.4, 0.4)))
        self.error = error

    def rows(self, images: Sequence[Pixels]) -> Rows:
        raise self.error


def in_use(path: Path, target: Path) -> Path:
    """Rename, but not over a table that another program has open (Windows refuses that)."""
    if target.name == "predictions.csv" and target.exists():
        raise PermissionError(13, "The process cannot access the file")
    shutil.move(str(path), str(target))
    return target


def full_disk(patch: pytest.MonkeyPatch, *, after: int) -> dict[str, Any]:
    """Have the disk be full once some files of the results are on it."""
    sync, count = os.fsync, iter(range(after))

    def sync_if_there_is_room(handle: int) -> None:
        is_result = ".run." in str(Path(f"/proc/self/fd/{handle}").readlink())
        if is_result and next(count, None) is None:
            raise OSError(28, "No space left on device")
        sync(handle)

    patch.setattr(os, "fsync", sync_if_there_is_room)
    return {}


FAILURES: dict[str, Callable[[pytest.MonkeyPatch], dict[str, Any]]] = {
    "the cache": lambda patch: {"engine": Failing(CacheError("no room."))},
    "the network": lambda patch: {"engine": Failing(RuntimeError("out of memory"))},
    "a stop": lambda patch: {"engine": Failing(KeyboardInterrupt())},
    "a solver": lambda patch: {"solver": "sgd", "learning_rate": 1e300},
    "the first file": lambda patch: full_disk(patch, after=0),
    "a file in the middle": lambda patch: full_disk(patch, after=4),
    "the last file": lambda patch: full_disk(patch, after=len(FILES_OF_TWO_RUNS) - 1),
    "a file that is in use": lambda patch: patch.setattr(Path, "replace", in_use) or {},
}
"""What goes wrong -> how it is brought about, and the settings that it takes."""


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_run_leaves_the_previous_result_untouched(
    failure: str, finished: Path, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(finished.parent)
    with monkeypatch.context() as patch:
        settings = {"engine": FakeEngine(), **FAILURES[failure](patch)}
        with pytest.raises(BaseException):  # noqa: B017 - which one is not the matter here
            train_classifier(colours, output=finished, **settings)
    assert snapshot(finished.parent) == before
    assert [entry.name for entry in finished.parent.iterdir()] == ["run"]
    train_classifier(colours, output=finished, engine=FakeEngine())
    after = snapshot(finished.parent)
    assert after.keys() == {*before, "run/model.previous.pt"}
    assert after["run/model.previous.pt"] == before["run/model.pt"]
    assert after["run/splits.csv"] != before["run/splits.csv"]
    assert after["run/notes.txt"] == before["run/notes.txt"]


@pytest.mark.parametrize("failure", ["a file in the middle", "a file that is in use"])
def test_results_that_cannot_be_written_are_told_in_one_line(
    failure: str,
    finished: Path,
    colours: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patch:
        FAILURES[failure](patch)
        status = main(["--data", str(colours), "--output", str(finished)], engine=FakeEngine())
    err = capsys.readouterr().err
    assert status == 1
    assert err.startswith("error: ")
    assert str(finished) in err
    assert err.count("\n") == 1


def empty_the_class(colours: Path) -> None:
    for path in (colours / "green").iterdir():
        path.unlink()


def spoil_the_class(colours: Path) -> None:
    for path in (colours / "green").iterdir():
        path.write_text("no image")


def leave_one_class(colours: Path) -> None:
    shutil.rmtree(colours / "green")
    shutil.rmtree(colours / "blue")


def leave_no_class(colours: Path) -> None:
    for path in list(colours.iterdir()):
        for image in path.iterdir():
            image.rename(colours / image.name)
        path.rmdir()


def remove_all(colours: Path) -> None:
    shutil.rmtree(colours)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (empty_the_class, "the class folder 'green'"),
        (spoil_the_class, "'green'"),
        (leave_one_class, "at least two class folders and has only 'red'"),
        (leave_no_class, "holds images and no class folders"),
        (remove_all, "there is no folder"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_one_line_and_status_1(
    change: Callable[[Path], None],
    complaint: str,
    finished: Path,
    colours: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = snapshot(finished.parent)
    change(colours)
    assert main(["--data", str(colours), "--output", str(finished)], engine=FakeEngine()) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error:"))
    assert complaint in line
    assert snapshot(finished.parent) == before


@pytest.mark.parametrize("place", ["", "red", "results", "red/deep/er", "../colours/results"])
def test_results_inside_the_data_folder_are_refused_before_any_work(
    place: str, colours: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(colours)
    assert (
        main(["--data", str(colours), "--output", str(colours / place)], engine=FakeEngine()) == 1
    )
    assert "lies in the data folder" in capsys.readouterr().err
    assert snapshot(colours) == before
    assert not own_cache.exists()


def test_results_inside_the_data_folder_are_refused_through_a_link_too(
    colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(colours / "red", target_is_directory=True)
    with pytest.raises(ConfigError, match="lies in the data folder"):
        check_output(tmp_path / "link" / "run", colours)


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_a_file_in_the_place_of_the_results_is_refused(
    output: str, colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="file"):
        train_classifier(colours, output=tmp_path / output, engine=FakeEngine())
    assert (tmp_path / "file").read_text() == "mine"


def test_results_beside_and_above_the_data_are_fine(colours: Path, tmp_path: Path) -> None:
    for output in (tmp_path, tmp_path / "colours 2", tmp_path / "new" / "deep" / "er"):
        train_classifier(colours, output=output, engine=FakeEngine())
        assert (output / "model.pt").is_file()
