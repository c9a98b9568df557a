"""The hub of Hugging Face, played by a server on loopback: commands as users run them."""

import hashlib
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.fakes import random_state
from tests.processes import COMMAND, run_python
from tests.weights.homeless import without_home
from torch_inception.errors import ConfigError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import is_source_of_record, load_weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {
    "architecture": "inception_v3",
    "pretrained_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
}


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)


@dataclass
class Answer:
    """What the hub says to whoever asks for a file."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Hub:
    """What the hub says, path by path, and what it was asked."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def hold(self, repository: str, files: dict[str, bytes], revision: str = "main") -> None:
        """Have a repository."""
        for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256(files.get(name, b""))}"'}
            missing = Answer(status=404, headers={**headers, "X-Error-Code": "EntryNotFound"})
            answer = Answer(files[name], headers=headers) if name in files else missing
            self.answers[f"/{repository}/resolve/{revision}/{name}"] = answer

    def refuse(self, repository: str, status: int, code: str = "") -> None:
        """Answer with an error, whatever is asked."""
        answer = Answer(b"<html>no</html>", status, {"X-Error-Code": code} if code else {})
        self.answers[f"/{repository}/resolve/main/config.json"] = answer

    @property
    def fetched(self) -> list[str]:
        """What was downloaded."""
        return [path for request, path in map(str.split, self.asked) if request == "GET"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def handler_of(hub: Hub) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # The hub's client may also ask for news of its own.
            if "/resolve/" in self.path:
                hub.asked.append(f"{self.command} {self.path}")
                hub.tokens.add(self.headers["Authorization"])
            nothing = Answer(status=404, headers={"X-Error-Code": "RepoNotFound"})
            answer = hub.answers.get(self.path, nothing)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body)

        do_HEAD = do_GET  # noqa: N815 - the server's name

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    playing = Hub()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(playing))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    playing.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield playing
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a repository holds, in both kinds of file."""
    folder, state = tmp_path_factory.mktemp("files"), random_state()
    save_file(state, folder / "model.safetensors")
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def show(hub_url: str, folder: Path, name: str, **variables: str) -> tuple[int, str, str]:
    """Ask what a repository holds, with a cache of the hub's in the folder."""
    chosen = {"HF_ENDPOINT": hub_url, "HF_HOME": str(folder / "hub"), "no_proxy": "127.0.0.1"}
    chosen |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_TOKEN": "", "HF_HUB_OFFLINE": "0"}
    chosen[CACHE_VARIABLE] = str(folder / "cache")
    environment = {**os.environ, **chosen, **variables}
    done = run_python(COMMAND, "convert", "--show", name, environment=environment)
    return done.returncode, done.stdout, done.stderr


def complaints(shown: tuple[int, str, str]) -> dict[str, str]:
    """Return why each source gave nothing, one line each."""
    status, out, err = shown
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    return dict(line[2:].split(": ", 1) for line in err.splitlines() if line.startswith("  hf:"))


