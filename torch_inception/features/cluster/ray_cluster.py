"""Ray: a cluster that runs already, or one for this command alone, and actors on all its slots.

Actors write their own shards and have the slots for themselves: beside an operator of Ray Data that
writes or reads they would wait for each other for ever.
"""

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow

from torch_inception.errors import ClusterError, InstallationError, TorchInceptionError
from torch_inception.features.cluster.blocks import Block, Outcome, Setup
from torch_inception.features.cluster.ray_messages import advice, cause
from torch_inception.features.cluster.shard_actor import ShardActor
from torch_inception.system.cores import usable_cores
from torch_inception.system.escape import counted

# What Ray writes to standard error from its C++ part is of no use to who waits for rows.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
try:
    import ray
    import ray.data
    from ray.util.annotations import RayDeprecationWarning
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise InstallationError(
        f'--cluster needs Ray, which is not there ({error}). Install it: pip install ".[cluster]".'
    ) from error

log = logging.getLogger(__name__)

LOCAL, AUTO = "local", "auto"

_AUTH_MODE = "RAY_AUTH_MODE"

CONNECT_SECONDS = 12
"""How long a cluster may take to answer."""

MOST_TRIES = 20
"""How often a block is computed again whose process was killed, by hand or by an image."""

START_SECONDS = 120.0
"""How long a machine may take to import what it needs and to receive the network."""

TELL_SECONDS = 15.0
"""How long that, or a slot, is waited for before it is told."""


class RayCluster:
    """A cluster that this process is connected to.

    Args:
        is_own: whether this process has started it, on this machine.
        needs_gpu: whether an actor is given a GPU, not a CPU slot.

    Attributes:
        slots: actors that work at a time.
        nodes: addresses of the machines.

    Raises:
        ClusterError: there is no free slot.
    """

    def __init__(self, *, is_own: bool, needs_gpu: bool) -> None:
        self._is_own = is_own
        self._kind, self._gpus = ("GPU", 1) if needs_gpu else ("CPU", 0)
        alive = [
            node for node in ray.nodes() if node["Alive"] and node["Resources"].get(self._kind)
        ]
        self._nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in alive}
        self._threads = _threads(alive) if needs_gpu else 1
        self.nodes = sorted(self._nodes.values())
        self.slots = int(ray.available_resources().get(self._kind, 0))
        if self.slots < 1:
            every = int(ray.cluster_resources().get(self._kind, 0))
            raise ClusterError(
                f"the cluster has no free {self._kind} slot: {every} in all, on "
                f"{counted(len(alive), 'machine')}. Wait for what runs there, or add machines."
            )

    def outcomes(
        self, setup: Setup, blocks: Iterable[Block], file: Path | None
    ) -> Iterator[Outcome]:
        """Compute blocks; yield what becomes of each, as it comes.

        A block whose machine or process is killed is computed again.

        Args:
            setup: what every actor works with; it is sent once.
            blocks: what is to be computed.
            file: one that every machine has to see, if any.

        Raises:
            ClusterError: a machine cannot work, or the cluster is lost.
        """
        sent = ray.put(setup)
        if not self._is_own:
            self._check_machines(sent, file)
            self._wait_for_slot()
        tables: list[pyarrow.Table] = []
        waiting: dict[str, _Ends] = {}
        for block in blocks:
            tables.append(pyarrow.table({"block": [_packed(block)]}))
            waiting[block.shard] = block.items[0].name, block.items[-1].name
        try:
            for outcome in _outcomes_of(self._dataset(sent, tables)):
                waiting.pop(outcome.shard, None)
                yield outcome
        except ray.exceptions.RayTaskError:  # a mistake of ours, whose traceback it has
            raise
        except ray.exceptions.RayError as error:
            if waiting:
                raise _failure(error, next(iter(waiting.values()))) from error

    def _dataset(self, sent: "ray.ObjectRef", tables: list[pyarrow.Table]) -> "ray.data.Dataset":
        """Put the blocks into the cluster's memory; return what becomes of them, not begun yet."""
        actors = ray.data.ActorPoolStrategy(
            size=min(self.slots, len(tables)), max_tasks_in_flight_per_actor=2
        )
        with warnings.catch_warnings():
            # Ray 2.64 will not take max_task_retries any more, and has no other name for it yet.
            warnings.simplefilter("ignore", RayDeprecationWarning)
            return ray.data.from_arrow(tables).map_batches(
                _Actor,
                fn_constructor_args=(sent, self._threads),
                batch_size=None,
                batch_format="pyarrow",
                num_cpus=self._threads,
                num_gpus=self._gpus or None,
                compute=actors,
                max_task_retries=MOST_TRIES,
            )

    def _check_machines(self, sent: "ray.ObjectRef", file: Path | None) -> None:
        """See that every machine has the package and the network, and sees the files."""
        # Without a share in the GPU it would not see one.
        share = 0.01 * self._gpus
        check = ray.remote(num_cpus=0, num_gpus=share, max_retries=0)(_check_machine)
        waiting = {
            check.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(number, soft=False)
            ).remote(sent, file): node
            for number, node in self._nodes.items()
        }
        done, rest = ray.wait(list(waiting), num_returns=len(waiting), timeout=TELL_SECONDS)
        _raise_problems(done, waiting)
        if rest:
            names = sorted(waiting[each] for each in rest)
            log.info("cluster: waiting for %s to start Python and torch", ", ".join(names))
            done, rest = ray.wait(list(waiting), num_returns=len(waiting), timeout=START_SECONDS)
            _raise_problems(done, waiting)
        if rest:
            raise ClusterError(
                f"the machine {waiting[rest[0]]} of the cluster has not started an actor in "
                f"{START_SECONDS:.0f} s. Look at its logs, or take it out of the cluster."
            )

    def _wait_for_slot(self) -> None:
        """Wait for what another run has taken meanwhile: Ray's actors do so without a word."""
        task = ray.remote(num_cpus=self._threads, num_gpus=self._gpus)(_do_nothing).remote()
        done, _ = ray.wait([task], timeout=TELL_SECONDS)
        if not done:
            log.info("cluster: waiting for a slot; what else runs there has taken all of them")
            ray.wait([task])


