"""A cluster of two machines, both of which are this one, and the command that uses it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeEngine
from torch_inception.commands import features
from torch_inception.engines.protocol import Engine

ROOT = Path(__file__).parents[3]

RunFeatures = Callable[..., tuple[int, str, str]]

COMMAND = """
import sys
from tests.fakes import FakeEngine
from torch_inception.commands.features import main
sys.exit(main(engine=FakeEngine()))
"""


@pytest.fixture(scope="session", autouse=True)
def _importable() -> Iterator[None]:
    """Let what is started import the tests, wherever it is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        yield


@contextmanager
def machines(first: str, second: str) -> Iterator[tuple[Any, Any]]:
    """Start a cluster of two machines with a slot each; give it, and its second machine."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "node_ip_address": first, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield made, made.add_node(num_cpus=1, node_ip_address=second)
    finally:
        made.shutdown()


@pytest.fixture(scope="module")
def cluster(_importable: None) -> Iterator[str]:
    """Give the address of a cluster of two machines with a slot each."""
    with machines("127.0.0.2", "127.0.0.3") as (made, _):
        yield made.address


@pytest.fixture
def run_features(tmp_path: Path, colours: Path, capsys: pytest.CaptureFixture[str]) -> RunFeatures:
    """Give a function that runs the command `features`; it returns (status, out, err)."""

    def call(*flags: str, engine: Engine | None = None) -> tuple[int, str, str]:
        arguments = [str(colours), "--shards", str(tmp_path / "shards"), *flags]
        status = features.main(arguments, engine=engine or FakeEngine())
        return status, *capsys.readouterr()

    return call
