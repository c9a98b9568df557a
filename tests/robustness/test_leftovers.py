"""What a killed process was writing is cleared or finished; what a living one writes is not."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import server
from torch_inception.system.atomic import temporary_file, temporary_folder
from torch_inception.system.replacement import prepare_replacing, replaced_together

NAMES = ("one", "two", "below/three")


def write(folder: Path, content: str) -> None:
    (folder / "below").mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_text(content)


def contents(folder: Path) -> dict[str, str]:
    """Return name -> content of the files that are not hidden."""
    names = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    return {name: (folder / name).read_text() for name in names if name[0] != "."}


def replace_and_die(folder: Path, renames: int) -> None:
    """Replace the files; be killed before one of the renames."""
    left = iter(range(renames))
    replace = Path.replace

    def counted(self: Path, target: Path) -> Path:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = counted  # type: ignore[assignment, method-assign]
    with replaced_together(folder, NAMES) as staging:
        write(staging, "new")


def write_and_die(target: Path) -> None:
    with temporary_file(target) as file, temporary_folder(target) as folder:
        file.write_text("half")
        (folder / "half").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def write_and_stay(target: Path) -> None:
    with temporary_file(target) as file, temporary_folder(target):
        file.write_text("half")
        time.sleep(600)


def run(job: Callable[..., None], *arguments: object) -> None:
    process = server.Process(target=job, args=arguments, daemon=True)
    process.start()
    process.join()


@pytest.mark.parametrize("renames", range(len(NAMES) + 1))
def test_a_killed_replacement_is_finished_by_the_next_process(renames: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write(folder, "old")
    (folder / "mine").write_text("mine")
    run(replace_and_die, folder, renames)
    assert list(contents(folder).values()).count("new") == renames
    prepare_replacing(folder, NAMES)
    assert contents(folder) == {**dict.fromkeys(NAMES, "new"), "mine": "mine"}
    assert {entry.name for entry in folder.iterdir()} == {"one", "two", "below", "mine"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_new_replacement_comes_after_the_killed_one(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write(folder, "old")
    run(replace_and_die, folder, 1)
    with replaced_together(folder, NAMES) as staging:
        write(staging, "newer")
    prepare_replacing(folder, NAMES)
    assert contents(folder) == dict.fromkeys(NAMES, "newer")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_another_process_made_a_moment_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if not folder.exists():
            folder.mkdir()
            write(folder, "theirs")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    with replaced_together(folder, NAMES) as staging:
        write(staging, "ours")
    assert contents(folder) == dict.fromkeys(NAMES, "ours")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_what_a_killed_process_wrote_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".video.part").write_text("somebody else's")
    target = tmp_path / "target"
    run(write_and_die, target)
    assert len(list(tmp_path.iterdir())) == 3
    with temporary_file(target):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == [".video.part"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    process = server.Process(target=write_and_stay, args=(target,), daemon=True)
    process.start()
    while not any(file.stat().st_size for file in tmp_path.iterdir() if file.is_file()):
        time.sleep(0.01)
    before = set(tmp_path.iterdir())
    assert len(before) == 2
    with temporary_file(target), temporary_folder(target):
        assert set(tmp_path.iterdir()) > before
    assert set(tmp_path.iterdir()) == before
    process.kill()
    process.join()
