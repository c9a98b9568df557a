"""An exported ONNX file is served as a run folder is, and without torch."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.drawings import encoded
from tests.exported.small_file import LABELS, TRAINING, save_small
from tests.service.asking import from_data_uri, serving
from torch_inception import ExportedClassifier
from torch_inception.service.exported_model import ExportedModel

RED = encoded(Image.new("RGB", (200, 100), (100, 20, 0)))


def test_its_answers_are_those_of_the_file(tmp_path: Path) -> None:
    file = save_small(tmp_path / "model.onnx")
    classifier = ExportedClassifier.load(file)
    with serving(ExportedModel.load(file)) as server:
        reply = server.ask("/predict?map=true&neighbours=2", RED)
        [listed] = server.ask("/models").json["models"]
    [told] = reply.json["predictions"]
    assert [(each["label"], each["score"]) for each in told["predictions"]] == classifier.predict(
        RED
    )
    known, distance, threshold = classifier.distance(RED)
    assert (told["known"], told["distance"], told["threshold"]) == (known, distance, threshold)
    assert told["map_box"] == [0, 0, 1, 1]
    grey = numpy.asarray(Image.open(io.BytesIO(from_data_uri(told["map"]))))
    assert (grey[:, :149] == 255).all()
    assert (grey[:, 149:] == 128).all()
    assert told["neighbours"] is None
    assert listed["labels"] == LABELS
    assert (listed["has_maps"], listed["has_neighbours"], listed["accuracy"]) == (True, False, None)


def test_the_accuracy_is_the_one_that_says_more(tmp_path: Path) -> None:
    test = {"tested": 10, "test_right": 9}
    held_out = {"held_out": 90, "held_out_right": 81}
    left_out, unknown = (0.9, "training images, each left out", 90), (None, None, 0)
    for said, accuracy in (
        (held_out | test, left_out),
        (held_out | {"tested": 50, "test_right": 30}, (0.6, "test images", 50)),
        (held_out, left_out),
        (test, (0.9, "test images", 10)),
        (held_out | {"judged_by": "validation"}, (0.9, "validation images", 90)),
        (held_out | test | {"judged_by": "validation"}, (0.9, "test images", 10)),
        ({}, unknown),
    ):
        training = json.dumps({**TRAINING, **said})
        file = save_small(tmp_path / "model.onnx", training=training)
        assert ExportedModel.load(file).facts.accuracy == accuracy


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['torchvision'] = None\n"
        "import torch_inception.service.serve, torch_inception.service.exported_model"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
