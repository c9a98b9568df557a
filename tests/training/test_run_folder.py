"""A run that fails leaves the previous result as it was, and says what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torch_inception.commands.train import main
from torch_inception.errors import CacheError, ConfigError
from torch_inception.system import replacement
from torch_inception.training import pipeline, run_folder
from torch_inception.training.pipeline import train_classifier
from torch_inception.training.run_folder import check_output

pytestmark = pytest.mark.usefixtures("fake_network")


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
    train_classifier(colours, output=run)
    (run / "notes.txt").write_text("mine")
    # Another image, so that a second run would write something else.
    shutil.copy(colours / "red" / "red_00.png", colours / "blue" / "stray.png")
    return run


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


def in_use(path: Path, target: Path) -> Path:
    """Rename, but not over a table that another program has open (Windows refuses that)."""
    if target.name == "predictions.csv" and target.exists():
        raise PermissionError(13, "The process cannot access the file")
    shutil.move(str(path), str(target))
    return target


DISK_FULL = OSError(28, "No space left on device")

FAILURES: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "the cache": (pipeline, "feature_table", failing(CacheError("no room."))),
    "a solver": (pipeline, "fit_head", failing(RuntimeError("did not converge"))),
    "a stop during training": (pipeline, "fit_head", failing(KeyboardInterrupt())),
    "the first file": (run_folder, "save_model", failing(DISK_FULL)),
    "a file in the middle": (run_folder, "write_json", failing(DISK_FULL)),
    "the last file": (run_folder, "to_toml", failing(DISK_FULL)),
    "a stop while writing": (run_folder, "write_splits", failing(KeyboardInterrupt())),
    "the disk": (replacement, "sync", failing(DISK_FULL)),
    "a file that is in use": (Path, "replace", in_use),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_run_leaves_the_previous_result_untouched(
    failure: str, finished: Path, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(finished.parent)
    place, name, replacement = FAILURES[failure]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, replacement)
        with pytest.raises(BaseException):  # noqa: B017 - which one is not the matter here
            train_classifier(colours, output=finished)
    assert snapshot(finished.parent) == before
    assert [entry.name for entry in finished.parent.iterdir()] == ["run"]
    train_classifier(colours, output=finished)
    after = snapshot(finished.parent)
    assert after.keys() == before.keys()
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
    place, name, replacement = FAILURES[failure]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, replacement)
        status = main(["--data", str(colours), "--output", str(finished)])
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
        (leave_no_class, "at least two class folders and has none"),
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
    assert main(["--data", str(colours), "--output", str(finished)]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error:"))
    assert complaint in line
    assert snapshot(finished.parent) == before


@pytest.mark.parametrize("place", ["", "red", "results", "red/deep/er", "../colours/results"])
def test_results_inside_the_data_folder_are_refused_before_any_work(
    place: str, colours: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(colours)
    assert main(["--data", str(colours), "--output", str(colours / place)]) == 1
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
        train_classifier(colours, output=tmp_path / output)
    assert (tmp_path / "file").read_text() == "mine"


def test_results_beside_and_above_the_data_are_fine(colours: Path, tmp_path: Path) -> None:
    for output in (tmp_path, tmp_path / "colours 2", tmp_path / "new" / "deep" / "er"):
        train_classifier(colours, output=output)
        assert (output / "model.pt").is_file()
