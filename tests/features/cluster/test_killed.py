"""Whatever is killed, no row is lost, none is there twice, and little is computed again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from pyarrow import dataset

from tests.features.cluster.conftest import machines
from tests.features.cluster.folders import draw_shades
from tests.features.cluster.slow_engine import SlowEngine

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc"),
    pytest.mark.timeout(900),
]

IMAGES = 600
BLOCK = 12
"""Images of a block: 600 over 2 slots with 32 blocks each, in whole batches of 4."""

COMMAND = """
import sys
from pathlib import Path
from tests.features.cluster.slow_engine import SlowEngine
from torch_inception.commands.features import main
sys.exit(main(sys.argv[2:], engine=SlowEngine(Path(sys.argv[1]), seconds=0.02)))
"""


class Pass:
    """A pass over many images, by the command in a process of its own."""

    def __init__(self, folder: Path, cluster: str) -> None:
        self.names = [str(path) for path in draw_shades(folder / "images", IMAGES)]
        self._folder, self.shards = folder, folder / "shards"
        arguments = ["images", "--shards", "shards", "--cluster", cluster]
        self._command = [sys.executable, "-c", COMMAND, str(folder / "log"), *arguments]
        self._process: subprocess.Popen[str] | None = None

    @property
    def computed(self) -> int:
        """How many images were computed, by any process."""
        return SlowEngine(self._folder / "log", seconds=0).images

    def start(self) -> "subprocess.Popen[str]":
        """Start it, and wait until something is computed."""
        before = self.computed
        process = subprocess.Popen(
            self._command, cwd=self._folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # Who starts the tests in the background may have Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        self._process = process
        self.wait_for(lambda: self.computed > before)
        return process

    def end(self) -> str:
        """End it, if it runs, and return what it said that nobody has read."""
        process = self._process
        if process is None or process.stdout is None or process.stdout.closed:
            return ""
        process.kill()
        return process.communicate()[0]

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, while it runs."""
        end = time.monotonic() + 300
        while not holds():
            if time.monotonic() > end or (self._process and self._process.poll() is not None):
                pytest.fail(f"it has not come to this: {self.end()}")
            time.sleep(0.05)

    def wait_for_more(self) -> None:
        """Wait until something is computed from now on, and an actor runs."""
        before = self.computed
        self.wait_for(lambda: self.computed > before and bool(actors()))

    def check(self, process: "subprocess.Popen[str]") -> str:
        """See that it ends well and that every row is there, once; return what it said."""
        out, _ = process.communicate(timeout=600)
        assert process.returncode == 0, out
        paths = dataset.dataset(str(self.shards)).to_table(columns=["path"])["path"].to_pylist()
        assert sorted(paths) == self.names
        return out


@pytest.fixture
def passing(cluster: str, tmp_path: Path) -> Iterator[Pass]:
    """Give a pass that has not begun."""
    made = Pass(tmp_path, cluster)
    yield made
    made.end()


def actors() -> list[int]:
    """Return the processes of actors on the machines that this process has started."""
    return [
        number
        for number in (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        if _text(number, "cmdline").startswith("ray::MapWorker") and os.getpid() in _above(number)
    ]


def _above(number: int) -> Iterator[int]:
    while number > 1:
        fields = _text(number, "stat").rpartition(")")[2].split()
        if not fields:
            return
        number = int(fields[1])
        yield number


def _text(number: int, name: str) -> str:
    try:
        return Path("/proc", str(number), name).read_text(errors="replace")
    except OSError:
        return ""


def test_actors_that_are_killed(passing: Pass, long: bool) -> None:
    process, kills = passing.start(), 20 if long else 3
    for number in range(kills):
        passing.wait_for_more()
        running = actors()
        os.kill(running[number % len(running)], signal.SIGKILL)
    passing.check(process)
    assert IMAGES <= passing.computed <= IMAGES + kills * BLOCK


def test_a_command_that_is_stopped_or_killed_goes_on_where_it_was(passing: Pass) -> None:
    stopped = passing.start()
    passing.wait_for(lambda: passing.computed > 100)
    stopped.send_signal(signal.SIGINT)
    out, _ = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "stopped. Run the same command again" in out
    assert "Traceback" not in out
    killed = passing.start()
    passing.wait_for(lambda: passing.computed > 300)
    killed.kill()
    killed.communicate()
    out = passing.check(passing.start())
    assert "rows in" in out
    assert IMAGES <= passing.computed <= IMAGES + 4 * BLOCK
    assert not [path for path in passing.shards.iterdir() if path.name.startswith(".")]


def test_a_machine_that_is_lost(tmp_path: Path) -> None:
    with machines("127.0.0.4", "127.0.0.5") as (made, second):
        passing = Pass(tmp_path, made.address)
        try:
            process = passing.start()
            passing.wait_for(lambda: passing.computed > 100 and len(actors()) == 2)
            made.remove_node(second, allow_graceful=False)
            passing.check(process)
        finally:
            passing.end()
        assert IMAGES <= passing.computed <= IMAGES + BLOCK
