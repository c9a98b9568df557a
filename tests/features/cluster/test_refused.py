"""What cannot work is told in a line, and never waited for."""

import importlib.metadata
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

from tests.features.cluster.conftest import COMMAND, RunFeatures
from tests.features.cluster.slow_engine import BrokenEngine, OnlyHereEngine
from torch_inception.engines.protocol import Engine

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


def test_an_actor_that_cannot_start_is_told(cluster: str, run_features: RunFeatures) -> None:
    error = told_in_time(run_features, cluster, engine=OnlyHereEngine())
    assert "cannot start" in error
    assert "No module named 'that_is_only_here'" in error
    error = told_in_time(run_features, cluster, engine=BrokenEngine())
    assert "no such instruction" in error
