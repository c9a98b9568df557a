"""Time the server at several numbers of clients, beside the classifier called directly.

    python -m benchmarks.serving

A model is trained first, on `training_dataset/`, unless `--run` names one; JPEGs are made in a
temporary folder. The server is the command, in a process of its own; clients are threads here, each
of which asks for the next image as soon as it has an answer. In each round the classifier and the
servers take turns.
"""

import argparse
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.arguments import speed_parser
from benchmarks.jpegs import jpegs_in, make_jpegs
from benchmarks.machine import processor
from benchmarks.table import markdown
from torch_inception.classifier.classifier import Classifier
from torch_inception.service.server import open_socket
from torch_inception.training.train_classifier import train_classifier

CLIENTS = (1, 8, 32)
SIZE = (640, 480)
DIRECT = "called directly"


class Measured(NamedTuple):
    """What a round has given.

    Attributes:
        rate: images per second.
        seconds: that each answer took.
    """

    rate: float
    seconds: Sequence[float]


def main() -> None:
    """Print the tables."""
    arguments = _parse()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        images = jpegs_in(make_jpegs(folder / "images", SIZE, arguments.images))
        run = arguments.run or _train(folder / "run", arguments.weights)
        classifier = Classifier.load(run)
        ports = {
            Path(served).name: stack.enter_context(_server(served))
            for served in (run, *arguments.beside)
        }
        contents = [image.read_bytes() for image in images]
        rounds = [_round(classifier, images, contents, ports) for _ in range(arguments.rounds + 1)]
    print(f"{processor()}; {arguments.images} images of {SIZE[0]} x {SIZE[1]}")
    print(_table(rounds[1:]))  # the first one was for warming up


def _parse() -> argparse.Namespace:
    parser = speed_parser(__doc__, images="in each measurement")
    parser.add_argument("--run", help="a run folder (default: one is trained)")
    parser.add_argument("--beside", nargs="*", default=[], help="models to serve beside it")
    return parser.parse_args()


def _train(output: Path, weights: str) -> str:
    train_classifier("training_dataset", output=output, weights=weights, report=False)
    return str(output)


@contextmanager
def _server(served: str) -> Iterator[int]:
    with open_socket("127.0.0.1", 0) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "torch_inception", "serve", served, "--port", str(port)]
    process = subprocess.Popen([*command, "--quiet"], stderr=subprocess.DEVNULL)
    try:
        while not _is_ready(port):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _round(
    classifier: Classifier, images: Sequence[Path], contents: Sequence[bytes], ports: dict[str, int]
) -> dict[tuple[str, int], Measured]:
    """Measure all once: (who, clients) -> what was measured."""
    found = {(DIRECT, 0): _measured(lambda: classifier.predict(images), len(images))}
    for clients in CLIENTS:
        for name, port in ports.items():
            found[name, clients] = _load(port, contents, clients)
    return found


def _measured(work: Callable[[], object], count: int) -> Measured:
    start = time.perf_counter()
    work()
    return Measured(count / (time.perf_counter() - start), [])


def _load(port: int, contents: Sequence[bytes], clients: int) -> Measured:
    """Have clients ask for all images."""
    waiting = iter(contents)
    seconds: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for content in waiting:
            start = time.perf_counter()
            connection.request("POST", "/predict", content)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            seconds.append(time.perf_counter() - start)
        connection.close()

    def work() -> None:
        with ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(client) for _ in range(clients)]:
                done.result()

    return Measured(_measured(work, len(contents)).rate, seconds)


def _table(rounds: Sequence[dict[tuple[str, int], Measured]]) -> str:
    header = ["", "clients", "images per second", "of direct", "p50", "p99"]
    return markdown(header, (_row(key, rounds) for key in rounds[0]))


def _row(key: tuple[str, int], rounds: Sequence[dict[tuple[str, int], Measured]]) -> list[str]:
    rate = statistics.median(each[key].rate for each in rounds)
    share = statistics.median(each[key].rate / each[DIRECT, 0].rate for each in rounds)
    row = [key[0], str(key[1] or ""), f"{rate:.1f}", f"{share:.2f}"]
    seconds = [second for each in rounds for second in each[key].seconds]
    if not seconds:
        return [*row, "", ""]
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [*row, *(f"{1000 * cuts[place]:.0f} ms" for place in (49, 98))]


if __name__ == "__main__":
    main()
