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
from torch_inception.system.npm_pack import PATIENCE_SECONDS
from torch_inception.weights.sources import npm

TARBALL = b"another package"

Handler = http.server.BaseHTTPRequestHandler


class Registry:
    """What the server on loopback answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stopped = threading.Event()
        self.describe: Callable[[Handler], None] = self.package
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
            time.sleep(0.4)
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
def registry(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Registry]:
    """Serve on loopback, and have npm ask there, with no cache and no settings of the user."""
    if shutil.which("npm") is None:
        assert not request.config.getoption("--require-weights"), "npm is missing"
        pytest.skip("npm is missing")
    playing = Registry()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            playing.asked.append(self.path)
            (playing.tarball if self.path.endswith(".tgz") else playing.describe)(self)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    ask_at(server.server_address[1], monkeypatch, tmp_path)
    yield playing
    playing.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask_at(port: int, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    # With it, npm does not look for updates.
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("npm_config_cache", str(folder / "npm"))
    monkeypatch.setenv("npm_config_userconfig", str(folder / "npmrc"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)


def refused(patience: float = PATIENCE_SECONDS) -> str:
    with pytest.raises(WeightsError) as caught:
        npm.load(patience=patience)
    return str(caught.value)


PAGE = b"<html>\x1b[2JPlease log in</html>"

FAILURES: dict[str, tuple[Callable[[Registry, Handler], None], str]] = {
    "forbidden": (lambda registry, handler: registry.answer(handler, PAGE, status=403), "403"),
    "page of a proxy": (lambda registry, handler: registry.answer(handler, PAGE), "json"),
    "half": (
        lambda registry, handler: registry.answer(handler, b'{"name":', length=5000),
        "aborted",
    ),
    "unknown": (lambda registry, handler: registry.answer(handler, b"{}", status=404), "E404"),
}


@pytest.mark.parametrize(
    ("kind", "place"), [*((kind, "describe") for kind in FAILURES), ("half", "tarball")]
)
def test_a_registry_that_fails_is_reported_and_nothing_is_left(
    registry: Registry, kind: str, place: str, tmp_path: Path, own_cache: Path
) -> None:
    fail, reason = FAILURES[kind]
    setattr(registry, place, lambda handler: fail(registry, handler))
    text = refused()
    assert "`npm pack nsfwjs@4.4.0` failed: " in text
    assert place == "tarball" or reason in text
    assert "HTTPS_PROXY" in text
    assert "npm_config_registry" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not own_cache.exists()


@pytest.mark.parametrize(("place", "way"), [("describe", "hang"), ("tarball", "half_and_hang")])
@pytest.mark.timeout(60)
def test_a_silent_registry_is_given_up(registry: Registry, place: str, way: str) -> None:
    setattr(registry, place, getattr(registry, way))
    assert "npm_config_fetch_timeout" in refused(patience=1)
    assert len(registry.asked) <= 4


@pytest.mark.timeout(60)
def test_a_slow_registry_is_waited_for(registry: Registry) -> None:
    registry.describe = registry.slowly
    # It takes longer than we let a server be silent.
    assert "sha512" in refused(patience=1)


@pytest.mark.parametrize("place", ["environment", "npmrc"])
@pytest.mark.timeout(60)
def test_the_users_own_patience_is_kept(
    registry: Registry, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if place == "environment":
        monkeypatch.setenv("npm_config_fetch_timeout", "500")
        monkeypatch.setenv("npm_config_fetch_retries", "0")
    else:
        (tmp_path / "npmrc").write_text("fetch-timeout=500\nfetch-retries=0\n")
    registry.describe = registry.hang
    assert "failed" in refused()
    assert len(registry.asked) == 1


def test_another_package_is_refused(registry: Registry, own_cache: Path) -> None:
    assert "not the published package" in refused()
    # Nor is a newer npm looked for.
    assert set(registry.asked) == {"/nsfwjs", "/x.tgz"}
    assert not own_cache.exists()


def test_a_registry_that_is_not_there_is_reported(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}")
    assert "ECONNREFUSED" in refused()
    assert registry.asked == []


def test_other_settings_of_the_user_do_not_matter(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "loglevel": "silent", "color": "always", "dry_run": "true", "update_notifier": "true",
        "json": "true", "workspaces": "true", "fund": "true", "audit": "true",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"npm_config_{name}", value)
    assert "not the published package" in refused()
    registry.describe = lambda handler: registry.answer(handler, b"{}", status=404)
    assert "failed: code E404; 404" in refused()
    assert set(registry.asked) == {"/nsfwjs", "/x.tgz"}


@pytest.mark.parametrize("home", [None, "/", "a file"])
def test_without_a_home_npm_leaves_nothing(
    registry: Registry, home: str | None, no_home: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("npm_config_cache")
    (tmp_path / "a file").touch()
    if home is not None:
        monkeypatch.setenv("HOME", str(tmp_path / home))
    before, is_there = sorted(tmp_path.rglob("*")), Path("/.npm").exists()
    assert "not the published package" in refused()
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("/.npm").exists() == is_there
