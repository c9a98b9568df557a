"""`kill -9` at any moment of training: the next run finishes as if nothing had been."""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.drawings import draw_colours
from tests.robustness.trainings import Training
from torch_inception.classifier.model_file import load_model
from torch_inception.features.cached_pass import COMMIT_ROWS
from torch_inception.system.cores import usable_cores

IMAGES = 90
BATCH = 4
"""Of the engine."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Train without being killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    draw_colours(folder / "colours")
    training = Training(folder / "training", folder / "colours", converts=True)
    assert training.run() == 0, training.said()
    return training


@pytest.fixture(scope="module")
def earlier(undisturbed: Training, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Train another kind of head on the same rows."""
    folder = tmp_path_factory.mktemp("earlier") / "training"
    training = Training(folder, undisturbed.data, ("--solver", "lbfgs"), converts=True)
    start_from(undisturbed, training, "cache")
    assert training.run() == 0, training.said()
    assert training.numbers() != undisturbed.numbers()
    return training


def start_from(one: Training, other: Training, *places: str) -> None:
    """Give a training the cache or the results of another."""
    for place in places:
        shutil.copytree(one.folder / place, other.folder / place, copy_function=link_or_copy)


def link_or_copy(source: str, target: str) -> None:
    """Copy what is written in place; link the large files, which never are."""
    if source.endswith(".pt"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def seconds_of(training: Training) -> float:
    start = time.monotonic()
    assert training.run() == 0, training.said()
    return time.monotonic() - start


def is_killed_after(training: Training, seconds: float) -> bool:
    """Start a training and kill it, unless it was quicker."""
    process = training.start()
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode != 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("places", "kills"),
    [((), 50), (("results",), 20), (("cache", "results"), 30)],
    ids=["nothing there", "earlier results", "earlier results and rows"],
)
def test_a_run_after_a_kill_gives_what_an_undisturbed_run_gives(
    places: tuple[str, ...],
    kills: int,
    undisturbed: Training,
    earlier: Training,
    tmp_path: Path,
    long: bool,
) -> None:
    def prepared(name: str) -> Training:
        training = Training(tmp_path / "storm" / name, undisturbed.data, converts=True)
        start_from(earlier, training, *places)
        return training

    seconds = seconds_of(prepared("timed"))
    moments, killed, number = random.Random(4), 0, 0
    while killed < (kills if long else 2):
        training, number = prepared(str(number)), number + 1
        assert number < 4 * kills
        killed += is_killed_after(training, moments.uniform(0, seconds))
        if (training.output / "model.pt").exists():
            load_model(training.output)
        assert training.run() == 0, training.said()
        assert training.numbers() == undisturbed.numbers()
        assert training.files() == undisturbed.files()
        # Rows wait for a commit, and for their turn behind those of other threads.
        lost = training.through_the_network() - (0 if "cache" in places else IMAGES)
        assert 0 <= lost <= COMMIT_ROWS + 3 * usable_cores() * BATCH
        shutil.rmtree(training.folder)
