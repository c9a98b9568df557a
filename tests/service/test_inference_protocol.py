"""The Open Inference Protocol: pixels or files in, probabilities out, all else refused."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.drawings import encoded
from tests.service.asking import LABELS, ColourModel, Reply, Server, colour_shares, serving

JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(ColourModel()) as one:
        yield one


def infer(server: Server, request: object) -> Reply:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return server.ask("/v2/models/model/infer", body, headers=JSON)


def tensor(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    plain = {"name": "images", "shape": [1, 1, 2, 3], "datatype": "UINT8", "data": [1] * 6}
    return {"inputs": [plain | changes]}


@pytest.mark.parametrize("is_flat", [True, False])
def test_pixels_give_probabilities(server: Server, is_flat: bool) -> None:
    # Of the network's size, they are taken as they are.
    pixels = numpy.random.default_rng(0).integers(0, 256, (2, 299, 299, 3), numpy.uint8)
    data = (pixels.ravel() if is_flat else pixels[:, :, :299]).tolist()
    reply = infer(server, tensor(shape=list(pixels.shape), data=data) | {"id": "mine"})
    assert reply.status == 200
    [output] = reply.json["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (
        "probabilities",
        "FP64",
        [2, 3],
    )
    assert output["data"] == [share for each in pixels for share in colour_shares(each).tolist()]
    assert (reply.json["id"], reply.json["model_name"], reply.json["model_version"]) == (
        "mine", "model", "1",
    )  # fmt: skip


def test_files_give_what_predict_gives(server: Server) -> None:
    contents = [encoded(Image.new("RGB", (5, 7), colour)) for colour in ("red", "blue")]
    data = [base64.b64encode(content).decode() for content in contents]
    request = {"name": "files", "shape": [2], "datatype": "BYTES", "data": data}
    output = infer(server, {"inputs": [request]}).json["outputs"][0]
    for row, content in enumerate(contents):
        named = server.ask("/predict", content).json["predictions"][0]["predictions"]
        shares = output["data"][3 * row : 3 * row + 3]
        assert {each["label"]: each["score"] for each in named} == dict(
            zip(LABELS, shares, strict=True)
        )


def test_what_it_takes_and_gives_is_told(server: Server) -> None:
    assert server.ask("/v2").json["name"] == "torch_inception"
    assert server.ask("/v2/health/live").json == {"live": True}
    assert server.ask("/v2/health/ready").json == {"ready": True}
    assert server.ask("/v2/models/model/ready").json == {"name": "model", "ready": True}
    told = server.ask("/v2/models/model").json
    assert told["versions"] == ["1"]
    assert [each["shape"] for each in told["inputs"]] == [[-1, -1, -1, 3], [-1]]
    assert told["outputs"][0]["parameters"] == {"labels": list(LABELS)}
    for path in ("/v2/models/none", "/v2/models/none/ready"):
        assert server.ask(path).status == 404


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"{", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        ([], "the request must be an object"),
        ({}, "inputs must be a list"),
        ({"inputs": []}, "inputs must have one tensor"),
        ({**tensor(), "model": "x"}, "has 'model', which is unknown"),
        ({**tensor(), "id": 7}, "id must be text"),
        ({**tensor(), "outputs": [{"name": "logits"}]}, "there is no output 'logits'"),
        (tensor(name="pixels"), "there is no input 'pixels'"),
        (tensor(datatype="FP32"), "the datatype of images must be UINT8, not 'FP32'"),
        (tensor(shape=[1, 1, 2, 4]), "the shape of images must be [N, height, width, 3]"),
        (tensor(shape=[1, 1, -2, 3]), "must be whole numbers above 0"),
        (tensor(shape=[1, 1, 2.0, 3]), "must be whole numbers above 0"),
        (tensor(shape=[1, 1, 3, 3]), "data has 6 numbers, and the shape 9"),
        (tensor(data=[[1, 2, 3], [4, 5]]), "not a regular array"),
        (tensor(data=[[1, 2], [3, 4], [5, 6]]), "data has the shape [3, 2]"),
        (tensor(data=[1, 2, 3, 4, 5, 256]), "whole numbers from 0 to 255"),
        (tensor(data=[1, 2, 3, 4, 5, -1]), "whole numbers from 0 to 255"),
        (tensor(data=[1, 2, 3, 4, 5, 0.5]), "whole numbers from 0 to 255"),
        (tensor(data=[1, 2, 3, 4, 5, 10**30]), "whole numbers from 0 to 255"),
        (tensor(data=[1, 2, 3, 4, 5, "6"]), "whole numbers from 0 to 255"),
        (tensor(data=[True] * 6), "whole numbers from 0 to 255"),
        (tensor(data=[None] * 6), "whole numbers from 0 to 255"),
        (
            tensor(name="files", datatype="BYTES", shape=[1], data=["/etc/passwd."]),
            "data[0] is not base64",
        ),
        (
            tensor(name="files", datatype="BYTES", shape=[1], data=[7]),
            "data[0] must be the content",
        ),
        (tensor(name="files", datatype="BYTES", shape=[2], data=["aa=="]), "data has 1 files"),
    ],
)
def test_what_is_wrong_is_told(server: Server, request_: object, reason: str) -> None:
    reply = infer(server, request_)
    assert reply.status == 400
    assert list(reply.json) == ["error"]
    assert reason in reply.json["error"]


def test_too_much_is_refused(server: Server) -> None:
    assert infer(server, tensor(shape=[65, 1, 1, 3], data=[1] * 195)).status == 413
    assert infer(server, b"[" + b"[],\n" * 1_000_001 + b"[]]").status == 413


def test_other_kinds_of_bodies_are_refused(server: Server) -> None:
    reply = server.ask("/v2/models/model/infer", b"{}", headers={"Content-Type": "image/png"})
    assert reply.status == 415


def test_the_image_that_is_bad_is_named(server: Server) -> None:
    good = encoded(Image.new("RGB", (5, 7)))
    data = [base64.b64encode(content).decode() for content in (good, b"no image")]
    reply = infer(server, tensor(name="files", datatype="BYTES", shape=[2], data=data))
    assert (reply.status, reply.json) == (422, {"error": "image 1: not an image but text"})
