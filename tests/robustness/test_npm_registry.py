"""The source `npm:nsfwjs` against registries on loopback that fail in every way, by real npm."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from torch_inception.errors import WeightsError
from torch_inception.weights.load import load_weights
from torch_inception.weights.sources import npm

TARBALL = b"another package"

Handler = http.server.BaseHTTPRequestHandler


class Registry:
    """What the server on loopback says to a path, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stopped = threading.Event()
        self.say: Callable[[Handler], None] = self.package
        self.tarball: Callable[[Handler], None] = lambda handler: self.answer(handler, TARBALL)

    def answer(
        self, handler: Handler, body: bytes, *, status: int = 200, length: int | None = None
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()

    def hang(self, handler: Handler) -> None:
        self.stopped.wait(60)

    def half_and_hang(self, handler: Handler) -> None:
        self.answer(handler, b'{"name":', length=5000)
        self.hang(handler)

    def slowly(self, handler: Handler) -> None:
        """Send the package's description piece by piece, never silent for long."""
        body = self.description(handler)
        self.answer(handler, b"", length=len(body))
        for start in range(0, len(body), len(body) // 4 + 1):
            time.sleep(1)
            handler.wfile.write(body[start : start + len(body) // 4 + 1])
            handler.wfile.flush()

    def package(self, handler: Handler) -> None:
        self.answer(handler, self.description(handler))

    def description(self, handler: Handler) -> bytes:
        host = handler.headers["Host"]
        integrity = base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
        about = {
            "name": "nsfwjs", "version": npm.VERSION,
            "dist": {"tarball": f"http://{host}/x.tgz", "integrity": f"sha512-{integrity}"},
        }  # fmt: skip
        return json.dumps({"name": "nsfwjs", "versions": {npm.VERSION: about}}).encode()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    """Serve on loopback, and have npm ask there, with no cache and no settings of the user."""
    if shutil.which("npm") is None:
        assert not os.environ.get("CI"), "npm is missing"
        pytest.skip("npm is missing")
    said = Registry()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            (said.tarball if self.path.endswith(".tgz") else said.say)(self)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    ask_at(server.server_address[1], monkeypatch, tmp_path)
    yield said
    said.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask_at(port: int, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("npm_config_cache", str(folder / "npm"))
    monkeypatch.setenv("npm_config_userconfig", str(folder / "npmrc"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)


def refused() -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights("npm:nsfwjs")
    return str(caught.value)


PAGE = b"<html>\x1b[2JPlease log in</html>"

FAILURES: dict[str, tuple[Callable[[Registry, Handler], None], str]] = {
    "forbidden": (lambda said, handler: said.answer(handler, PAGE, status=403), "403"),
    "page of a proxy": (lambda said, handler: said.answer(handler, PAGE), "json"),
    "half": (lambda said, handler: said.answer(handler, b'{"name":', length=5000), "aborted"),
    "unknown": (lambda said, handler: said.answer(handler, b"{}", status=404), "E404"),
}


@pytest.mark.parametrize(
    ("kind", "place"), [*((kind, "say") for kind in FAILURES), ("half", "tarball")]
)
def test_a_registry_that_fails_is_told_and_nothing_is_left(
    registry: Registry, kind: str, place: str, tmp_path: Path, own_cache: Path
) -> None:
    fail, told = FAILURES[kind]
    setattr(registry, place, lambda handler: fail(registry, handler))
    text = refused()
    assert "`npm pack nsfwjs@4.4.0` failed: " in text
    assert place == "tarball" or told in text
    assert "HTTPS_PROXY" in text
    assert "npm_config_registry" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not own_cache.exists()


@pytest.mark.parametrize(("place", "way"), [("say", "hang"), ("tarball", "half_and_hang")])
@pytest.mark.timeout(60)
def test_a_silent_registry_is_given_up(
    registry: Registry, place: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert npm.PATIENCE_SECONDS == 30
    monkeypatch.setattr(npm, "PATIENCE_SECONDS", 1)
    setattr(registry, place, getattr(registry, way))
    assert "npm_config_fetch_timeout" in refused()
    assert len(registry.asked) <= 4


@pytest.mark.timeout(60)
def test_a_slow_registry_is_waited_for(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes longer than we let a server be silent.
    monkeypatch.setattr(npm, "PATIENCE_SECONDS", 3)
    registry.say = registry.slowly
    assert "sha512" in refused()


@pytest.mark.parametrize("place", ["environment", "npmrc"])
@pytest.mark.timeout(60)
def test_the_users_own_patience_is_kept(
    registry: Registry, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if place == "environment":
        monkeypatch.setenv("npm_config_fetch_timeout", "1500")
        monkeypatch.setenv("npm_config_fetch_retries", "0")
    else:
        (tmp_path / "npmrc").write_text("fetch-timeout=1500\nfetch-retries=0\n")
    registry.say = registry.hang
    assert "failed" in refused()
    assert len(registry.asked) == 1


def test_another_package_is_refused(registry: Registry, own_cache: Path) -> None:
    assert "not the published package" in refused()
    assert registry.asked[-1] == "/x.tgz"
    assert not own_cache.exists()


def test_a_registry_that_is_not_there_is_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}")
    assert "ECONNREFUSED" in refused()
    assert registry.asked == []
