"""The service with a model that gives an image several labels, or none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.fakes import MappingEngine
from tests.service.asking import Server, serving
from tests.training.several import draw_several
from torch_inception.commands.predict import main as predict
from torch_inception.service.classifier_model import ClassifierModel
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on drawn images; the folder has `run` and `images`."""
    folder = tmp_path_factory.mktemp("served_several")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.fspath(folder / "cache"))
        train_classifier(
            "", labels=draw_several(folder), output=folder / "run", engine=MappingEngine(),
            near_duplicates="ignore",
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(ClassifierModel.load(folder / "run" / "model.pt", engine=MappingEngine())) as one:
        yield one


def test_answers_are_those_of_predict_with_the_labels_over_their_thresholds(
    folder: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [folder / "images" / f"{kind}_0.png" for kind in ("101", "000")]
    run = str(folder / "run")
    arguments = ["--model", run, "--format", "json", *map(str, files)]
    assert predict(arguments, engine=MappingEngine()) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for file, expected in zip(files, told, strict=True):
        [found] = server.ask("/predict", file.read_bytes()).json["predictions"]
        assert found == {**expected, "path": None}
    assert [sorted(each["over_threshold"]) for each in told] == [["blue", "red"], []]


def test_what_is_told_is_described(folder: Path, server: Server) -> None:
    [model] = server.ask("/models").json["models"]
    assert model["several_labels"] is True
    schemas = server.ask("/openapi.json").json["components"]["schemas"]
    image = (folder / "images" / "111_0.png").read_bytes()
    [told] = server.ask("/predict?map=true&neighbours=1", image).json["predictions"]
    assert set(told) == set(schemas["Image"]["properties"])
    bad = server.ask("/predict", b"no image").json["predictions"][0]
    assert bad["over_threshold"] is None
