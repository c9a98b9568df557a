"""A cluster of two machines, both of which are this one, and the command that uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from torch_inception.commands import features
from torch_inception.engines.protocol import Engine

RunFeatures = Callable[..., tuple[int, str, str]]

COMMAND = """
import sys
from tests.fakes import FakeEngine
from torch_inception.commands.features import main
sys.exit(main(engine=FakeEngine()))
"""


@pytest.fixture(scope="module")
def cluster() -> "Iterator[str]":
    """Give the address of a cluster of two machines with a slot each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "node_ip_address": "127.0.0.2", "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        made.add_node(num_cpus=1, node_ip_address="127.0.0.3")
        yield made.address
    finally:
        made.shutdown()


@pytest.fixture
def run_features(tmp_path: Path, colours: Path, capsys: pytest.CaptureFixture[str]) -> RunFeatures:
    """Give a function that runs the command `features`; it returns (status, out, err)."""

    def call(
        *flags: str, engine: Engine | None = None, data: Path = colours
    ) -> tuple[int, str, str]:
        arguments = [str(data), "--shards", str(tmp_path / "shards"), *flags]
        status = features.main(arguments, engine=engine or FakeEngine())
        return status, *capsys.readouterr()

    return call
