"""What a request must be: one form of errors, limits to size, time and number, a token."""

import http.client
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.drawings import encoded
from tests.service.asking import ColourModel, Gateway, Reply, Server, form, serving
from torch_inception.service.limits import Limits

RED = encoded(Image.new("RGB", (8, 8), (250, 20, 10)))
GREEN = encoded(Image.new("RGB", (8, 8), (10, 250, 20)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    limits = Limits(body_bytes=100_000, request_images=3)
    with serving(ColourModel(), ColourModel("2"), limits=limits) as one:
        yield one


def best(reply: Reply) -> str:
    assert reply.status == 200, reply
    label: str = reply.json["predictions"][0]["predictions"][0]["label"]
    return label


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/predict?top=0", 400, "top = '0' must be a number from 1 to 100000."),
        ("/predict?top=1&top=2", 400, "the parameter top is given twice."),
        ("/predict?map=maybe", 400, "map = 'maybe' must be true or false."),
        ("/predict?neighbour=1", 400, "no parameter 'neighbour'. Did you mean neighbours?"),
        ("/predict?url=file:///etc/passwd", 400, "there is no parameter 'url'."),
        ("/predict?model=none", 404, "there is no model 'none'. There are: model, model-2."),
        ("/nothing", 404, "there is nothing at this address."),
        ("/predict/", 404, "there is nothing at this address."),
        ("/models", 405, "this address takes other methods."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address_is_told(
    server: Server, path: str, status: int, reason: str
) -> None:
    reply = server.ask(path, RED)
    assert reply.status == status
    assert list(reply.json) == ["error"]
    assert reason in reply.json["error"]


def test_what_is_wrong_with_a_body_is_told(server: Server) -> None:
    def refused(body: object, headers: dict[str, str] | None = None) -> tuple[int, str]:
        reply = server.ask("/predict", body, headers=headers)
        assert list(reply.json) == ["error"]
        return reply.status, reply.json["error"]

    whole, kind = form(("a.png", RED))
    assert refused(b"") == (400, "the body is empty. Send an image, as curl --data-binary "
                                 "@image.jpg does.")  # fmt: skip
    assert refused(RED, {"Content-Encoding": "gzip"})[0] == 415
    assert refused(bytes(100_001))[0] == 413
    assert refused(iter([bytes(60_000), bytes(60_000)]))[0] == 413  # in parts, of unknown length
    assert refused(whole, {"Content-Type": "multipart/form-data"})[1].endswith("does not name.")
    assert refused(whole[:-9], kind) == (400, "the form cannot be read: its end is missing")
    assert refused(b"nonsense", kind)[0] == 400
    assert refused(*form())[1].startswith("the form has no file")
    text = (
        b'--here\r\nContent-Disposition: form-data; name="path"\r\n\r\n/etc/passwd\r\n--here--\r\n'
    )
    assert refused(text, kind)[1].startswith("the form has no file")
    part = b'--here\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    assert refused(part * 1500 + b"--here--\r\n", kind) == (
        413, "a form has at most 1000 parts. Send fewer.",
    )  # fmt: skip
    assert refused(*form(*[("a.png", RED)] * 4)) == (
        413, "a request has at most 3 images. Send fewer.",
    )  # fmt: skip


def test_any_type_but_a_form_is_an_image(server: Server) -> None:
    for kind in ("image/png", "application/x-www-form-urlencoded", "nonsense", ""):
        assert best(server.ask("/predict", RED, headers={"Content-Type": kind})) == "red"


def test_models_are_named(server: Server) -> None:
    assert server.ask("/predict", GREEN).json["model_version"] == "1"
    assert server.ask("/predict?model=model-2", GREEN).json["model_version"] == "2"


def test_a_name_is_told_back_and_nothing_more(server: Server) -> None:
    for name in ("/etc/passwd", "ö\N{SNOWMAN}.png", "\x1b[31m", "a" * 3000):
        body, headers = form((name, RED))
        assert server.ask("/predict", body, headers=headers).json["predictions"][0]["path"] == name


def test_a_slow_body_is_given_up() -> None:
    with serving(ColourModel(), limits=Limits(read_seconds=2)) as server:
        connection = server.connect()
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"begun")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (408, "close")
        answer.read()
        connection.close()
        assert best(server.ask("/predict", RED)) == "red"


@pytest.mark.parametrize("sent", [b"", b"POST /predict HTTP/1.1\r\nHost: a\r\n"])
def test_a_connection_without_a_request_is_closed(sent: bytes) -> None:
    with (
        serving(ColourModel(), limits=Limits(read_seconds=0.3)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection,
    ):
        connection.sendall(sent)
        assert connection.recv(100) == b""


def test_connections_are_limited() -> None:
    with serving(ColourModel(), limits=Limits(connections=1)) as server:
        first = server.connect()
        first.request("GET", "/models")
        first.getresponse().read()
        reply = server.ask("/models")
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert "connections" in reply.json["error"]
        first.request("GET", "/models")
        assert first.getresponse().status == 200
        first.close()


def test_a_client_that_takes_no_answers_is_left() -> None:
    limits = Limits(connections=1, read_seconds=2)
    with serving(ColourModel(), limits=limits) as server, socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", server.port))
        stalled.setblocking(False)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 1000
        with suppress(BlockingIOError):
            while True:
                stalled.send(request)
        assert server.ask("/models").status == 503
        deadline = time.monotonic() + 30
        while server.ask("/models").status == 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("limits", [Limits(waiting_images=2), Limits(waiting_bytes=2 * len(RED))])
def test_what_does_not_fit_is_told_to_come_again(limits: Limits) -> None:
    gateway = Gateway()
    with serving(ColourModel(before_batch=gateway.wait), limits=limits) as server:
        asked = [begin(server, RED) for _ in range(2)]
        for _ in asked:
            assert gateway.reached.acquire(timeout=30)
        reply = server.ask("/predict", RED)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert "torch_inception_waiting_images 2.0" in server.ask("/metrics").content.decode()
        gateway.open()
        for connection in asked:
            assert connection.getresponse().status == 200
            connection.close()
        assert best(server.ask("/predict", RED)) == "red"


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    gateway = Gateway()
    limits = Limits(answer_seconds=0.3)
    with serving(ColourModel(before_batch=gateway.wait), limits=limits) as server:
        reply = server.ask("/predict", RED)
        gateway.open()
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")


def test_what_was_not_begun_is_dropped_when_the_client_leaves() -> None:
    gateway = Gateway()
    model = ColourModel(before_batch=gateway.wait, workers=1)
    with serving(model) as server:
        staying = begin(server, RED)
        assert gateway.reached.acquire(timeout=30)
        leaving = begin(server, GREEN)
        wait_for(server, "torch_inception_waiting_images 2.0")
        leaving.close()
        wait_for(server, "torch_inception_waiting_images 1.0")
        gateway.open()
        assert staying.getresponse().status == 200
        staying.close()
        assert model.images == 1
        assert 'requests_total{status="499"} 1.0' in server.ask("/metrics").content.decode()


def begin(server: Server, body: bytes) -> http.client.HTTPConnection:
    connection = server.connect()
    connection.request("POST", "/predict", body)
    return connection


def wait_for(server: Server, text: str) -> None:
    end = time.monotonic() + 30
    while text not in server.ask("/metrics").content.decode():
        assert time.monotonic() < end, text
        time.sleep(0.01)


def test_a_token_is_needed_but_for_the_page_and_its_health() -> None:
    with serving(ColourModel(), token="secret") as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
            for path in ("/models", "/metrics", "/openapi.json", "/v2", "/nothing"):
                reply = server.ask(path, headers=headers)
                assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
                assert "token" in reply.json["error"]
            assert server.ask("/predict", RED, headers=headers).status == 401
        for path in ("/", "/v2/health/live", "/v2/health/ready"):
            assert server.ask(path).status == 200
        assert server.ask("/static/none.js").status == 404
        right = {"Authorization": "Bearer secret"}
        assert best(server.ask("/predict", RED, headers=right)) == "red"


def test_other_sites_cannot_lead_their_names_to_a_server_of_this_machine() -> None:
    with serving(ColourModel(), is_local=True) as server:
        for host in ("127.0.0.1", "LOCALHOST:8000", "[::1]:80", "192.168.1.2:8000"):
            assert server.ask("/models", headers={"Host": host}).status == 200
        for host in ("example.org", "localhost.example.org:8000", "127.0.0.1.example.org"):
            reply = server.ask("/models", headers={"Host": host})
            assert reply.status == 421
            assert "127.0.0.1 or localhost" in reply.json["error"]


def test_the_page_may_load_only_what_is_its_own(server: Server) -> None:
    reply = server.ask("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert reply.headers["x-content-type-options"] == "nosniff"
    for name, media_type in (("page.js", "text/javascript"), ("style.css", "text/css")):
        assert server.ask(f"/static/{name}").headers["content-type"].startswith(media_type)
    for name in ("..%2fmodels.py", "%2fetc%2fpasswd", "__init__.py"):
        assert server.ask(f"/static/{name}").status == 404


def test_other_pages_may_not_read_answers(server: Server) -> None:
    reply = server.ask("/models", headers={"Origin": "null"})
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_fault_of_ours_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(count: int) -> None:
        raise ZeroDivisionError("made by the test")

    model = ColourModel(before_batch=fail)
    with serving(model) as server:
        reply = server.ask("/predict", RED)
        assert (reply.status, reply.json) == (
            500, {"error": "a fault of the server, which is in its log."},
        )  # fmt: skip
        model.before_batch = lambda count: None
        assert best(server.ask("/predict", RED)) == "red"
    assert "made by the test" in caplog.text


def test_a_line_is_logged_per_request_without_names(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "torch_inception")
    body, headers = form(("patient.png", RED))
    server.ask("/predict?top=1", body, headers=headers)
    wait_for(server, "")  # the line is written after the answer
    [line] = [each for each in caplog.messages if "/predict" in each]
    assert line.startswith("POST /predict 200 in ")
    assert "patient" not in caplog.text


def test_what_is_no_http_is_refused(server: Server, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 is no HTTP\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert best(server.ask("/predict", RED)) == "red"
