"""A full disk: a clear error, the previous results and the cache as they were, and it goes on."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drawings import draw_colours
from tests.robustness.trainings import Training
from torch_inception.features.cache import RECORD_BYTES
from torch_inception.features.cached_pass import COMMIT_ROWS

IMAGES = 90


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "colours"
    draw_colours(folder)
    return folder


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Train with all the room that it wants."""
    training = Training(tmp_path_factory.mktemp("finished") / "training", data, converts=True)
    assert training.run() == 0, training.said()
    return training


@pytest.fixture
def with_networks(finished: Training, tmp_path: Path) -> Training:
    """Have the weights at hand, and no rows."""
    training = Training(tmp_path / "training", finished.data, converts=True)
    for name in ("weights", "networks"):
        shutil.copytree(finished.cache / name, training.cache / name)
    return training


def complaint(training: Training) -> str:
    """Return the error that was shown last, which is one line and no traceback."""
    said = training.said()
    assert "Traceback" not in said
    (*_, line) = (line for line in said.splitlines() if line.startswith("error: "))
    return line


def assert_goes_on(training: Training, finished: Training) -> None:
    """Run again with room: it gives what it would have given, from the rows that were kept."""
    before = training.through_the_network()
    assert training.run() == 0, training.said()
    assert training.numbers() == finished.numbers()
    assert training.files() == finished.files()
    assert training.through_the_network() - before <= IMAGES - COMMIT_ROWS


def test_no_room_for_rows(with_networks: Training, finished: Training) -> None:
    training = with_networks
    assert training.run(limit_bytes=(COMMIT_ROWS + 8) * RECORD_BYTES) == 1
    assert "the feature cache" in complaint(training)
    assert "Free space" in complaint(training)
    (rows,) = training.cache.rglob("rows.bin")
    assert rows.stat().st_size == COMMIT_ROWS * RECORD_BYTES
    assert not training.output.exists()
    assert_goes_on(training, finished)


def test_no_room_for_results(finished: Training, tmp_path: Path) -> None:
    training = Training(tmp_path / "training", finished.data, ("--solver", "lbfgs"))
    shutil.copytree(finished.cache, training.cache)
    shutil.copytree(finished.output, training.output)
    before = {file: file.read_bytes() for file in training.folder.rglob("*") if file.is_file()}
    assert training.run(limit_bytes=20_000) == 1
    assert f"cannot write the results to {training.output}" in complaint(training)
    after = {file: file.read_bytes() for file in training.folder.rglob("*") if file.is_file()}
    assert {**after, **before} == after
    assert {file.name for file in after.keys() - before.keys()} == {"screen", "count"}
    assert training.run() == 0
    assert training.numbers() != finished.numbers()
    assert training.files() == finished.files()


def test_no_room_for_weights_is_no_error(finished: Training, tmp_path: Path) -> None:
    training = Training(tmp_path / "training", finished.data, converts=True)
    assert training.run(limit_bytes=2**20) == 0
    assert training.said().count(" cannot be kept (") == 2
    assert "Traceback" not in training.said()
    assert training.numbers() == finished.numbers()
    assert training.files() < finished.files()
    assert_goes_on(training, finished)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 400 kB."""
    folder = tmp_path / "training" / "cache"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, finished: Training) -> None:
    training = Training(small_disk.parent, finished.data, converts=True)
    assert training.run() == 1
    assert "No space left on device" in complaint(training) or "disk is full" in complaint(training)
    assert not training.output.exists()
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    assert_goes_on(training, finished)
