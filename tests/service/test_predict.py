"""`POST /predict`: the answers of `predict`, by HTTP."""

import dataclasses
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.drawings import encoded, landscape
from tests.fakes import MappingEngine
from tests.report.runs import make_run
from tests.service.asking import Server, form, from_data_uri, serving
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.predict import main as predict
from torch_inception.images.limits import one_large_image_at_a_time, wait_for_memory
from torch_inception.service.classifier_model import ClassifierModel
from torch_inception.service.image_pool import ImagePool
from torch_inception.service.served_model import Wishes
from torch_inception.system.cache_folder import CACHE_VARIABLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on coloured squares; the folder has `run` and `images`."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.fspath(folder / "cache"))
        make_run(folder, report=False, threshold=["green=0.5"])
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(ClassifierModel.load(folder / "run" / "model.pt", engine=MappingEngine())) as one:
        yield one


def images(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("[012]_*.png"))


def test_answers_are_those_of_predict_to_the_last_bit(
    folder: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    files = images(folder)[::7]
    run, names = str(folder / "run"), list(map(str, files))
    assert predict(["--model", run, "--format", "json", *names], engine=MappingEngine()) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for file, expected in zip(files, told, strict=True):
        reply = server.ask("/predict", file.read_bytes())
        assert reply.status == 200
        assert reply.json["predictions"] == [{**expected, "path": None}]
    body, headers = form(*((str(file), file.read_bytes()) for file in files))
    assert server.ask("/predict", body, headers=headers).json["predictions"] == told


def test_a_bad_image_among_others_gets_its_reason(folder: Path, server: Server) -> None:
    good = images(folder)[0].read_bytes()
    body, headers = form(("a.png", good), ("b.png", b"no image"), ("c.png", good[:200]))
    reply = server.ask("/predict?map=true&neighbours=2", body, headers=headers)
    first, *others = reply.json["predictions"]
    assert reply.status == 200
    assert (first["path"], first["error"], len(first["predictions"])) == ("a.png", None, 3)
    assert [each["error"].partition(":")[0] for each in others] == [
        "not an image but text", "cut short",
    ]  # fmt: skip
    nothing = dict.fromkeys(first) | {"predictions": []}
    for name, each in zip(("b.png", "c.png"), others, strict=True):
        assert each == {**nothing, "path": name, "error": each["error"]}


def test_a_bad_image_alone_is_an_error(server: Server) -> None:
    reply = server.ask("/predict", b"no image")
    assert reply.status == 422
    assert reply.json["error"] == reply.json["predictions"][0]["error"] == "not an image but text"


def test_top_is_how_many_classes_are_told(folder: Path, server: Server) -> None:
    reply = server.ask("/predict?top=2", images(folder)[0].read_bytes())
    assert len(reply.json["predictions"][0]["predictions"]) == 2


def test_a_map_shows_what_speaks_for_the_best_class(folder: Path, server: Server) -> None:
    content = encoded(Image.fromarray(landscape()).resize((200, 100)))
    reply = server.ask("/predict?map=true", content)
    [told] = reply.json["predictions"]
    assert told["map_box"] == [0.0, 0.0, 1.0, 1.0]  # the whole image is squashed
    shown = Image.open(io.BytesIO(from_data_uri(told["map"])))
    assert (shown.format, shown.mode, shown.size) == ("PNG", "L", (299, 299))
    classifier = Classifier.load(folder / "run", engine=MappingEngine())
    explanation = classifier.explain(content)
    values = explanation.seen(told["predictions"][0]["label"])
    expected = 128 + 127 * values / abs(values).max()
    # Rounded to the nearest, but for the last bits of float32.
    assert numpy.abs(numpy.asarray(shown) - expected).max() < 0.5 + 255 * 2**-23
    assert 255 in numpy.asarray(shown) or 1 in numpy.asarray(shown)


def test_maps_of_large_images_hold_up_no_small_one(folder: Path) -> None:
    """A map is made of what was decoded, so that it does not wait for the turn to decode."""
    pool = ImagePool(ClassifierModel.load(folder / "run" / "model.pt", engine=MappingEngine()))
    large = encoded(Image.new("RGB", (5000, 4000)), "BMP")
    computed = [pool.submit(large).result(60) for _ in range(2 * pool.model.workers)]
    small = pool.submit(images(folder)[0].read_bytes()).result(30)
    with one_large_image_at_a_time():
        wait_for_memory(2**28)  # as if this thread decoded one
        for image in (*computed, small):
            assert "map" in pool.tell(image, Wishes(map=True)).result(30)
    pool.close()


def test_where_the_map_lies_may_be_outside_of_the_image(folder: Path) -> None:
    trained = Classifier.load(folder / "run", engine=MappingEngine())
    preprocessing = dataclasses.replace(trained.model.preprocessing, resize="pad")
    model = dataclasses.replace(trained.model, preprocessing=preprocessing)
    classifier = Classifier(model, trained.engine, path=folder / "run")
    with serving(ClassifierModel(classifier, folder / "run" / "model.pt", "1")) as server:
        reply = server.ask("/predict?map=true", encoded(Image.new("RGB", (200, 100), "red")))
        left, top, right, bottom = reply.json["predictions"][0]["map_box"]
    assert (left, right) == (0, 1)
    assert top == pytest.approx(-0.5, abs=0.01)
    assert bottom == pytest.approx(1.5, abs=0.01)


def test_neighbours_are_shown(folder: Path, server: Server) -> None:
    file = images(folder)[-1]
    reply = server.ask("/predict?neighbours=3", file.read_bytes())
    near = reply.json["predictions"][0]["neighbours"]
    expected = Classifier.load(folder / "run", engine=MappingEngine()).neighbours(file, 3)
    assert [(each["path"], each["label"], each["similarity"]) for each in near] == expected
    for each in near:
        shown = Image.open(io.BytesIO(from_data_uri(each["thumbnail"])))
        assert shown.format == "JPEG"
        assert max(shown.size) <= 44


def test_all_that_can_be_told_is_described(folder: Path, server: Server) -> None:
    schemas = server.ask("/openapi.json").json["components"]["schemas"]
    reply = server.ask("/predict?map=true&neighbours=1", images(folder)[0].read_bytes())
    [told] = reply.json["predictions"]
    assert set(told) == set(schemas["Image"]["properties"])
    assert set(told["predictions"][0]) == set(schemas["Prediction"]["properties"])
    assert set(told["neighbours"][0]) == set(schemas["Neighbour"]["properties"])


def test_a_model_without_maps_and_neighbours_tells_none(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes((folder / "run" / "model.pt").read_bytes())
    model = ClassifierModel.load(tmp_path / "model.pt", engine=MappingEngine())
    assert not model.facts.has_neighbours
    with serving(model) as server:
        reply = server.ask("/predict?neighbours=3", images(folder)[0].read_bytes())
    assert reply.json["predictions"][0]["neighbours"] is None


def test_models_are_listed(server: Server) -> None:
    [model] = server.ask("/models").json["models"]
    assert model["name"] == "model"
    assert set(model["labels"]) == {"red", "green", "blue"}
    assert model["has_distance"]
    assert model["has_maps"]
    assert model["has_neighbours"]
    assert model["image_size"] == 299
    assert 0 < model["accuracy"] <= 1
    assert model["accuracy_of"] == "training images, each left out"  # few are tested
    assert 0 < model["accuracy_n"] < 100
    described = server.ask("/openapi.json").json["components"]["schemas"]["Models"]
    assert set(model) == set(described["properties"]["models"]["items"]["properties"])
    reply = server.ask("/predict", b"no image")
    assert reply.json["model_version"] == model["version"]