_Ends = tuple[str, str]
"""The first and the last file of a block."""


def _failure(error: ray.exceptions.RayError, ends: _Ends) -> ClusterError:
    """Return what to tell where the cluster fails.

    Args:
        error: Ray's.
        ends: of the first block that has not come. Blocks are begun in their order, and one with an
            image that ends its process is tried many times, while others come.
    """
    return ClusterError(
        f"the cluster failed ({cause(str(error))}). What was computed is in the shards: run the "
        "same command again for the rest. Where it fails again, an image may end the process that "
        f"reads it, likely one from {ends[0]} to {ends[1]}: each block is tried {MOST_TRIES} times."
    )


def _outcomes_of(dataset: "ray.data.Dataset") -> Iterator[Outcome]:
    for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from map(pickle.loads, batch["outcome"].to_pylist())


class _Actor:
    """A `ShardActor` as Ray Data wants it: a table with blocks in, one with outcomes out."""

    def __init__(self, setup: Any, threads: int) -> None:  # noqa: ANN401 - a reference, or a value
        if isinstance(setup, ray.ObjectRef):
            setup = ray.get(setup)
        _raise_unseen(setup)  # it may have been started again, on another machine
        self._actor = ShardActor(setup, threads=threads)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        outcomes = [self._actor(_unpacked(block)) for block in table["block"].to_pylist()]
        return pyarrow.table({"outcome": [pickle.dumps(each) for each in outcomes]})


def _do_nothing() -> None:
    """Do nothing, in a slot."""


def _packed(block: Block) -> bytes:
    # All blocks are in memory at a time, and paths have much in common.
    return zlib.compress(pickle.dumps(block), level=1)


def _unpacked(packed: bytes) -> Block:
    block: Block = pickle.loads(zlib.decompress(packed))
    return block


def _raise_problems(done: Iterable[Any], waiting: Mapping[Any, str]) -> None:
    """Raise an error that tells of the first machine that cannot work, if there is one."""
    for each in done:
        problem = _problem(each)
        if problem:
            raise ClusterError(f"the machine {waiting[each]} of the cluster: {problem}.")


def _problem(checked: Any) -> str | None:  # noqa: ANN401 - a reference
    try:
        problem: str | None = ray.get(checked)
    except ray.exceptions.RayError as error:
        return f"it cannot start ({cause(str(error))})"
    return problem


def _check_machine(setup: Setup, file: Path | None) -> str | None:
    """Return why this machine cannot work, if it cannot."""
    try:
        ShardActor(setup, threads=1)
        setup.engine.session()
        _raise_unseen(setup)
    except TorchInceptionError as error:
        return str(error)
    if file is not None and not os.path.lexists(file):
        return f"it does not see {file}. The images have to have the same paths on all machines"
    return None


