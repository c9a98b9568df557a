"""Several processes over one cache: no row lost, doubled or torn, and nobody waits for the dead."""

import shutil
import signal
import sqlite3
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.drawings import draw_colours
from tests.processes import server
from tests.robustness.trainings import Training
from torch_inception.features.cache import RECORD_BYTES
from torch_inception.features.cache.row_store import RowStore


@pytest.fixture
def data(tmp_path: Path) -> list[Path]:
    """Draw a data set, and make others that share two classes with it."""
    folders = [tmp_path / "data" / name for name in ("one", "same", "part", "renamed")]
    draw_colours(folders[0])
    shutil.copytree(folders[0], folders[1])
    shutil.copytree(folders[0], folders[2], ignore=shutil.ignore_patterns("red"))
    shutil.copytree(folders[0], folders[3])
    for number, path in enumerate(sorted(folders[3].rglob("*.png"))):
        path.rename(path.with_name(f"{number}.png"))
    return folders


def with_cache_of(training: Training, folder: Path) -> Training:
    """Have a training use another's cache."""
    training.folder.mkdir(parents=True)
    (training.folder / "cache").symlink_to(folder, target_is_directory=True)
    return training


def test_four_processes_over_one_cache(data: list[Path], tmp_path: Path) -> None:
    alone = [
        Training(tmp_path / "alone" / folder.name, folder, converts=not number)
        for number, folder in enumerate(data)
    ]
    for training in alone:
        assert training.run() == 0, training.said()
    shared = tmp_path / "shared"
    shared.mkdir()
    together = [
        with_cache_of(Training(tmp_path / "together" / folder.name, folder, converts=True), shared)
        for folder in data
    ]
    processes = [training.start() for training in together]
    for process in processes:
        process.join()
    for training, other, process in zip(together, alone, processes, strict=True):
        assert process.exitcode == 0, training.said()
        assert training.numbers() == other.numbers()
    assert {file.name for file in shared.rglob("*")} == {
        file.name for file in alone[0].cache.rglob("*")
    }
    (rows,) = shared.rglob("rows.bin")
    assert rows.stat().st_size == 90 * RECORD_BYTES
    assert len(RowStore(rows.parent)) == 90


def hold(index: Path) -> None:
    """Be in the middle of writing to the index until the file "held" is gone."""
    connection = sqlite3.connect(index, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    held_file = index.parent / "held"
    held_file.touch()
    while held_file.exists():
        time.sleep(0.01)
    connection.execute("COMMIT")


def held(training: Training) -> tuple[Path, ForkServerProcess]:
    """Have another process write to the index of rows; the last rows are to be computed again."""
    (index,) = training.cache.rglob("index.sqlite")
    connection = sqlite3.connect(index)
    connection.execute("DELETE FROM rows WHERE number >= 60")
    connection.commit()
    connection.close()
    with (index.parent / "rows.bin").open("rb+") as rows:
        rows.truncate(60 * RECORD_BYTES)
    holder = server.Process(target=hold, args=(index,), daemon=True)
    holder.start()
    while not (index.parent / "held").exists():
        time.sleep(0.01)
    return index, holder


@pytest.fixture
def finished(data: list[Path], tmp_path: Path) -> Training:
    training = Training(tmp_path / "finished", data[0])
    assert training.run() == 0, training.said()
    return training


def test_a_process_that_waits_for_another_says_so(finished: Training) -> None:
    numbers = finished.numbers()
    index, holder = held(finished)
    process = finished.start()
    waiting = f"waiting for another process that writes to {index}\n"
    while waiting not in finished.said():
        assert process.is_alive(), finished.said()
        time.sleep(0.01)
    (index.parent / "held").unlink()
    process.join()
    assert process.exitcode == 0
    assert finished.said().count(waiting) == 1
    assert finished.numbers() == numbers
    holder.join()
    assert holder.exitcode == 0


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(finished: Training) -> None:
    numbers = finished.numbers()
    _, holder = held(finished)
    holder.kill()
    holder.join()
    assert holder.exitcode == -signal.SIGKILL
    assert finished.run() == 0
    assert "waiting" not in finished.said()
    assert finished.numbers() == numbers


def test_two_processes_that_write_the_same_results_leave_those_of_one(
    data: list[Path], finished: Training, tmp_path: Path, long: bool
) -> None:
    solvers = ("lda", "lbfgs")
    wanted = {}
    for solver in solvers:
        training = with_cache_of(
            Training(tmp_path / solver, data[0], ("--solver", solver)), finished.cache
        )
        assert training.run() == 0, training.said()
        wanted[solver] = training.numbers()
    for _ in range(10 if long else 1):
        shutil.rmtree(finished.output)  # the first time that there are results is a race of its own
        same = [Training(finished.folder, data[0], ("--solver", solver)) for solver in solvers]
        processes = [training.start() for training in same]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0], finished.said()
        config = (finished.output / "config.toml").read_text(encoding="utf-8")
        (winner,) = (solver for solver in solvers if f'solver = "{solver}"' in config)
        assert finished.numbers() == wanted[winner]
        assert f'"{winner}"' in (finished.output / "metrics.json").read_text(encoding="utf-8")
    assert [entry.name for entry in finished.output.parent.iterdir()] == ["run"]
