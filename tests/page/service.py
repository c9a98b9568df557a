"""A service that is played: it gives the page as the real one does, and answers what tests want."""

import base64
import functools
import http.server
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

import torch_inception

PAGE = Path(torch_inception.__file__).parent / "page"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; media-src blob:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}


def data_uri(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def answer(labels: list[str], *, known: bool = True, **others: object) -> dict[str, Any]:
    """Return what is told of an image: the first label is the best, with 0.75."""
    shares = [0.75, *[0.25 / max(1, len(labels) - 1)] * (len(labels) - 1)]
    said = [{"label": a, "score": b} for a, b in zip(labels, shares, strict=True)]
    return {"path": None, "predictions": said, "error": None, "known": known, **others}


class PlayedService:
    """What it knows, and what it was asked.

    Attributes:
        models: that it lists.
        answers: to one image after another; the last one is given again and again.
        busy: times that it says first that it is.
        token: that it wants.
        seconds: that each answer takes.
        asked: queries of the questions, with how many bytes the image had.
    """

    def __init__(self) -> None:
        self.models = [played_model("shapes", ["circle", "plus"])]
        self.answers = [answer(["circle", "plus"])]
        self.busy = 0
        self.token = ""
        self.seconds = 0.0
        self.asked: list[tuple[dict[str, str], int]] = []

    def told(self) -> dict[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def played_model(name: str, labels: list[str]) -> dict[str, Any]:
    return {
        "name": name, "labels": labels, "accuracy": 0.955, "accuracy_of": "test images",
        "accuracy_n": 67, "has_distance": True, "has_maps": True, "has_neighbours": True,
        "image_size": 299, "version": "1",
    }  # fmt: skip


class _Answers(http.server.BaseHTTPRequestHandler):
    def __init__(self, played: PlayedService, *others: Any) -> None:  # noqa: ANN401
        self.played = played
        super().__init__(*others)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/models":
            self.reply(200, json.dumps({"models": self.played.models}).encode())
            return
        file = PAGE / path.removeprefix("/static/") if path != "/" else PAGE / "index.html"
        self.reply(200, file.read_bytes(), TYPES[file.suffix])

    def do_POST(self) -> None:
        played, address = self.played, urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if played.token and self.headers["Authorization"] != f"Bearer {played.token}":
            self.reply(401, b'{"error": "no"}')
        elif played.busy:
            played.busy -= 1
            self.reply(503, b'{"error": "busy"}')
        else:
            query = {name: each[0] for name, each in parse_qs(address.query).items()}
            played.asked.append((query, len(body)))
            time.sleep(played.seconds)
            told = played.told()
            content = json.dumps({"predictions": [told], "model": query["model"]}).encode()
            with suppress(ConnectionError):  # the page has left
                self.reply(422 if told["error"] else 200, content)

    def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serve(handler: Any) -> Iterator[str]:  # noqa: ANN401 - what makes a handler
    """Serve on loopback; yield the address, which ends in a slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def play(played: PlayedService) -> Iterator[str]:
    """Serve the page and the answers; yield the address."""
    with serve(functools.partial(_Answers, played)) as address:
        yield address