def nobody() -> str:
    """Return an address where nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}"


def test_a_repository_is_fetched_once_and_kept(
    hub: Hub, files: dict[str, bytes], tmp_path: Path
) -> None:
    hub.hold("timm/some.net", files)
    status, out, err = show(hub.url, tmp_path, "hf:timm/some.net", HF_TOKEN="hf_secret")
    assert status == 0, err
    shown = dict(line.split(": ", 1) for line in out.splitlines())
    assert shown["source"] == "hf:timm/some.net"
    assert (shown["version"], shown["lineage"]) == (COMMIT, "timm")
    assert "mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225)" in shown["preprocessing"]
    assert hub.tokens == {"Bearer hf_secret"}
    assert [Path(path).name for path in hub.fetched] == ["config.json", "model.safetensors"]
    assert show(hub.url, tmp_path, "hf:timm/some.net")[:2] == (0, out)
    assert len(hub.fetched) == 2
    # What is kept does without the hub.
    assert show(nobody(), tmp_path, "hf:timm/some.net")[:2] == (0, out)


def test_a_pickle_is_read_only_where_there_is_nothing_else(
    hub: Hub, files: dict[str, bytes], tmp_path: Path
) -> None:
    name = "hf:timm/old@some/v1"
    hub.hold("timm/old", {"pytorch_model.bin": files["pytorch_model.bin"]}, revision="some%2Fv1")
    status, out, err = show(hub.url, tmp_path, name)
    assert status == 0, err
    assert "lineage: torchvision or timm" in out
    assert f"source: {name}" in out
    # The cache remembers which files the repository does not have.
    hub.asked.clear()
    assert show(hub.url, tmp_path, name, HF_HUB_OFFLINE="1")[:2] == (0, out)
    assert hub.asked == []


@pytest.mark.parametrize("home", [None, "/"])
def test_without_a_home_a_repository_is_kept_in_our_cache(
    hub: Hub, files: dict[str, bytes], home: str | None, tmp_path: Path
) -> None:
    hub.hold("timm/some.net", files)
    variables = {CACHE_VARIABLE: str(tmp_path / "cache"), "HF_ENDPOINT": hub.url}
    done = without_home(
        COMMAND, "convert", "--show", "hf:timm/some.net",
        folder=tmp_path / "here", home=home, no_proxy="127.0.0.1", **variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "here").iterdir()) == []
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["downloads"]


def test_a_refusal_is_reported_with_its_cure(hub: Hub, tmp_path: Path) -> None:
    hub.refuse("a/forbidden", 403)
    hub.refuse("a/unauthorised", 401)
    hub.refuse("a/gated", 403, "GatedRepo")
    hub.refuse("a/private", 401, "RepoNotFound")
    hub.refuse("a/broken", 503)
    hub.refuse("a/revision", 404, "RevisionNotFound")
    expected = {
        "hf:a/forbidden": "403.*HF_TOKEN.*HTTPS_PROXY.*HF_ENDPOINT",
        "hf:a/unauthorised": "401.*HF_TOKEN.*HTTPS_PROXY.*HF_ENDPOINT",
        "hf:a/gated": "wants to be asked.*HF_TOKEN",
        "hf:a/private": "no such repository.*HTTP 401.*private",
        "hf:a/broken": "503.*HTTPS_PROXY",
        "hf:a/revision": "no such revision.*after the @",
        "hf:a/missing": r"no such repository \(HTTP 404\).*private.*HF_TOKEN",
        "hf:a--b/c": "'a--b/c'",
    }
    reasons = complaints(show(hub.url, tmp_path, ",".join(expected)))
    assert reasons.keys() == expected.keys()
    for name, pattern in expected.items():
        repository = name.removeprefix("hf:")
        assert re.search(f"^cannot have config.json of {repository}: .*{pattern}", reasons[name])


def test_a_repository_of_something_else_is_refused(hub: Hub, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    code = b"\x80\x02cposix\nsystem\nX%c\0\0\0touch %sq\0\x85R." % (
        len(str(canary)) + 6,
        str(canary).encode(),
    )
    hub.hold("a/empty", {})
    hub.hold("a/resnet", {"config.json": b'{"architecture": "resnet50"}'})
    hub.hold("a/page", {"model.safetensors": b"<html> and more"})
    hub.hold("a/code", {"pytorch_model.bin": code})
    hub.answers["/a/proxy/resolve/main/config.json"] = Answer(b"<html>Please log in</html>")
    half = Answer(b"{}", headers={"X-Repo-Commit": COMMIT})
    hub.answers["/a/half/resolve/main/config.json"] = half
    expected = {
        "hf:a/empty": "a/empty has neither model.safetensors nor pytorch_model.bin",
        "hf:a/resnet": "a/resnet holds a resnet50, not an inception_v3",
        "hf:a/page": "is not a whole safetensors file",
        "hf:a/code": "not a state dict that torch can load safely",
        "hf:a/half": "does not have an ETag",
        "hf:a/proxy": "Behind a proxy, set HTTPS_PROXY",
    }
    reasons = complaints(show(hub.url, tmp_path, ",".join(expected)))
    for name, text in expected.items():
        assert text in reasons[name]
    assert not canary.exists()
    assert not any("proxy" in path for path in hub.fetched)


def test_without_a_network_or_the_wish_for_one_the_cure_is_named(hub: Hub, tmp_path: Path) -> None:
    name = "hf:timm/some.net"
    line = complaints(show(nobody(), tmp_path, name))[name]
    assert re.search("refused.*HTTPS_PROXY.*HF_ENDPOINT.*copy model.safetensors and config", line)
    line = complaints(show(hub.url, tmp_path, name, HF_HUB_OFFLINE="1"))[name]
    assert "HF_HUB_OFFLINE is set, and it is not in the hub's cache. Unset it." in line
    assert hub.asked == []
    assert "HF_ENDPOINT" in complaints(show("not an address", tmp_path, name))[name]


@pytest.mark.parametrize(
    "name",
    [
        "hf:", "hf:/x", "hf:a/b/c", "hf:a/b@", "hf:x y", "hf:a/b?c", "hf:a/b.pth/", "hf:é",
        "hf:../..", "hf:a/..", "hf:a/b@..", "hf:a/b@../../x", "hf:a/b@/etc/x",
        "hf:a/b@x/../../../x",
    ],
)  # fmt: skip
def test_a_name_that_no_repository_can_have_is_refused_at_once(name: str) -> None:
    assert not is_source_of_record(name)
    with pytest.raises(ConfigError, match="is not a source.*hf:OWNER/NAME"):
        load_weights(name)


def test_a_model_may_name_a_repository() -> None:
    assert is_source_of_record("hf:timm/inception_v3.tv_in1k")
    assert is_source_of_record("hf:timm/inception_v3.tv_in1k@main")
    assert not is_source_of_record("hf:timm/x\n")


def test_the_package_that_is_missing_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "huggingface_hub"
    blocked.mkdir()
    (blocked / "__init__.py").write_text("raise ImportError")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    arguments = ["convert", "--show", "hf:timm/x"]
    done = subprocess.run(
        [sys.executable, "-m", "torch_inception", *arguments], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": paths}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "hf:timm/x needs huggingface_hub: pip install 'torch-inception[timm]'.\n" in done.stderr
