"""The graph as torch exports it, for models of other kinds than the plain ones."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.drawings import landscape
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import Layers, Resize
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ModelError
from torch_inception.export.graph import ImageGraph
from torch_inception.export.metadata import describe
from torch_inception.export.torch_program import export_program
from torch_inception.exported.description import read_description
from torch_inception.heads.class_space import LAYER
from torch_inception.heads.head import IndependentHead
from torch_inception.heads.nearest_space import NearestSpace
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAYERS
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier

Run = Callable[[NDArray[Any]], dict[str, NDArray[Any]]]


def exported(classifier: Classifier) -> Run:
    """Return what runs a classifier's graph on one image."""
    assert isinstance(classifier.engine, TorchEngine)
    graph = ImageGraph(classifier.model, classifier.engine.copy_network())
    module = export_program(graph).module()

    def run(image: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with torch.no_grad():
            found = module(torch.from_numpy(image[None].copy()))
        assert list(found) == graph.outputs
        return {name: each[0].numpy() for name, each in found.items()}

    return run


def test_values_of_more_than_8_bits_are_scaled_by_the_range_of_the_model(
    plain_run: Path, tmp_path: Path
) -> None:
    trained = Classifier.load(plain_run, device="cpu")
    model = dataclasses.replace(
        trained.model, preprocessing=Preprocessing(intensity="1000,5000"), space=None
    )
    classifier = Classifier(model, trained.engine)
    values = (landscape(80)[..., 0].astype(numpy.uint16)) * 20 + 500
    Image.fromarray(values).save(tmp_path / "deep.png")
    run = exported(classifier)
    grey = values.astype(numpy.float32)[..., None].repeat(3, axis=2)
    found = run(grey)
    assert list(found) == ["probabilities", "map"]
    expected = classifier.predict_proba([tmp_path / "deep.png"])[0]
    assert found["probabilities"] == pytest.approx(expected, abs=1e-4)
    # What is not a number is black, as what lies under the range is.
    holes, black = grey.copy(), grey.copy()
    holes[:9], black[:9] = numpy.nan, -1e9
    assert numpy.array_equal(run(holes)["probabilities"], run(black)["probabilities"])


def test_several_labels_have_probabilities_by_themselves_and_the_nearest_distance(
    plain_run: Path,
) -> None:
    trained = Classifier.load(plain_run, device="cpu")
    before, generator = trained.model.head, torch.Generator().manual_seed(0)
    axes = torch.randn(LAYERS[LAYER], 5, generator=generator)
    images = torch.randn(7, 5, generator=generator).half()
    space = NearestSpace(torch.full((LAYERS[LAYER],), 0.1), axes, images, torch.ones(40), judged=40)
    model = dataclasses.replace(
        trained.model,
        head=IndependentHead(
            before.weight, before.bias + torch.tensor([0.0, 0.0, 40.0]), before.layers
        ),
        space=space,
        thresholds=dict.fromkeys(trained.labels, 0.25),
    )
    classifier = Classifier(model, trained.engine)
    pixels = landscape(90)
    found = exported(classifier)(pixels)
    assert found["probabilities"] == pytest.approx(classifier.predict_proba([pixels])[0], abs=1e-4)
    # No score reaches a threshold of 1, in the file neither.
    assert 0.999 < found["probabilities"].max() < 1
    assert found["distance"] == pytest.approx(classifier.distance(pixels).distance, rel=1e-3)
    about = read_description(describe(model), Path("model.onnx"))
    assert about.independent
    assert about.thresholds == model.thresholds
    for damage in ('{"red": 0.5}', '{"red": 0.5, "green": 0.5, "blue": 2.0}', "3", "[]"):
        with pytest.raises(ModelError, match="damaged"):
            read_description(describe(model) | {"thresholds": damage}, Path("model.onnx"))


@pytest.mark.real_weights
@pytest.mark.parametrize(("resize", "layers"), [("pad", "last"), ("crop", "all")])
def test_real_features_give_the_same_answers(
    colours: Path, run: Path, real_cache: Path, monkeypatch: pytest.MonkeyPatch,
    resize: Resize, layers: Layers,
) -> None:  # fmt: skip
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    classifier = train_classifier(
        colours, output=run, weights="npm:nsfwjs", resize=resize, layers=layers, device="cpu",
        report=False,
    ).classifier  # fmt: skip
    graph = exported(classifier)
    for size in ((400, 250), (250, 400)):
        pixels = numpy.asarray(Image.fromarray(landscape()).resize(size))
        found = graph(pixels)
        assert found["probabilities"] == pytest.approx(
            classifier.predict_proba([pixels])[0], abs=1e-4
        )
        explanation = classifier.explain(pixels)
        seen = explanation.seen(explanation.best)
        assert abs(found["map"] - seen).max() < 1e-3 * abs(seen).max()
        assert found["distance"] == pytest.approx(classifier.distance(pixels).distance, rel=1e-3)
