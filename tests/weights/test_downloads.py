"""Downloads: through torch's hub cache and npm, checked, patient but not for ever."""

import hashlib
import http.server
import io
import logging
import os
import shutil
import socket
import stat
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import torchvision

from torch_inception.errors import WeightsError
from torch_inception.weights.load import load_weights
from torch_inception.weights.sources import imagenet, npm


@dataclass
class Answer:
    """What the server on loopback says, and how often it was asked."""

    status: int = 200
    body: bytes = b""
    sent: int | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def content() -> bytes:
    """The bytes of a state dict of torchvision's network."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getvalue()


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> Iterator[Answer]:
    """Serve the weights on loopback, where the source is made to look for them."""
    said = Answer(body=content)
    stopped = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body[: said.sent])
            if said.hangs:
                self.wfile.flush()
                stopped.wait(60)

        do_CONNECT = do_GET  # noqa: N815 - what a proxy is asked for https

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    point_the_source_at(monkeypatch, tmp_path, server.server_address[1], content)
    yield said
    stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


def point_the_source_at(
    monkeypatch: pytest.MonkeyPatch, folder: Path, port: int, content: bytes
) -> None:
    digest = hashlib.sha256(content).hexdigest()[:8]
    url = f"http://127.0.0.1:{port}/inception_v3_test-{digest}.pth"
    monkeypatch.setattr(imagenet, "URL", url)
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_the_weights_are_those_that_torchvision_names() -> None:
    named = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1
    assert (named.url, named.name) == (imagenet.URL, imagenet.VERSION)


def hub_files(folder: Path) -> list[Path]:
    return sorted((folder / "torch" / "hub" / "checkpoints").glob("*"))


def test_a_download_lands_in_the_hub_cache_and_is_not_repeated(
    answer: Answer, tmp_path: Path
) -> None:
    weights = load_weights("imagenet")
    assert weights.record.source == "imagenet"
    assert weights.record.version == "IMAGENET1K_V1"
    assert weights.record.pooling == "torchvision"
    assert weights.classifier is not None
    assert len(hub_files(tmp_path)) == 1
    assert load_weights("imagenet").record == weights.record
    assert len(answer.asked) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Answer(status=403), "403"),
        (Answer(body=b"<html>Please log in</html>"), "hash"),
        (Answer(sent=1000), "."),
    ],
    ids=["forbidden", "page of a proxy", "half a file"],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    answer: Answer, tmp_path: Path, said: Answer, told: str
) -> None:
    answer.status, answer.body, answer.sent = said.status, said.body or answer.body, said.sent
    with pytest.raises(WeightsError, match=rf"cannot download http://127.*{told}.*HTTPS_PROXY"):
        load_weights("imagenet")
    assert hub_files(tmp_path) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "said", [Answer(status=403), Answer(body=b"<html>Log in</html>")], ids=["403", "page"]
)
def test_a_proxy_that_refuses_is_told_and_leaves_nothing(
    answer: Answer, said: Answer, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer.status, answer.body = said.status, said.body or b"Forbidden"
    server, _, name = imagenet.URL.rpartition("/")
    monkeypatch.setattr(imagenet, "URL", f"{scheme}://weights.invalid/{name}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv(f"{scheme}_proxy", server)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies
    with pytest.raises(WeightsError, match=f"cannot download {scheme}://weights.*HTTPS_PROXY"):
        load_weights("imagenet")
    assert answer.asked
    assert all("weights.invalid" in asked for asked in answer.asked)
    assert hub_files(tmp_path) == []


@pytest.mark.parametrize("sent", [0, 100_000], ids=["after the headers", "after half the file"])
def test_a_server_that_stops_sending_is_given_up(
    answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    monkeypatch.setattr(imagenet, "PATIENCE_SECONDS", 0.5)
    answer.sent, answer.hangs = sent, True
    with pytest.raises(WeightsError, match="no answer within.*HTTPS_PROXY.*copy the file to"):
        load_weights("imagenet")
    assert len(answer.asked) == 1
    assert hub_files(tmp_path) == []


def test_a_server_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    point_the_source_at(monkeypatch, tmp_path, port, content)
    with pytest.raises(WeightsError, match="cannot download.*refused.*HTTPS_PROXY"):
        load_weights("imagenet")


def test_a_download_can_be_repeated_after_a_failure(answer: Answer, tmp_path: Path) -> None:
    answer.sent = 1000
    with pytest.raises(WeightsError):
        load_weights("imagenet")
    answer.sent = None
    assert load_weights("imagenet").record.source == "imagenet"
    assert len(hub_files(tmp_path)) == 1


def test_a_damaged_file_in_the_hub_cache_is_refused(answer: Answer, tmp_path: Path) -> None:
    load_weights("imagenet")
    [file] = hub_files(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is damaged.*Delete it"):
        load_weights("imagenet")


def test_a_server_that_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    assert imagenet.PATIENCE_SECONDS == 10
    monkeypatch.setattr(imagenet, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_the_source_at(monkeypatch, tmp_path, silent.getsockname()[1], content)
        with pytest.raises(WeightsError, match="no answer within"):
            load_weights("imagenet")
    assert socket.getdefaulttimeout() is None


def fake_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program called npm before all others on the PATH."""
    program = folder / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_without_npm_the_cause_and_the_next_step_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(WeightsError, match=r"npm is not installed.*Install Node\.js"):
        load_weights("npm:nsfwjs")


def test_the_words_of_a_failing_npm_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(
        tmp_path, monkeypatch, "echo 'npm error code E403 forbidden by the mirror' >&2; exit 1"
    )
    with pytest.raises(WeightsError, match="npm pack nsfwjs@4.4.0.*E403 forbidden by the mirror"):
        load_weights("npm:nsfwjs")


def test_another_tarball_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The script's last argument is the folder that npm is asked to write to.
    fake_npm(tmp_path, monkeypatch, 'for d; do :; done; echo "not it" > "$d/nsfwjs-4.4.0.tgz"')
    with pytest.raises(WeightsError, match="sha512.*damaged or not the published package"):
        load_weights("npm:nsfwjs")


@pytest.mark.real_weights
def test_kept_weights_need_no_npm_and_say_that_they_are_a_stand_in(
    real_cache: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    shutil.copytree(real_cache / "weights", own_cache / "weights")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with caplog.at_level(logging.WARNING, logger="torch_inception"):
        weights = load_weights("npm:nsfwjs")
    assert weights.record.pooling == "tensorflow"
    assert weights.record.version == npm.VERSION
    assert npm.STAND_IN in caplog.messages


@pytest.mark.real_weights
def test_damaged_kept_weights_are_not_used(
    real_cache: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(real_cache / "weights", own_cache / "weights")
    [file] = (own_cache / "weights").rglob("*.pt")
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    file.write_bytes(damaged)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(WeightsError, match="npm is not installed"):
        load_weights("npm:nsfwjs")
