"""Models with the network in them: they need no source of weights, wherever they go."""

import dataclasses
import shutil
from pathlib import Path

import numpy
import pytest
import torch

from tests.fakes import FakeEngine
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model, save_model
from torch_inception.config import Bundle
from torch_inception.errors import ConfigError, ModelError, WeightsError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def weights(random_weights: Path, tmp_path: Path) -> Path:
    """Give weights that a test may remove."""
    return Path(shutil.copy(random_weights, tmp_path / "weights.pth"))


def images(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*_00.png"))


def elsewhere(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine that has neither the weights nor a cache."""
    weights.unlink()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "other cache"))


@pytest.mark.parametrize(("bundle", "difference"), [("fp32", 0.0), ("fp16", 0.02)])
def test_a_whole_model_works_where_there_are_no_weights(
    colours: Path,
    run: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bundle: Bundle,
    difference: float,
) -> None:
    result = train_classifier(colours, output=run, weights=weights, bundle=bundle)
    expected = result.classifier.predict_proba(images(colours))
    moved = Path(shutil.copy(run / "model.pt", tmp_path / "moved.pt"))
    elsewhere(weights, tmp_path, monkeypatch)
    classifier = Classifier.load(moved)
    found = classifier.predict_proba(images(colours))
    assert numpy.abs(found - expected).max() <= difference
    # A second time, from the cache.
    assert (Classifier.load(moved).predict_proba(images(colours)) == found).all()
    half = classifier.model.network is not None and any(
        tensor.dtype == torch.float16 for tensor in classifier.model.network.values()
    )
    assert half == (bundle == "fp16")
    assert moved.stat().st_size < (50e6 if half else 95e6)


def test_a_model_can_be_made_whole_later_and_without_is_told_how(
    colours: Path, run: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_classifier(colours, output=run, weights=weights)
    classifier = Classifier.load(run)
    classifier.save(tmp_path / "whole.pt", bundle="fp32")
    classifier.save(tmp_path / "names only.pt")
    expected = classifier.predict_proba(images(colours))
    elsewhere(weights, tmp_path, monkeypatch)
    whole = Classifier.load(tmp_path / "whole.pt")
    assert (whole.predict_proba(images(colours)) == expected).all()
    whole.save(tmp_path / "again.pt", bundle="fp16")
    assert Classifier.load(tmp_path / "again.pt").predict(images(colours)[0])
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "third cache"))
    with pytest.raises(WeightsError, match="--bundle"):
        Classifier.load(tmp_path / "names only.pt")


def test_a_network_that_is_not_the_models_own_is_refused(
    colours: Path, run: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_classifier(colours, output=run, weights=weights, bundle="fp32")
    model = load_model(run)
    state = torch.load(weights)
    others = tmp_path / "others.pth"
    torch.save({name: 1.1 * tensor for name, tensor in state.items()}, others)
    with pytest.raises(ModelError, match="has its network in it, .* Leave out --weights"):
        Classifier.load(run, weights=others)
    elsewhere(weights, tmp_path, monkeypatch)
    assert model.network is not None
    name = next(iter(model.network))
    changed = {**model.network, name: model.network[name] + 1}
    save_model(dataclasses.replace(model, network=changed), tmp_path / "changed.pt")
    del changed[name]
    save_model(dataclasses.replace(model, network=changed), tmp_path / "less.pt")
    with pytest.raises(WeightsError, match=r"the network in the model is damaged.*\n.*missing"):
        Classifier.load(tmp_path / "less.pt")
    with pytest.raises(WeightsError, match="not the one that its head was trained with"):
        Classifier.load(tmp_path / "changed.pt")
    fewer = {key: value for key, value in model.network.items() if key != name}
    save_model(dataclasses.replace(model, network=fewer), tmp_path / "fewer.pt")
    with pytest.raises(WeightsError, match="missing"):
        Classifier.load(tmp_path / "fewer.pt")
    content = torch.load(run / "model.pt", weights_only=True)
    torch.save(content | {"network": [1]}, tmp_path / "list.pt")
    with pytest.raises(ModelError, match="damaged"):
        Classifier.load(tmp_path / "list.pt")


def test_an_engine_of_the_callers_own_has_no_weights_to_put_in(colours: Path, run: Path) -> None:
    with pytest.raises(ConfigError, match="engine of your own"):
        train_classifier(colours, output=run, engine=FakeEngine(), bundle="fp16")


def test_the_same_run_again_keeps_no_second_whole_model(
    colours: Path, run: Path, weights: Path
) -> None:
    for _ in range(2):
        train_classifier(colours, output=run, weights=weights, bundle="fp16")
    assert not (run / "model.previous.pt").exists()
