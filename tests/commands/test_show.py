"""`torch-inception show`: what a trained model is."""

import dataclasses
import re
from pathlib import Path

import pytest
import torch

from tests.fakes import FakeEngine
from torch_inception.commands.main import main
from torch_inception.commands.show import model_lines
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.train_classifier import train_classifier


def show(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what is said, by what it is about."""
    assert main(["show", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    return dict(re.split(" {2,}", line, maxsplit=1) for line in lines)


def test_a_model_tells_what_it_is(
    colours: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train_classifier(colours, output=run, engine=FakeEngine(), resize="pad")
    test, left_out = result.metrics["test"], result.metrics["leave_one_out"]
    said = show(run, capsys)
    assert said == show(run / "model.pt", capsys)
    trained = rf"\d{{4}}-\d\d-\d\d \d\d:\d\d UTC, by torch_inception .*, on {90 - test['n']} images"
    assert re.fullmatch(trained, said.pop("trained"))
    assert said.pop("test accuracy").startswith(f"100.0% (N={test['n']}), 95% interval ")
    assert said.pop("leave-one-out accuracy").startswith(
        f"{100 * left_out['accuracy']:.1f}% (N={left_out['n']}), 95% interval "
    )
    assert said.pop("preprocessing") == "resize = pad, exact_decode = False, intensity = image"
    layers = {"last": "the last", "all": "three"}[result.metrics["head"]["layers"]]
    assert said == {
        "classes": "3: blue, green, red",
        "layers": layers,
        "weights": "imagenet fake",
        "network": "made of these weights",
        "arithmetic": "fp32",
    }


def test_a_model_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "nothing")]) == 1
    assert capsys.readouterr().err.startswith("error: there is no model ")


def test_a_network_in_the_model_is_told(colours: Path, run: Path) -> None:
    model = train_classifier(colours, output=run, engine=FakeEngine()).classifier.model
    whole = dataclasses.replace(model, network={"fc.bias": torch.zeros(1)})
    assert dict(model_lines(whole))["network"] == "in the model"


def test_the_range_of_deep_images_is_shown(colours: Path, run: Path) -> None:
    model = train_classifier(colours, output=run, engine=FakeEngine()).classifier.model
    deep = Preprocessing(intensity="dataset", dataset_range=(98.0, 1327.0010000000475), page="max")
    lines = dict(model_lines(dataclasses.replace(model, preprocessing=deep)))
    assert lines["preprocessing"] == (
        "resize = squash, exact_decode = False, intensity = dataset, dataset_range = 98 to 1327, "
        "page = max"
    )
