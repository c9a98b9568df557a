"""What cannot work is told in a line, and never waited for."""

import importlib.metadata
import logging
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

import ray

from tests.fakes import FakeEngine
from tests.features.cluster.conftest import COMMAND, RunFeatures
from tests.features.cluster.folders import draw_shades
from tests.features.cluster.one_process import PREPROCESSING, setup_for
from tests.features.cluster.slow_engine import BrokenEngine, EndingEngine, OnlyHereEngine
from torch_inception.engines.protocol import Engine
from torch_inception.features.cluster import ray_cluster
from torch_inception.features.cluster.blocks import cut_blocks
from torch_inception.features.cluster.listing import list_folder
from torch_inception.features.cluster.missing import find_missing
from torch_inception.features.cluster.shard_folders import open_folder
from torch_inception.features.cluster.shards import Shards
from torch_inception.features.image_rows import row_space

# Ray leaves sockets and files open.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Ray's clusters are on Linux and macOS"),
]

SECONDS = 30
"""In which an error has to be told."""

TOKEN = "0123456789abcdef" * 4
ANOTHER_TOKEN = "f" * len(TOKEN)

START = """
import ray
from ray.scripts.scripts import main
ray.__version__ = {version!r} or ray.__version__
main()
"""


class Machines(NamedTuple):
    """Addresses of clusters of one machine each, beside those of `cluster`."""

    with_token: str
    of_another_version: str


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """Start a machine without slots that wants a token, and one that says it has another Ray."""
    with_token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    for_all = {"RAY_AUTH_MODE": "disabled"}
    with (
        head("127.0.0.6", slots=0, environment=with_token) as (one, one_log),
        head("127.0.0.7", slots=1, environment=for_all, version="2.59.0") as (another, log),
    ):
        wait_until_started(one_log)
        wait_until_started(log)
        yield Machines(one, another)


