"""A server among clients of all kinds; 10,000 requests in the long form (`--long`)."""

import json
import math
import os
import random
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.drawings import encoded, landscape
from tests.fakes import FakeEngine
from tests.service.asking import form
from tests.service.processes import started
from torch_inception.classifier.classifier import Classifier
from torch_inception.training.train_classifier import train_classifier

CLIENTS = 16

MOST_GROWTH = 50 * 2**20
"""Bytes of memory that requests may leave in use, once threads have what they work in."""

LITTLE_WORK = 0.05
"""Seconds of processor time that an idle server uses in a second, at most."""

Client = Callable[[int, random.Random], None]
"""Does something to the server at a port."""


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    """Draw sound images of several kinds and sizes."""
    drawn = Image.fromarray(landscape())
    kinds = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
    sizes = ((40, 30), (299, 299), (800, 600), (7, 900))
    return [
        encoded(drawn.rotate(30 * number).resize(size), kind)
        for number, kind in enumerate(kinds)
        for size in sizes
    ]


def head(
    body: bytes, *, length: int | None = None, kind: str = "image/any", path: str = ""
) -> bytes:
    """Return the head of a request, and as much of its body as there is."""
    lines = [
        f"POST {path or '/predict'} HTTP/1.1", "Host: localhost", "Connection: close",
        f"Content-Type: {kind}", f"Content-Length: {len(body) if length is None else length}",
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + body


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def answered(port: int, parts: Iterator[bytes] | list[bytes]) -> tuple[int, bytes]:
    """Send a request in parts; return the status and the content of the answer."""
    with connected(port) as connection:
        for part in parts:
            connection.sendall(part)
        received = bytearray()
        while part := connection.recv(2**16):
            received += part
    top, _, content = bytes(received).partition(b"\r\n\r\n")
    return int(top.split()[1]), content


def broken_off(port: int, sent: bytes, seconds: float, *, rudely: bool) -> None:
    """Send something and leave, with or without a word."""
    with connected(port) as connection:
        connection.sendall(sent)
        time.sleep(seconds)
        if rudely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Clients:
    """Two of three ask for what can be answered, and look at what they get.

    Args:
        images: sound ones.
        expected: what `predict` says of each.
    """

    def __init__(self, images: list[bytes], expected: list[object]) -> None:
        self._images, self._expected = images, expected
        drawn = Image.fromarray(landscape())
        large = encoded(Image.new("RGB", (5000, 4000)), "PNG")
        bomb = encoded(Image.new("L", (30_000, 20_000)), "PNG")
        self._bad_files = [
            b"no image", b"\0" * 5000, b"<!doctype html><html>", encoded(drawn)[:-2000],
            encoded(drawn, "JPEG")[:3000], bomb, random.Random(0).randbytes(100_000),
        ]  # fmt: skip
        self._large = large
        self.good: list[Client] = [self.whole, self.whole, self.whole, self.several, self.slow]
        self.bad: list[Client] = [
            self.bad_file, self.cut, self.wrong_form, self.wrong_json, self.wrong_encoding,
            self.too_slow, self.leaves, self.leaves, self.nonsense, self.large_and_leaves,
        ]  # fmt: skip

    def ask(self, port: int, number: int) -> None:
        """Be one client."""
        chance = random.Random(number)
        chance.choice(self.bad if number % 3 == 0 else self.good)(port, chance)

    def whole(self, port: int, chance: random.Random) -> None:
        place = chance.randrange(len(self._images))
        status, content = answered(port, [head(self._images[place])])
        assert status == 200, content
        assert json.loads(content)["predictions"][0]["predictions"] == self._expected[place]

    def several(self, port: int, chance: random.Random) -> None:
        places = [chance.randrange(len(self._images)) for _ in range(3)]
        body, headers = form(
            *((str(place), self._images[place]) for place in places), ("bad", b"!")
        )
        status, content = answered(port, [head(body, kind=headers["Content-Type"])])
        told = json.loads(content)["predictions"]
        assert status == 200, content
        assert [each["predictions"] for each in told[:3]] == [self._expected[p] for p in places]
        assert told[3]["error"] == "not an image but text"

    def slow(self, port: int, chance: random.Random) -> None:
        place = chance.randrange(len(self._images))
        request = head(self._images[place])
        size = len(request) // 5 + 1

        def parts() -> Iterator[bytes]:
            for start in range(0, len(request), size):
                yield request[start : start + size]
                time.sleep(0.02)

        status, content = answered(port, parts())
        assert status == 200, content
        assert json.loads(content)["predictions"][0]["predictions"] == self._expected[place]

    def bad_file(self, port: int, chance: random.Random) -> None:
        status, content = answered(port, [head(chance.choice(self._bad_files))])
        assert status == 422, content
        assert json.loads(content)["error"]

    def cut(self, port: int, chance: random.Random) -> None:
        image = chance.choice(self._images)
        broken_off(port, head(image[:-9], length=len(image)), 0, rudely=chance.random() < 0.5)

    def wrong_form(self, port: int, chance: random.Random) -> None:
        body, headers = form(("a.png", chance.choice(self._images)))
        cut = body[: chance.randrange(1, len(body) - 4)]
        status, content = answered(port, [head(cut, kind=headers["Content-Type"])])
        assert status == 400, content

    def wrong_json(self, port: int, chance: random.Random) -> None:
        text = json.dumps({"inputs": [{"name": "images", "shape": [1, 2, 2, 3], "data": [1] * 11}]})
        cut = text[: chance.randrange(1, len(text))].encode()
        request = head(cut, kind="application/json", path="/v2/models/run/infer")
        assert answered(port, [request])[0] == 400

    def wrong_encoding(self, port: int, chance: random.Random) -> None:
        request = head(chance.choice(self._images))
        request = request.replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
        assert answered(port, [request])[0] == 415

    def too_slow(self, port: int, chance: random.Random) -> None:
        broken_off(port, head(b"begun", length=9_999_999), 0.3, rudely=False)

    def leaves(self, port: int, chance: random.Random) -> None:
        seconds = chance.choice((0, 0.001, 0.01))
        broken_off(port, head(chance.choice(self._images)), seconds, rudely=chance.random() < 0.5)

    def nonsense(self, port: int, chance: random.Random) -> None:
        assert answered(port, [chance.randbytes(300) + b"\r\n\r\n"])[0] == 400

    def large_and_leaves(self, port: int, chance: random.Random) -> None:
        broken_off(port, head(self._large), 0.001, rudely=True)


def memory_in_use(process: int) -> int:
    """Return the bytes of memory that a server has which has nothing to do.

    A large image is decoded to its end though its client has left, and fills memory until then.
    """
    wait_until_idle(process)
    os.kill(process, signal.SIGUSR1)  # memory that is free goes back to the system
    wait_until_idle(process)
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def wait_until_idle(process: int) -> None:
    deadline = time.monotonic() + 60
    before, now = -math.inf, processor_time(process)
    while now - before > LITTLE_WORK:
        assert time.monotonic() < deadline
        time.sleep(1)
        before, now = now, processor_time(process)


def processor_time(process: int) -> float:
    """Return the seconds of processor time that a process has used."""
    after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def test_good_requests_among_bad_ones_are_answered_rightly(
    images: list[bytes], colours: Path, tmp_path: Path, long: bool
) -> None:
    train_classifier(colours, output=tmp_path / "run", engine=FakeEngine(), report=False)
    classifier = Classifier.load(tmp_path / "run", engine=FakeEngine())
    named = classifier.predict(images, top=3)
    clients = Clients(images, [[each._asdict() for each in answer] for answer in named])
    first, count = (1000, 10_000) if long else (300, 500)
    with started(tmp_path / "run", "--quiet") as (process, port):

        def ask(numbers: range) -> None:
            with ThreadPoolExecutor(CLIENTS) as pool:
                for _ in pool.map(partial(clients.ask, port), numbers):
                    pass

        ask(range(first))
        before = memory_in_use(process.pid)
        ask(range(first, count))
        grown = memory_in_use(process.pid) - before
        metrics = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert b"torch_inception_waiting_images 0.0" in answered(port, [metrics])[1]
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        told = process.stderr.read()
    assert told.endswith("Ctrl-C ends the server.\n"), told
    assert grown < MOST_GROWTH, grown
    print(f"{count} requests, memory grew by {grown / 2**20:.1f} MiB")  # noqa: T201
