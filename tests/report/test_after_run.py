"""The report that the command leaves, or why there is none; the run itself is complete."""

from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand
from torch_inception.errors import CacheError
from torch_inception.report import after_run
from torch_inception.training.train_classifier import train_classifier


def test_a_run_ends_with_its_report(train: TrainCommand, run: Path) -> None:
    status, out, err = train()
    assert (status, err) == (0, "")
    assert out.endswith(f"The report is {run / 'report.html'}\n")
    assert "data:image/jpeg" in (run / "report.html").read_text(encoding="utf-8")


def test_images_can_be_left_out_of_it(train: TrainCommand, run: Path) -> None:
    train("--no-thumbnails")
    assert "data:image" not in (run / "report.html").read_text(encoding="utf-8")


def test_without_a_report_that_of_the_run_before_is_gone(train: TrainCommand, run: Path) -> None:
    train()
    status, out, _ = train("--no-report")
    assert status == 0
    assert "report.html" not in out
    assert not (run / "report.html").exists()


def test_training_from_python_leaves_no_report_of_the_run_before(
    train: TrainCommand, run: Path, colours: Path
) -> None:
    train()
    train_classifier(colours, output=run, engine=FakeEngine())
    assert not (run / "report.html").exists()


def test_a_folder_in_the_way_of_the_report_is_told_before_any_work(
    train: TrainCommand, run: Path
) -> None:
    (run / "report.html").mkdir(parents=True)
    status, _, err = train()
    assert status == 1
    assert "report.html" in err
    assert not (run / "model.pt").exists()


@pytest.mark.parametrize(
    ("error", "is_fault"),
    [
        (RuntimeError("of this test"), True),
        (OSError("no room"), False),
        (CacheError("Old."), False),
    ],
)
def test_a_report_that_fails_is_a_warning_and_a_fault_of_ours_shows_where(
    train: TrainCommand,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    *,
    is_fault: bool,
) -> None:
    train()

    def fail(*_: object, **__: object) -> Path:
        raise error

    monkeypatch.setattr(after_run, "write_report", fail)
    status, _, err = train()
    assert status == 0
    first, *others = err.splitlines()
    assert first.startswith(
        "WARNING: there is no report of these results, and all else is complete"
    )
    assert f"{error}\n" in err
    assert ("Traceback (most recent call last):" in others) == is_fault
    assert (run / "model.pt").is_file()
    assert not (run / "report.html").exists()


def test_what_was_told_of_images_is_not_told_again(
    train: TrainCommand, run: Path, colours: Path
) -> None:
    for number in range(3):
        Image.new("RGB", (9 + number, 9), (9, 9, 200)).save(colours / "red" / f"{number}.png")
    status, _, err = train()
    assert status == 0
    assert 'id="misclassified"' in (run / "report.html").read_text(encoding="utf-8")
    assert err.count("one plain colour") == 1
