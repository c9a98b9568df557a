"""Servers on free ports, models whose answers are plain, and clients that do as they like."""

import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.answers.accuracy import Accuracy
from torch_inception.errors import ImageError
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.see import SeenImage, see
from torch_inception.service.answers import Service
from torch_inception.service.app import make_app, make_service
from torch_inception.service.limits import Limits
from torch_inception.service.served_model import (
    ModelFacts,
    Output,
    ServedModel,
    Session,
    Values,
    Wishes,
)
from torch_inception.service.server import ServerThread, open_socket

LABELS = ("red", "green", "blue")


@dataclass
class ColourModel:
    """Names the colour that an image has most of; its probabilities are the means, to a sum of 1.

    Attributes:
        version: as given.
        before_seeing: is called with each image before it is decoded.
        before_batch: is called with the size of each batch before it is computed.
        images: that were computed.
    """

    version: str = "1"
    batch_size: int = 4
    workers: int = 2
    before_seeing: Callable[[bytes | Pixels], None] = lambda image: None
    before_batch: Callable[[int], None] = lambda count: None
    images: int = 0
    batches: list[int] = field(default_factory=list)

    @property
    def facts(self) -> ModelFacts:
        """What is told of it."""
        return ModelFacts(LABELS, self.version, False, False, False, False, Accuracy())

    def see(self, image: bytes | Pixels) -> SeenImage:
        """Decode an image."""
        self.before_seeing(image)
        return see(image, Preprocessing())

    def session(self) -> Session:
        """Return the function that maps images to probabilities."""
        return self._compute

    def _compute(self, images: Sequence[SeenImage]) -> list[Output]:
        assert 1 <= len(images) <= self.batch_size
        self.before_batch(len(images))
        self.batches.append(len(images))
        self.images += len(images)
        return [colour_shares(image.pixels) for image in images]

    def tell(self, image: SeenImage, output: Output, wishes: Wishes) -> Values:
        """Name the colour."""
        order = numpy.argsort(output)[::-1][: wishes.top]
        return {
            "predictions": [{"label": LABELS[each], "score": float(output[each])} for each in order]
        }

    def probabilities(self, output: Output) -> NDArray[numpy.float64]:
        """Return the shares of the colours."""
        found: NDArray[numpy.float64] = output
        return found


def colour_shares(image: Pixels) -> NDArray[numpy.float64]:
    """Return the shares of red, green and blue in an image (H, W, 3)."""
    means = image.mean(axis=(0, 1)) + 1
    shares: NDArray[numpy.float64] = means / means.sum()
    return shares


class Reply(NamedTuple):
    """What a server answered; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The content, read as JSON."""
        return json.loads(self.content)


@dataclass
class Server:
    """A server that runs."""

    port: int
    service: Service
    thread: ServerThread

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(
        self,
        path: str,
        body: Any = None,  # noqa: ANN401 - bytes, or parts of them
        *,
        method: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask on a new connection; with a body by POST."""
        connection = self.connect()
        try:
            chosen = method or ("GET" if body is None else "POST")
            connection.request(chosen, path, body, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, named, answer.read())
        finally:
            connection.close()


@contextmanager
def serving(
    *models: ServedModel, limits: Limits | None = None, token: str = "", is_local: bool = False
) -> Iterator[Server]:
    """Serve models, called "model", "model-2", ..., on a free port."""
    names = ["model", *(f"model-{number}" for number in range(2, len(models) + 1))]
    service = make_service(dict(zip(names, models, strict=True)), limits)
    with open_socket("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        thread = ServerThread(
            make_app(service, token=token, is_local=is_local), listener, service.limits
        )
        thread.start()
        try:
            yield Server(port, service, thread)
        finally:
            thread.stop()
            service.models.close()


def form(*files: tuple[str, bytes], boundary: str = "here") -> tuple[bytes, dict[str, str]]:
    """Return the body of a form with files (name, content), and its headers."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def from_data_uri(uri: str) -> bytes:
    """Return what an address of the kind data:...;base64,... holds."""
    head, _, text = uri.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return base64.b64decode(text, validate=True)


class Gateway:
    """Holds threads up until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._opened = threading.Event()

    def wait(self, *_: object) -> None:
        """Wait until it is opened, and have that be known."""
        self.reached.release()
        assert self._opened.wait(30)

    def open(self) -> None:
        """Let all pass."""
        self._opened.set()


def bad(*_: object) -> None:
    """Refuse an image."""
    raise ImageError("refused by the test")
