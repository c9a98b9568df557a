"""`torch-inception serve` as people start and end it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

import ssl
import urllib.request

from tests.drawings import draw_colours, encoded
from tests.fakes import MappingEngine
from tests.service.processes import is_open, started
from torch_inception.commands.main import main
from torch_inception.commands.serve import main as serve
from torch_inception.config import ServeConfig
from torch_inception.errors import ConfigError
from torch_inception.service.serve import serve_models
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier

RED = encoded(Image.new("RGB", (8, 8), (250, 20, 10)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    draw_colours(folder / "colours", count=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.fspath(folder / "cache"))
        train_classifier(
            folder / "colours", output=folder / "run", engine=MappingEngine(), report=False
        )
    return folder / "run"


def ask(port: int, path: str = "/predict", body: bytes | None = RED) -> bytes:
    address = f"http://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(address, body, timeout=30) as answer:
        content: bytes = answer.read()
    return content


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_what_was_begun_is_answered_before_it_ends(trained: Path, number: int, status: int) -> None:
    with (
        started(trained) as (process, port),
        socket.create_connection(("127.0.0.1", port), timeout=30) as begun,
    ):
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(RED)}\r\n\r\n"
        begun.sendall(head.encode() + RED[:20])
        ask(port)  # by now the other request has begun
        process.send_signal(number)
        while is_open(port):
            time.sleep(0.05)
        begun.sendall(RED[20:])
        answer = b""
        while part := begun.recv(10_000):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b'"red"' in answer
        assert process.wait(30) == status
        assert process.stderr is not None
        told = process.stderr.read()
    assert f"page: http://127.0.0.1:{port}/\n" in told
    assert f"curl --data-binary @image.jpg http://127.0.0.1:{port}/predict\n" in told
    assert "Traceback" not in told
    assert ("error: stopped. What was begun is answered.\n" in told) == (status == 130)


def test_what_cannot_be_is_told_in_a_line(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: object) -> str:
        status = main(["serve", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert status == 1
        assert out == ""
        assert err.count("\n") == 1
        return err

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "in use" in refused(trained, "--port", port)
    assert "nothing can listen there" in refused(trained, "--host", "192.0.2.1", "--open")
    assert "none" in refused(tmp_path / "none", "--port", 0)
    for name in ("certificate", "key"):
        (tmp_path / name).write_text("nonsense")
    files = ("--certificate", tmp_path / "certificate", "--key", tmp_path / "key")
    assert "no certificate and key" in refused(trained, *files)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"host": "0.0.0.0"}, "Give a --token that they have to send, or --open"),
        ({"host": "::"}, "Give a --token"),
        ({"host": "example"}, "Give a --token"),
        ({"port": 65536}, "from 0 to 65535"),
        ({"certificate": "a"}, "belong together"),
        ({"token": "a b"}, "without blanks"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        ServeConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_addresses_of_this_machine_need_no_token(host: str) -> None:
    ServeConfig(host=host)
    ServeConfig(host="0.0.0.0", open=True)
    ServeConfig(host="0.0.0.0", token="secret")


def test_a_missing_package_is_told_with_the_cure(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert serve([str(trained)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: the package uvicorn, which the server needs, is not there")
    assert err.endswith('pip install "torch-inception[serve]".\n')


@contextmanager
def in_thread(*runs: Path, **settings: object) -> Iterator[int]:
    """Serve in this process, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    end = threading.Event()
    config = ServeConfig(port=port, **settings)  # type: ignore[arg-type]
    thread = threading.Thread(
        target=serve_models,
        args=(list(map(str, runs)), config, end),
        kwargs={"engine": MappingEngine()},
    )
    thread.start()
    try:
        until(lambda: is_open(port))
        yield port
    finally:
        end.set()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def models(port: int) -> list[tuple[str, str]]:
    told = json.loads(ask(port, "/models", None))["models"]
    return [(each["name"], each["version"]) for each in told]


def test_who_listens_at_all_addresses_tells_the_name_of_the_machine(
    trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="torch_inception.results")
    with in_thread(trained, host="0.0.0.0", open=True) as port:
        until(lambda: "Ctrl-C" in caplog.text)
    assert f"page: http://{socket.gethostname()}:{port}/\n" in caplog.text
    assert f"@image.jpg http://{socket.gethostname()}:{port}/predict\n" in caplog.text


def test_models_of_one_name_are_made_distinct(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.pt").write_bytes((trained / "model.pt").read_bytes())
    with in_thread(trained, tmp_path / "run", trained / "model.pt") as port:
        assert [name for name, _ in models(port)] == ["run", "run-2", "run-3"]


def test_a_retrained_model_takes_over_and_no_request_is_lost(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "live" / "model.pt"
    file.parent.mkdir()
    first, other = (trained / "model.pt").read_bytes(), tmp_path / "other"
    file.write_bytes(first)
    train_classifier(
        trained.parent / "colours", output=other, engine=MappingEngine(), report=False, holdout=0.0
    )

    def put(content: bytes) -> None:
        new = file.with_name("new")
        new.write_bytes(content)
        new.replace(file)

    with in_thread(tmp_path / "live", reload=True) as port:
        [(_, before)] = models(port)
        versions, stop = set(), threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                versions.add(json.loads(ask(port))["model_version"])

        clients = [threading.Thread(target=keep_asking) for _ in range(3)]
        for client in clients:
            client.start()
        put(b"a damaged model")
        until(lambda: "the old model stays" in caplog.text)
        assert models(port) == [("live", before)]
        put((other / "model.pt").read_bytes())
        until(lambda: models(port) != [("live", before)])
        stop.set()
        for client in clients:
            client.join()
        [(_, after)] = models(port)
        assert json.loads(ask(port))["model_version"] == after
    assert versions <= {before, after}
    assert before in versions


def test_answers_come_over_tls(trained: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    try:
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", key, "-out", certificate,
            ],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("there is no openssl")
    with in_thread(trained, certificate=str(certificate), key=str(key)) as port:
        trusted = ssl.create_default_context(cafile=certificate)
        address = f"https://127.0.0.1:{port}/predict"
        with urllib.request.urlopen(address, RED, timeout=30, context=trusted) as answer:
            assert json.load(answer)["predictions"][0]["predictions"][0]["label"] == "red"