def _raise_unseen(setup: Setup) -> None:
    """Raise an error if this machine does not see the folder for shards."""
    if not setup.folder.has(setup.run):
        raise ClusterError(
            f"it does not see the folder {setup.folder}. Name one that all machines share: --shards"
        )


@contextmanager
def connected(address: str, *, needs_gpu: bool = False) -> Iterator[RayCluster]:
    """Connect to a cluster for a block of code.

    Args:
        address: "local" starts one on this machine, "auto" finds the one that this machine belongs
            to, HOST:PORT names it.
        needs_gpu: whether an actor is given a GPU.

    Raises:
        ClusterError: it does not answer, refuses, or has no free slot.
    """
    if ray.is_initialized():
        raise ClusterError(
            "this process is connected to a Ray cluster already. Call ray.shutdown() before."
        )
    mode = os.environ.get(_AUTH_MODE)
    with _quiet():
        try:
            _connect(address)
            yield RayCluster(is_own=address == LOCAL, needs_gpu=needs_gpu)
        finally:
            ray.shutdown()
            # Ray sets it where it starts a cluster.
            if mode is None:
                os.environ.pop(_AUTH_MODE, None)


def _connect(address: str) -> None:
    if address != LOCAL:
        _check_connects(address)
    of_start: dict[str, Any] = {
        "num_cpus": usable_cores(),
        "include_dashboard": False,
        # By default, what works for a driver waits for everything else on the machine.
        "_system_config": {"worker_niceness": 0},
    }
    try:
        with _unnoticed():
            ray.init(
                address, log_to_driver=False, logging_level=logging.CRITICAL,
                **(of_start if address == LOCAL else {}),
            )  # fmt: skip
    except Exception as error:  # Ray raises a plain one where it is slow to start
        raise ClusterError(f"--cluster {address}: {advice(str(error))}") from error


_LATE = 124

_TRIAL = f"""
import os, sys, threading, ray
timer = threading.Timer({CONNECT_SECONDS}, os._exit, [{_LATE}])
timer.daemon = True
timer.start()
try:
    ray.init(sys.argv[1], log_to_driver=False, logging_level="CRITICAL")
except BaseException as error:
    sys.exit(type(error).__name__ + ": " + str(error))
"""


def _check_connects(address: str) -> None:
    """Connect in another process: where something is wrong, Ray waits for minutes, and says a lot.

    Raises:
        ClusterError: it does not work.
    """
    if address != AUTO:
        _check_answers(address)
    command = [sys.executable, "-P", "-c", _TRIAL, address]  # a ray.py here is not Ray
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=4 * CONNECT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"--cluster {address}: {advice('', waited=CONNECT_SECONDS)}") from error
    if done.returncode:
        waited = CONNECT_SECONDS if done.returncode == _LATE else None
        raise ClusterError(f"--cluster {address}: {advice(done.stderr, waited=waited)}")


@contextmanager
def _unnoticed() -> Iterator[None]:
    """Keep to ourselves what Ray's start does to this process: notes on the screen, and SIGTERM."""
    handler = signal.getsignal(signal.SIGTERM)
    screen = os.dup(2)
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _check_answers(address: str) -> None:
    """See that there is something at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"nothing answers at {address} ({error}). Give the address that `ray start --head` has "
            "printed, or start a cluster."
        ) from error


def _threads(nodes: Iterable[Mapping[str, Any]]) -> int:
    """Return CPU slots per GPU, of the machine that has the fewest."""
    found = [node["Resources"] for node in nodes if node["Resources"].get("GPU")]
    shares = [int(each.get("CPU", 1) // each["GPU"]) for each in found]
    return max(1, min(shares, default=1))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray's notes off the screen; its warnings are of no use to who waits for rows."""
    names = ("ray", "ray.data")
    levels = {name: logging.getLogger(name).level for name in names}
    printed = ray._private.worker.print_to_stdstream
    ray._private.worker.print_to_stdstream = _tell
    context = ray.data.DataContext.get_current()
    bars = context.enable_progress_bars
    context.enable_progress_bars = False
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        context.enable_progress_bars = bars
        ray._private.worker.print_to_stdstream = printed
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _tell(said: Mapping[str, Any], *_: object, **__: object) -> None:
    """Tell of what Ray would print about its processes, where that matters."""
    if any("died or was killed" in line for line in said["lines"]):
        log.info("cluster: a process has ended; its block is computed again")