@contextmanager
def head(
    host: str, *, slots: int, environment: dict[str, str], version: str = ""
) -> Iterator[tuple[str, Path]]:
    """Start a machine with `ray start --head`; yield its address and what it prints, at once."""
    with socket.create_server((host, 0)) as free:
        address = f"{host}:{free.getsockname()[1]}"
    flags = ["--head", f"--port={address.partition(':')[2]}", f"--node-ip-address={host}"]
    flags += [f"--num-cpus={slots}", "--include-dashboard=false", "--block"]
    command = [sys.executable, "-c", START.format(version=version), "start", *flags]
    # pytest's own folders have names that are too long for sockets.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "log")
        with log.open("wb") as printed:
            process = subprocess.Popen(
                command, env=os.environ | environment | {"RAY_TMPDIR": folder}, stdout=printed,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            yield address, log
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_until_started(log: Path) -> None:
    end = time.monotonic() + 120
    while "Ray runtime started" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def told_in_time(run_features: RunFeatures, address: str, *, engine: Engine | None = None) -> str:
    """Return the error, which has one line and comes soon."""
    start = time.monotonic()
    status, _, error = run_features("--cluster", address, engine=engine)
    assert status == 1
    assert time.monotonic() - start < SECONDS
    assert error.count("\n") == 1
    return error


def test_what_cannot_be_reached_is_told(run_features: RunFeatures) -> None:
    assert "nothing answers at 127.0.0.1:1" in told_in_time(run_features, "127.0.0.1:1")


def test_where_no_cluster_runs_auto_is_told(
    run_features: RunFeatures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert "no cluster runs on this machine" in told_in_time(run_features, "auto")


def test_what_is_no_cluster_is_told_and_never_waited_for(run_features: RunFeatures) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert "has not answered as a Ray cluster" in told_in_time(run_features, address)


def test_a_missing_or_wrong_token_and_then_missing_slots_are_told(
    machines: Machines,
    run_features: RunFeatures,
    colours: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where there is no token, Ray would take that of the home folder.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert "it wants a token" in told_in_time(run_features, machines.with_token)
    monkeypatch.setenv("RAY_AUTH_TOKEN", ANOTHER_TOKEN)
    assert "it wants a token" in told_in_time(run_features, machines.with_token)
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    error = told_in_time(in_a_process(colours, tmp_path / "shards"), machines.with_token)
    assert "the cluster has no free CPU slot: 0 in all" in error


def in_a_process(data: Path, shards: Path) -> RunFeatures:
    """Do as `run_features`: this process has read the token when it imported Ray."""

    def call(*flags: str, engine: Engine | None = None) -> tuple[int, str, str]:
        assert engine is None
        command = [sys.executable, "-c", COMMAND, str(data), "--shards", str(shards), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return call


def test_another_version_of_ray_is_told(
    machines: Machines, run_features: RunFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    error = told_in_time(run_features, machines.of_another_version)
    assert f"it has other versions: Ray 2.59.0 and Python {platform.python_version()}" in error
    assert f"and here Ray {importlib.metadata.version('ray')} and Python" in error


def test_what_features_cannot_use_is_told(
    run_features: RunFeatures, colours: Path, tmp_path: Path
) -> None:
    file, nothing, empty = (tmp_path / name for name in ("file", "nothing", "empty"))
    file.touch()
    empty.mkdir()
    for data, flags, told in (
        (file, [], f"{file} is not a folder"),
        (nothing, [], f"{nothing} is not a folder"),
        (empty, [], f"{empty} has no files"),
        (colours, ["--shards", str(file)], f"{file} is a file"),
        (colours, ["--intensity", "dataset"], "intensity = 'dataset' is for training"),
    ):
        status, _, error = run_features(*flags, data=data)
        assert status == 1
        assert error.startswith(f"error: {told}")
        assert error.count("\n") == 1


def test_an_image_that_ends_its_process_is_among_few_that_are_named(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_features: RunFeatures
) -> None:
    monkeypatch.setattr(ray_cluster, "MOST_TRIES", 1)
    paths = draw_shades(tmp_path / "shades", 64)  # in blocks of four
    engine = EndingEngine(red=30)
    status, _, error = run_features("--cluster", cluster, engine=engine, data=paths[0].parent)
    assert status == 1
    assert error.count("\n") == 1
    assert f"likely one from {paths[28]} to {paths[31]}" in error


def test_slots_that_another_run_takes_meanwhile_are_waited_for_and_that_is_told(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ray_cluster, "TELL_SECONDS", 0.1)
    caplog.set_level(logging.INFO)
    end = tmp_path / "end"

    def hold_a_slot() -> None:
        while not end.exists():
            time.sleep(0.1)

    class EndWhenTold(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for a slot" in record.getMessage():
                end.touch()

    draw_shades(tmp_path / "images", 8)
    listing = list_folder(tmp_path / "images")
    shards = Shards(open_folder(str(tmp_path / "shards")), row_space(FakeEngine(), PREPROCESSING))
    blocks = cut_blocks(listing, find_missing(listing, shards).views, slots=2, batch_size=4)
    handler = EndWhenTold()
    ray_cluster.log.addHandler(handler)
    try:
        with ray_cluster.connected(cluster) as connected, shards.folder.marked() as run:
            assert connected.slots == 2
            hold = ray.remote(num_cpus=1)(hold_a_slot)
            held = [hold.remote() for _ in range(connected.slots)]
            while ray.available_resources().get("CPU", 0):
                time.sleep(0.1)
            outcomes = list(connected.outcomes(setup_for(shards, run=run), blocks, None))
            ray.get(held)
    finally:
        end.touch()
        ray_cluster.log.removeHandler(handler)
    assert sum(outcome.rows for outcome in outcomes) == 8
    assert "what else runs there has taken all of them" in caplog.text


def test_an_actor_that_cannot_start_is_told(cluster: str, run_features: RunFeatures) -> None:
    error = told_in_time(run_features, cluster, engine=OnlyHereEngine())
    assert "cannot start" in error
    assert "No module named 'that_is_only_here'" in error
    error = told_in_time(run_features, cluster, engine=BrokenEngine())
    assert "no such instruction" in error
