"""Places and streams that are not what they should be: told in a line, or of no matter."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from tests.robustness.trainings import Training
from torch_inception.commands.train import main
from torch_inception.engines.protocol import Rows
from torch_inception.errors import CacheError
from torch_inception.features.cache import RECORD_BYTES
from torch_inception.features.cached_pass import run_pass
from torch_inception.images.preprocess import Pixels, Preprocessing

LONG = "x" * 300


class Disturbed(FakeEngine):
    """Disturbs the file of rows while the first batch is computed."""

    def __init__(self, disturb: Callable[[], None]) -> None:
        super().__init__()
        self.left = [disturb]

    def rows(self, images: Sequence[Pixels]) -> Rows:
        while self.left:
            self.left.pop()()
        return super().rows(images)


@pytest.mark.parametrize("change", ["gone", "emptied", "other"])
def test_rows_that_are_lost_during_a_run_never_become_wrong_ones(
    change: str, colours: Path, own_cache: Path
) -> None:
    paths = sorted(colours.rglob("*.png"))
    run_pass(FakeEngine(), Preprocessing(), paths[30:], cache=own_cache)
    (rows,) = own_cache.rglob("rows.bin")

    def disturb() -> None:
        content = rows.read_bytes()
        rows.unlink()
        if change == "emptied":
            rows.touch()
        elif change == "other":
            rows.write_bytes(content[RECORD_BYTES:] + content[:RECORD_BYTES])

    with pytest.raises(CacheError, match="are gone"):
        run_pass(Disturbed(disturb), Preprocessing(), paths, cache=own_cache)
    table = run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache)
    alone = run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache.parent / "new")
    assert torch.equal(table.rows.tensor(), alone.rows.tensor())


@pytest.mark.parametrize(
    "flags",
    [("--data", LONG), ("--output", LONG), ("--output", "loop/run"), ("--output", "file/run")],
    ids=lambda flags: flags[0] + flags[1][:8],
)
def test_places_that_cannot_be_are_told_in_a_line(
    flags: tuple[str, str],
    colours: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    assert main(["--data", str(colours), *flags], engine=FakeEngine()) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["splits.csv", "model.pt"])
def test_a_folder_in_the_place_of_a_file_is_told_before_any_work(
    name: str, colours: Path, run: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).mkdir(parents=True)
    assert main(["--data", str(colours), "--output", str(run)], engine=FakeEngine()) == 1
    assert f"{name} is in the way" in capsys.readouterr().err
    assert not own_cache.exists()


def test_results_can_lie_behind_a_link_or_on_another_disk(tmp_path: Path) -> None:
    draw_colours(tmp_path / "colours")
    training = Training(tmp_path / "training", tmp_path / "colours")
    target = tmp_path / "elsewhere"
    target.mkdir()
    training.output.parent.mkdir(parents=True)
    training.output.symlink_to(target, target_is_directory=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(target)]
    is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        for _ in range(2):
            assert training.run() == 0, training.said()
            assert (target / "model.pt").is_file()
            assert not [file for file in target.iterdir() if file.name.startswith(".")]
    finally:
        if is_mounted:
            subprocess.run(["umount", str(target)], check=True)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_costs_no_run(
    closed: str, colours: Path, tmp_path: Path, own_cache: Path
) -> None:
    script = (
        "import pathlib, sys\n"
        "from tests.fakes import FakeEngine\n"
        "from torch_inception.commands.train import main\n"
        "status = main(sys.argv[3:], engine=FakeEngine())\n"
        "(pathlib.Path(sys.argv[2]) / 'status').write_text(str(status))"
    )
    arguments = ["--data", str(colours), "--output", str(tmp_path / "run")]
    command = [sys.executable, "-c", script, closed, str(tmp_path), *arguments]
    subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, check=False,
    )  # fmt: skip
    assert (tmp_path / "status").read_text() == "0"
    assert (tmp_path / "run" / "model.pt").is_file()


def test_a_line_break_in_a_name_begins_no_line(
    colours: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(colours / "red", colours / "red\nerror: disk on fire")
    (colours / "blue" / "x\nskipped: y.png").write_bytes(b"no image")
    assert main(["--data", str(colours), "--output", str(run)], engine=FakeEngine()) == 0
    out, err = capsys.readouterr()
    lines = (out + err).splitlines()
    assert not [line for line in lines if line.startswith("error:")]
    assert [line.count("skipped:") for line in lines if line.startswith("skipped:")] == [2]
