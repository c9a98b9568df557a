"""Ctrl-C: within a few seconds, status 130, nothing lost, and how to go on is said."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.drawings import draw_colours
from torch_inception.features.cached_pass import COMMIT_ROWS
from torch_inception.system.cache_folder import CACHE_VARIABLE

ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path(__file__).parents[2])}

LIMIT = 5.0
"""Seconds within which a stopped command has ended."""

PATIENCE = 60.0
IMAGES = 72
HOW_TO_GO_ON = {
    "train": "error: stopped. Run the same command again: features that were computed are kept.",
    "predict": "error: stopped. What was answered is whole; give the other images to go on.",
}


class End(NamedTuple):
    """How a process ended after Ctrl-C."""

    status: int
    seconds: float
    shown: str


class Running:
    """A process, and what it has shown so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.shown = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._reader.is_alive(), self.shown
            time.sleep(0.005)

    def interrupt(self, *, times: int = 1) -> End:
        start = time.monotonic()
        for _ in range(times):
            self.process.send_signal(signal.SIGINT)
            time.sleep(0.1 if times > 1 else 0)
        status = self.process.wait(PATIENCE)
        seconds = time.monotonic() - start
        self._reader.join(PATIENCE)
        return End(status, seconds, self.shown)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as pipe:
            while part := os.read(pipe.fileno(), 65536):
                self.shown += part.decode(errors="replace")


@contextmanager
def running(*arguments: str, cache: Path, stdin: int = subprocess.DEVNULL) -> Iterator[Running]:
    """Start Python with arguments; it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **ENVIRONMENT, CACHE_VARIABLE: str(cache)},
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # Who starts the tests in the background may have Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    started = Running(process)
    try:
        yield started
    finally:
        started.close()


def check(end: End, message: str) -> None:
    """Assert what is promised of every end."""
    assert end.status == 130, end
    assert end.seconds < LIMIT, end
    assert end.shown.rstrip().endswith(message), end
    assert end.shown.count("error: stopped") == 1
    assert "Traceback" not in end.shown
    assert "terminate called" not in end.shown


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".part" in path.name]


def cached_rows(cache: Path) -> int:
    found = list((cache / "features").glob("*/index.sqlite"))
    if not found:
        return 0
    with sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True, timeout=5) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM rows").fetchone()[0]) if tables else 0


COMMAND = """
import importlib, sys, time
from tests.fakes import FakeEngine
from torch_inception.commands.signals import leave
class Slow(FakeEngine):
    def rows(self, images):
        time.sleep(0.02 * len(images))
        return super().rows(images)
