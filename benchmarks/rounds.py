"""Time contenders in turn: each waits in its own process, the order is rotated every round.

What slows the machine down for a minute then slows all of them down, and the ratios stay.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.table import Rates

ROOT = Path(__file__).parent.parent

PATIENCE = 20
"""Seconds that a process has for ending by itself."""


class LeftOutError(Exception):
    """A contender cannot take part; the message says why."""


@dataclass(frozen=True)
class Request:
    """What a contender is asked to do.

    Attributes:
        text: a folder of JPEGs, or a number of images.
        images: how many images that is.
    """

    text: str
    images: int


@dataclass(frozen=True)
class Contender:
    """How a contender's process is started.

    Attributes:
        name: as the table shows it.
        target: `module:function` in `benchmarks.contenders`.
        arguments: what the function is given.
        python: the interpreter that has the contender's library.
    """

    name: str
    target: str
    arguments: tuple[str, ...] = ()
    python: str = sys.executable


class Timed(Protocol):
    """Anything that has a rate."""

    @property
    def name(self) -> str:
        """As the table shows it."""

    def rate(self, request: Request) -> float:
        """Do what is asked and return images per second."""


class Worker:
    """A contender that is warm and waits in its own process.

    Args:
        contender: what to start.
        warm: a small request that is not timed.

    Raises:
        LeftOutError: it cannot be started.
    """

    def __init__(self, contender: Contender, warm: Request) -> None:
        self.name = contender.name
        target = f"benchmarks.contenders.{contender.target}"
        command = ["-m", "benchmarks.worker", target, warm.text, *contender.arguments]
        try:
            self.process = subprocess.Popen(
                [contender.python, *command],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        except OSError as error:
            raise LeftOutError(f"{contender.python} does not run ({error.strerror})") from error
        answer = self._answer()
        if "failed" in answer:
            self.close()
            raise LeftOutError(answer["failed"])

    def rate(self, request: Request) -> float:
        """Do what is asked and return images per second.

        Raises:
            SystemExit: it failed; what it wrote to standard error says why.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{request.text}\n")
        self.process.stdin.flush()
        answer = self._answer()
        if answer.get("rows") != request.images:
            raise SystemExit(f"{self.name} gave not {request.images} rows but {answer}")
        return request.images / float(answer["seconds"])

    def close(self) -> None:
        """Let the process tidy up and end; wait until its memory is free."""
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return {"failed": f"its process ended with status {self.process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def started(contenders: Sequence[Contender], warm: Request) -> Iterator[list[Worker]]:
    """Start contenders one after the other; a printed line names each that is left out."""
    workers: list[Worker] = []
    with ExitStack() as stack:
        for contender in contenders:
            try:
                workers.append(Worker(contender, warm))
            except LeftOutError as error:
                print(f"{contender.name} is left out: {error}", flush=True)
            else:
                stack.callback(workers[-1].close)
        if not workers:
            raise SystemExit("There is nobody left to be timed.")
        yield workers


def measure(entrants: Sequence[Timed], requests: Mapping[str, Request], rounds: int) -> Rates:
    """Ask everyone for everything, round by round.

    Args:
        entrants: who is asked.
        requests: column of the table -> what is asked.
        rounds: how often.
    """
    rates = Rates()
    for number in range(rounds):
        for column, request in requests.items():
            first = number % len(entrants)
            for entrant in (*entrants[first:], *entrants[:first]):
                rates.add(entrant.name, column, entrant.rate(request))
        print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    return rates
