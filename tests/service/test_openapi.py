"""`/openapi.json` tells of every route, and what comes is as it says."""

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.drawings import encoded
from tests.service.asking import ColourModel, Server, serving
from torch_inception.service.app import ROUTES


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(ColourModel(), ColourModel()) as one:
        yield one


@pytest.fixture(scope="module")
def document(server: Server) -> Any:  # noqa: ANN401
    return server.ask("/openapi.json").json


def test_every_route_is_described(document: Any) -> None:  # noqa: ANN401
    described = {
        path: {method.upper() for method in methods} for path, methods in document["paths"].items()
    }
    assert described == {route.path: set(route.methods or ()) - {"HEAD"} for route in ROUTES}


def test_every_reference_leads_somewhere(document: Any) -> None:  # noqa: ANN401
    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for name, each in value.items():
                yield from [each] if name == "$ref" else references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    schemas = document["components"]["schemas"]
    names = {each.removeprefix("#/components/schemas/") for each in references(document)}
    assert names == set(schemas)


def test_who_is_refused_is_described(document: Any) -> None:  # noqa: ANN401
    with serving(ColourModel(), token="secret") as server:
        for path, operations in document["paths"].items():
            [(method, operation)] = operations.items()
            asked = path.format(model="model", name="page.js")
            refused = server.ask(asked, method=method.upper()).status == 401
            assert refused == ("401" in operation["responses"]), path
            assert refused == ("security" not in operation), path
            if method == "get":
                missing = server.ask(
                    path.format(model="none", name="none"),
                    headers={"Authorization": "Bearer secret"},
                )
                assert str(missing.status) in operation["responses"], path
    assert document["security"] == [{"token": []}, {}]  # not every server has one


def test_answers_have_what_is_described(server: Server, document: Any) -> None:  # noqa: ANN401
    schemas = document["components"]["schemas"]
    reply = server.ask("/predict?map=1&neighbours=1", encoded(Image.new("RGB", (9, 9)))).json
    assert set(reply) == set(schemas["Images"]["required"])
    known = set(schemas["Image"]["properties"])
    assert set(schemas["Image"]["required"]) <= set(reply["predictions"][0]) <= known
    [first, _] = server.ask("/models").json["models"]
    items = schemas["Models"]["properties"]["models"]["items"]
    assert set(first) == set(items["properties"])


def test_what_is_counted(server: Server) -> None:
    content = encoded(Image.new("RGB", (9, 9)))
    before = numbers(server)
    server.ask("/predict", content)
    server.ask("/predict", b"no image")
    after = numbers(server)
    grown = {name for name in after if after[name] != before.get(name, 0)}
    for name in (
        'requests_total{status="200"}', 'requests_total{status="422"}', "request_seconds_count",
        'images_total{outcome="named"}', 'images_total{outcome="bad"}', "batch_images_count",
    ):  # fmt: skip
        assert f"torch_inception_{name}" in grown
    assert after['torch_inception_model{model="model-2",version="1"}'] == 1
    assert after["torch_inception_waiting_images"] == 0


def numbers(server: Server) -> dict[str, float]:
    lines = server.ask("/metrics").content.decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}
