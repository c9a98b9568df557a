"""Ctrl-C at any moment: within two seconds, status 130, nothing lost, and how to go on is said."""

import importlib.util
import json
import os
import shutil
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

from tests.test_end_to_end import WEIGHTS, command, draw
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.features.table import COMMIT_ROWS
from torch_inception.system.cache_folder import CACHE_VARIABLE

pytestmark = pytest.mark.real_weights

LIMIT = 2.0
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
            time.sleep(0.03 if times > 1 else 0)
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
        env={**os.environ, CACHE_VARIABLE: str(cache), "PYTHONUNBUFFERED": "1"},
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


def train_arguments(home: Path) -> list[str]:
    return ["--data", str(home / "data"), "--output", str(home / "run"), "--weights", WEIGHTS]


@pytest.fixture(scope="module")
def home(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with `data`, and a cache that has the weights alone."""
    folder = tmp_path_factory.mktemp("interrupted")
    for number in range(IMAGES):
        kind = ("dots", "stripes")[number % 2]
        (folder / "data" / kind).mkdir(parents=True, exist_ok=True)
        draw(kind, number).save(folder / "data" / kind / f"{number}.png")
    shutil.copytree(real_cache / "weights", folder / "cache" / "weights")
    return folder


@pytest.fixture(scope="module")
def stopped(home: Path) -> tuple[End, int]:
    """Train, press Ctrl-C twice when the first rows are kept; return the end and the rows kept."""
    with running(
        "-m", "torch_inception.train", *train_arguments(home), cache=home / "cache"
    ) as process:
        while cached_rows(home / "cache") < COMMIT_ROWS:
            assert process.process.poll() is None, process.shown
            time.sleep(0.02)
        end = process.interrupt(times=2)
    return end, cached_rows(home / "cache")


@pytest.fixture(scope="module")
def resumed(home: Path, stopped: tuple[End, int]) -> str:
    """Run the same command again; return what it shows."""
    status, shown, complaints = command("train", *train_arguments(home), cache=home / "cache")
    assert status == 0, complaints
    return shown


def test_two_presses_in_the_pass_stop_it_in_order(home: Path, stopped: tuple[End, int]) -> None:
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


@pytest.mark.parametrize("imported", ["argparse", "torch_inception.config", "torch._utils"])
def test_while_python_still_imports(home: Path, imported: str) -> None:
    arguments = ["-X", "importtime", "-m", "torch_inception.train", *train_arguments(home)]
    with running(*arguments, cache=home / "cache") as process:
        process.wait_for(f" {imported}\n")
        end = process.interrupt()
    assert end.status == 130
    assert end.seconds < LIMIT
    assert "Traceback" not in end.shown
    assert "error: stopped" in end.shown


PATCHED = """
import time, sys, importlib
from torch_inception.commands.signals import leave
from torch_inception.commands.train import main
room, name, once = {where!r}
module = importlib.import_module("torch_inception." + room)
original = getattr(module, name)
def patched(*arguments, **named):
    print("MOMENT", flush=True)
    while True:
        original(*arguments, **named)
        if once:
            time.sleep(60)
setattr(module, name, patched)
leave(main(sys.argv[1:]))
"""
"""Runs the command so that it stays at a moment, doing what it does there again and again."""


@pytest.mark.parametrize(
    "where",
    [
        ("training.pipeline", "load_weights", False),
        ("features.table", "remembered_digests", False),
        ("training.pipeline", "fit_head", False),
        ("training.run_folder", "write_splits", True),
    ],
    ids=lambda where: where[1],
)
def test_at_other_moments_the_previous_results_stay(
    home: Path, resumed: str, where: tuple[str, str, bool]
) -> None:
    before = {path.name: path.read_bytes() for path in (home / "run").iterdir()}
    with running(
        "-c", PATCHED.format(where=where), *train_arguments(home), cache=home / "cache"
    ) as process:
        process.wait_for("MOMENT")
        time.sleep(0.3)
        end = process.interrupt()
    check(end, HOW_TO_GO_ON["train"])
    assert {path.name: path.read_bytes() for path in (home / "run").iterdir()} == before
    assert leftovers(home) == []


STUCK = """
import hashlib, sys
from torch_inception.commands.flags import run_command
from torch_inception.commands.signals import leave
def body():
    print("MOMENT", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)
    return 0
leave(run_command(body, log_to=sys.stdout, when_stopped="stopped. Go on."))
"""
"""Computes for minutes in one step of Python's."""


@pytest.mark.parametrize("times", [1, 3])
def test_libraries_that_do_not_listen_are_not_waited_for(home: Path, times: int) -> None:
    with running("-c", STUCK, cache=home / "cache") as process:
        process.wait_for("MOMENT")
        check(process.interrupt(times=times), "error: stopped. Go on.")


WRAPPED = """
import sys, time
from torch_inception.commands.flags import run_command
from torch_inception.commands.signals import leave
def body():
    try:
        print("MOMENT", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        raise RuntimeError("something went wrong in a library")
leave(run_command(body, log_to=sys.stdout, when_stopped="stopped. Go on."))
"""


def test_an_error_that_a_library_makes_of_ctrl_c_is_still_ctrl_c(home: Path) -> None:
    with running("-c", WRAPPED, cache=home / "cache") as process:
        process.wait_for("MOMENT")
        check(process.interrupt(), "error: stopped. Go on.")


def predict_arguments(home: Path, *paths: str) -> list[str]:
    named = ["--model", str(home / "run"), "--format", "json", *paths]
    return ["-m", "torch_inception.predict", *named]


def answers(shown: str) -> Sequence[str]:
    """Return the paths of the answers; each is whole."""
    lines = [line for line in shown.splitlines() if line.startswith("{")]
    return [json.loads(line)["path"] for line in lines]


@pytest.mark.parametrize("times", [1, 2])
def test_naming_many_images_leaves_whole_answers(home: Path, resumed: str, times: int) -> None:
    arguments = predict_arguments(home, str(home / "data"))
    with running(*arguments, cache=home / "cache") as process:
        process.wait_for('"error": null}\n')
        end = process.interrupt(times=times)
    check(end, HOW_TO_GO_ON["predict"])
    named = answers(end.shown)
    everything = [str(path) for path in sorted((home / "data").rglob("*.png"))]
    assert 0 < len(named) < IMAGES
    assert list(named) == everything[: len(named)]


def test_while_it_waits_for_a_person_to_type(home: Path, resumed: str) -> None:
    reading, writing = os.pipe()
    first = home / "data" / "dots" / "0.png"
    try:
        with running(*predict_arguments(home, "-"), cache=home / "cache", stdin=reading) as process:
            os.write(writing, f"{first}\n".encode())
            process.wait_for('"error": null}\n')
            end = process.interrupt()
    finally:
        os.close(reading)
        os.close(writing)
    check(end, HOW_TO_GO_ON["predict"])
    assert answers(end.shown) == [str(first)]


def test_while_a_network_is_calibrated(home: Path, resumed: str, long: bool) -> None:
    if not (importlib.util.find_spec("nncf") and has_instructions()):
        pytest.skip("8-bit integers are not to be had here")
    arguments = ["-m", "torch_inception.train", *train_arguments(home), "--precision", "int8"]
    for pause in (0.5, 2.0, 4.0, 8.0) if long else (3.0,):
        with running(*arguments, cache=home / "cache") as process:
            process.wait_for("int8: calibrating")
            time.sleep(pause)
            check(process.interrupt(), HOW_TO_GO_ON["train"])
        assert leftovers(home) == []