command = importlib.import_module("torch_inception.commands." + sys.argv[1])
leave(command.main(sys.argv[2:], engine=Slow()))
"""


def train_arguments(home: Path, *flags: str) -> list[str]:
    places = ["--data", str(home / "data"), "--output", str(home / "run")]
    return ["-c", COMMAND, "train", *places, *flags]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with `data`."""
    folder = tmp_path_factory.mktemp("interrupted")
    draw_colours(folder / "data", count=IMAGES // 3)
    return folder


@pytest.fixture(scope="module")
def stopped(home: Path) -> tuple[End, int]:
    """Train, press Ctrl-C when the first rows are kept; return the end and the rows kept."""
    with running(*train_arguments(home), cache=home / "cache") as process:
        while cached_rows(home / "cache") < COMMIT_ROWS:
            assert process.process.poll() is None, process.shown
            time.sleep(0.02)
        end = process.interrupt()
    return end, cached_rows(home / "cache")


@pytest.fixture(scope="module")
def resumed(home: Path, stopped: tuple[End, int]) -> str:
    """Run the same command again; return what it shows."""
    with running(*train_arguments(home), cache=home / "cache") as process:
        assert process.process.wait(PATIENCE) == 0, process.shown
    return process.shown


def test_a_press_in_the_pass_stops_it_in_order(home: Path, stopped: tuple[End, int]) -> None:
    end, kept = stopped
    check(end, HOW_TO_GO_ON["train"])
    assert COMMIT_ROWS <= kept < IMAGES
    assert not (home / "run").exists()
    assert leftovers(home) == []


def test_the_same_command_goes_on_where_it_was_stopped(
    stopped: tuple[End, int], resumed: str
) -> None:
    _, kept = stopped
    assert f"features: {IMAGES - kept} computed, {kept} reused, 0 files skipped" in resumed


@pytest.mark.parametrize("times", [1, 2])
def test_while_the_head_is_fitted_the_previous_results_stay(
    home: Path, resumed: str, times: int
) -> None:
    before = {path.name: path.read_bytes() for path in (home / "run").iterdir()}
    endless = ["--solver", "sgd", "--steps", "1000000000", "--eval-interval", "1000000000"]
    with running(*train_arguments(home, *endless), cache=home / "cache") as process:
        process.wait_for("files skipped")
        time.sleep(0.3)
        check(process.interrupt(times=times), HOW_TO_GO_ON["train"])
    assert {path.name: path.read_bytes() for path in (home / "run").iterdir()} == before
    assert leftovers(home) == []


STUCK = """
import sys
from torch_inception.commands.run import run_command
from torch_inception.commands.signals import leave
def body():
    try:
        print("MOMENT", flush=True)
        while True:
            pass
    finally:
        print("MOMENT TOO", flush=True)
        while True:
            pass
leave(run_command(body, log_to=sys.stdout, when_stopped="stopped. Go on."))
"""
"""Does not end in order."""


def test_a_second_press_ends_what_does_not_end_in_order(home: Path) -> None:
    with running("-c", STUCK, cache=home / "cache") as process:
        process.wait_for("MOMENT")
        process.process.send_signal(signal.SIGINT)
        process.wait_for("MOMENT TOO")
        check(process.interrupt(), "error: stopped. Go on.")


APP = """
import runpy, signal, sys, time
import torch_inception
sys.argv = ["train", "--data", "/nowhere"]
try:
    runpy.run_module("torch_inception.train", run_name="__main__")
except SystemExit as stopped:
    assert stopped.code == 1
print("MOMENT", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("asked to stop")
finally:
    print("saved")
"""


def test_another_programs_ctrl_c_stays_its_own(home: Path) -> None:
    with running("-c", APP, cache=home / "cache") as process:
        process.wait_for("MOMENT")
        end = process.interrupt()
    assert end.status == 0
    assert end.shown.endswith("asked to stop\nsaved\n")


def predict_arguments(home: Path, *paths: str) -> list[str]:
    named = ["--model", str(home / "run"), "--format", "json", *paths]
    return ["-c", COMMAND, "predict", *named]


def answers(shown: str) -> Sequence[str]:
    """Return the paths of the answers; each is whole."""
    lines = [line for line in shown.splitlines() if line.startswith("{")]
    return [json.loads(line)["path"] for line in lines]


def test_naming_many_images_leaves_whole_answers(home: Path, resumed: str) -> None:
    arguments = predict_arguments(home, str(home / "data"))
    with running(*arguments, cache=home / "cache") as process:
        process.wait_for("}\n")
        end = process.interrupt()
    check(end, HOW_TO_GO_ON["predict"])
    named = answers(end.shown)
    everything = [str(path) for path in sorted((home / "data").rglob("*.png"))]
    assert 0 < len(named) < IMAGES
    assert list(named) == everything[: len(named)]


def test_while_it_waits_for_a_person_to_type(home: Path, resumed: str) -> None:
    reading, writing = os.pipe()
    first = home / "data" / "red" / "red_00.png"
    try:
        with running(*predict_arguments(home, "-"), cache=home / "cache", stdin=reading) as process:
            os.write(writing, f"{first}\n".encode())
            process.wait_for("}\n")
            end = process.interrupt()
    finally:
        os.close(reading)
        os.close(writing)
    check(end, HOW_TO_GO_ON["predict"])
    assert answers(end.shown) == [str(first)]
