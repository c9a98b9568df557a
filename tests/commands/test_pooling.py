"""How the network pools is chosen by the weights, or by `--pooling`, and the model remembers it."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.drawings import draw_colours
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.commands.predict import main as predict
from torch_inception.commands.train import main as train_main
from torch_inception.config import PoolingChoice
from torch_inception.errors import ConfigError
from torch_inception.features.extractor import FeatureExtractor

Train = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(
    plain_weights: Path, tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> Train:
    """Give a function that trains with the real network on nine images of one colour each."""
    draw_colours(tmp_path / "few", count=3)

    def call(*flags: str) -> tuple[int, str, str]:
        settings = ["--data", str(tmp_path / "few"), "--output", str(run)]
        status = train_main([*settings, "--weights", str(plain_weights), *flags])
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("choice", "used"),
    [
        ("auto", "torchvision"),
        ("torchvision", "torchvision"),
        ("tensorflow", "tensorflow"),
        ("tensorflow-2015", "tensorflow-2015"),
    ],
)
def test_the_model_says_what_it_was_trained_with_and_is_run_so(
    choice: str, used: str, train: Train, run: Path
) -> None:
    status, out, _ = train("--pooling", choice)
    assert status == 0
    assert f"{used} pooling)" in out
    assert load_model(run).record.pooling == used
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["network"]["pooling"] == used
    assert Classifier.load(run).engine.record.pooling == used


def test_features_of_another_pooling_are_computed_anew(train: Train) -> None:
    assert "9 computed, 0 reused" in train()[1]
    assert "9 computed, 0 reused" in train("--pooling", "tensorflow-2015")[1]
    assert "0 computed, 9 reused" in train("--pooling", "torchvision")[1]


@pytest.mark.parametrize("choice", ["torchvision", "tensorflow-2015"])
def test_naming_images_can_override_it(
    choice: PoolingChoice,
    train: Train,
    run: Path,
    colours: Path,
    plain_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train("--pooling", "tensorflow")
    weights = str(plain_weights)
    classifier = Classifier.load(run, pooling=choice)
    assert classifier.engine.record.pooling == choice
    assert classifier.model.record.pooling == choice
    assert Classifier.imagenet(weights=weights, pooling=choice).engine.record.pooling == choice
    assert FeatureExtractor(weights, pooling=choice).engine.record.pooling == choice
    image = str(next(colours.rglob("*.png")))
    for flags in (["--model", str(run)], ["--weights", weights]):
        assert predict([image, "--pooling", choice, *flags]) == 0
        told = capsys.readouterr().err
        assert f"{choice} pooling)" in told
        warning = f"{run} was trained with tensorflow pooling. With {choice}, "
        assert (warning in told) == ("--model" in flags)
    assert predict([image, "--pooling", "tensorflow", "--model", str(run)]) == 0
    assert "was trained with" not in capsys.readouterr().err


@pytest.mark.parametrize("pooling", ["tensorflow2015", "", None])
def test_the_library_refuses_another_pooling(pooling: Any, train: Train, run: Path) -> None:  # noqa: ANN401
    train()
    for use in (FeatureExtractor, Classifier.imagenet, partial(Classifier.load, run)):
        with pytest.raises(ConfigError, match="pooling = .* is not one of auto, torchvision"):
            use(pooling=pooling)


def test_there_is_no_other_pooling(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train("--pooling", "max")
    assert "tensorflow-2015" in capsys.readouterr().err
