"""Downloads: through torch's hub cache and npm, checked, patient but not for ever."""

import hashlib
import http.server
import io
import os
import shutil
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import torchvision

from tests.weights.fake_npm import NOT_IT, put_npm
from torch_inception.errors import WeightsError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import load_weights
from torch_inception.weights.sources import imagenet, npm


@dataclass
class Server:
    """A server on loopback: what it answers, and what it was asked."""

    content: bytes
    url: str = ""
    status: int = 200
    sent: int | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)


def name_of(content: bytes) -> str:
    """Return a name like those of torch's files."""
    return f"inception_v3_test-{hashlib.sha256(content).hexdigest()[:8]}.pth"


@pytest.fixture(scope="module")
def content() -> bytes:
    """The bytes of a state dict of torchvision's network."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getvalue()


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give torch a cache of its own; return the folder where its downloads go."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(content: bytes) -> Iterator[Server]:
    """Serve the weights on loopback."""
    served = Server(content)
    stopped = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.content)))
            self.end_headers()
            self.wfile.write(served.content[: served.sent])
            if served.hangs:
                self.wfile.flush()
                stopped.wait(60)

        do_CONNECT = do_GET  # noqa: N815 - what a proxy is asked for https

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    served.url = f"http://127.0.0.1:{listening.server_address[1]}/{name_of(content)}"
    yield served
    stopped.set()
    listening.shutdown()
    thread.join()
    listening.server_close()


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def test_the_weights_are_those_that_torchvision_names() -> None:
    named = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1
    assert (named.url, named.name) == (imagenet.URL, imagenet.VERSION)


def test_a_download_lands_in_the_hub_cache_and_is_not_repeated(
    server: Server, content: bytes, hub: Path
) -> None:
    weights = imagenet.load(server.url)
    assert weights.record.source == "imagenet"
    assert weights.record.version == "IMAGENET1K_V1"
    assert weights.record.pooling == "torchvision"
    assert weights.classifier is not None
    [file] = files_in(hub)
    assert file.name == name_of(content)
    assert file.read_bytes() == content
    assert imagenet.load(server.url).record == weights.record
    assert len(server.asked) == 1


def test_where_torch_cannot_write_the_file_is_kept_in_our_cache(
    server: Server, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file" / "torch"))
    record = imagenet.load(server.url).record
    assert len(files_in(own_cache / "downloads" / "torch")) == 1
    assert imagenet.load(server.url).record == record
    assert len(server.asked) == 1


def test_where_nobody_can_write_the_variable_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file" / "torch"))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "ours"))
    with pytest.raises(
        WeightsError, match=f"file/torch/.*file/ours/downloads/torch can.*Set {CACHE_VARIABLE}"
    ):
        imagenet.load(server.url)
    assert server.asked == []


@pytest.mark.parametrize("home", [None, "/"])
def test_without_a_home_the_file_is_kept_in_our_cache(
    server: Server, home: str | None, no_home: None, own_cache: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("TORCH_HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    imagenet.load(server.url)
    assert len(files_in(own_cache / "downloads" / "torch")) == 1
    assert list(tmp_path.iterdir()) == [own_cache]


@pytest.mark.parametrize(
    ("status", "body", "sent", "reason"),
    [
        (403, b"Forbidden", None, "403"),
        (200, b"<html>Please log in</html>", None, "cut short, or it is another file"),
        (200, None, 1000, "cut short, or it is another file"),
    ],
    ids=["forbidden", "page of a proxy", "half a file"],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    server: Server, hub: Path, status: int, body: bytes | None, sent: int | None, reason: str
) -> None:
    server.status, server.content, server.sent = status, body or server.content, sent
    with pytest.raises(WeightsError, match=f"cannot download http://127.*{reason}.*HTTPS_PROXY"):
        imagenet.load(server.url)
    assert files_in(hub) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("status", "body"), [(403, b"Forbidden"), (200, b"<html>Log in</html>")], ids=["403", "page"]
)
def test_a_proxy_that_refuses_is_reported_and_leaves_nothing(
    server: Server, status: int, body: bytes, scheme: str, hub: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    server.status, server.content = status, body
    proxy, _, name = server.url.rpartition("/")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    # Python remembers the proxies of the first download in a process.
    urllib.request.install_opener(urllib.request.build_opener())
    try:
        with pytest.raises(WeightsError, match=f"cannot download {scheme}://weights.*HTTPS_PROXY"):
            imagenet.load(f"{scheme}://weights.invalid/{name}")
    finally:
        urllib.request.install_opener(None)
    assert server.asked
    assert all("weights.invalid" in asked for asked in server.asked)
    assert files_in(hub) == []


@pytest.mark.parametrize("sent", [0, 100_000], ids=["after the headers", "after half the file"])
def test_a_server_that_stops_sending_is_given_up(server: Server, hub: Path, sent: int) -> None:
    server.sent, server.hangs = sent, True
    with pytest.raises(
        WeightsError, match=r"no answer within 0\.5 s.*HTTPS_PROXY.*copy the file to"
    ):
        imagenet.load(server.url, patience=0.5)
    assert len(server.asked) == 1
    assert files_in(hub) == []


def test_a_server_that_is_not_there_is_reported(content: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(WeightsError, match="cannot download.*refused.*HTTPS_PROXY"):
        imagenet.load(f"http://127.0.0.1:{port}/{name_of(content)}")


def test_a_server_that_never_answers_is_given_up(content: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(WeightsError, match=r"no answer within 0\.2 s"):
            imagenet.load(f"http://127.0.0.1:{port}/{name_of(content)}", patience=0.2)
    assert socket.getdefaulttimeout() is None


def test_a_download_can_be_repeated_after_a_failure(server: Server, hub: Path) -> None:
    server.sent = 1000
    with pytest.raises(WeightsError):
        imagenet.load(server.url)
    server.sent = None
    assert imagenet.load(server.url).record.source == "imagenet"
    assert len(files_in(hub)) == 1


def test_a_damaged_file_in_the_hub_cache_is_refused(server: Server, hub: Path) -> None:
    imagenet.load(server.url)
    [file] = files_in(hub)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is damaged.*Delete it"):
        imagenet.load(server.url)


def test_without_npm_the_cause_and_the_next_step_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match=r"npm is not installed.*Install Node\.js"):
        load_weights("npm:nsfwjs")


@pytest.mark.parametrize("start", ["npm error", "npm ERR!"])
def test_the_words_of_a_failing_npm_are_passed_on(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_npm(tmp_path, monkeypatch, f"echo '{start} code E403 forbidden by the mirror' >&2; exit 1")
    with pytest.raises(WeightsError, match="pack nsfwjs@4.4.0` failed: code E403 forbidden by the"):
        load_weights("npm:nsfwjs")


def test_another_tarball_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_npm(tmp_path, monkeypatch, NOT_IT)
    with pytest.raises(WeightsError, match="sha512.*damaged or not the published package"):
        load_weights("npm:nsfwjs")


@pytest.mark.real_weights
def test_kept_weights_need_no_npm(
    real_cache: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(real_cache / "weights", own_cache / "weights")
    monkeypatch.setenv("PATH", str(tmp_path))
    record = load_weights("npm:nsfwjs").record
    assert (record.pooling, record.version) == ("tensorflow", npm.VERSION)


@pytest.mark.real_weights
def test_damaged_kept_weights_are_not_used(
    real_cache: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(real_cache / "weights", own_cache / "weights")
    file = max((own_cache / "weights").rglob("*"), key=os.path.getsize)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    file.write_bytes(damaged)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="npm is not installed"):
        load_weights("npm:nsfwjs")
