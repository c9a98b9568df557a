"""Weights from Keras' files beside Keras itself, on TensorFlow."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from numpy.typing import NDArray

from tests.parity.conftest import FEATURE_LIMIT, Compare
from tests.parity.pictures import Pixels
from torch_inception.backbone import Backbone
from torch_inception.weights import Weights, load_weights

pytestmark = [pytest.mark.parity, pytest.mark.timeout(900)]

RUNTIME = "Keras 3, TensorFlow (CPU)"

FORMATS = {
    ".weights.h5": "Keras `.weights.h5`",
    ".keras": "Keras `.keras`",
    ".h5": "Keras legacy `.h5`, model",
    "_weights_only.h5": "Keras legacy `.h5`, weights",
}


@pytest.fixture(scope="session")
def peer(tensorflow: Callable[..., Path]) -> Path:
    return tensorflow("keras_peer.py")


_FEATURES: dict[str, NDArray[numpy.float32]] = {}


def features_of(weights: Weights, pictures: Pixels) -> NDArray[numpy.float32]:
    """Run the network, once for files that hold the same."""
    if weights.record.identity not in _FEATURES:
        _FEATURES[weights.record.identity] = run(weights, pictures)
    return _FEATURES[weights.record.identity]


def run(weights: Weights, pictures: Pixels) -> NDArray[numpy.float32]:
    backbone = Backbone(weights, device=torch.device("cpu"))
    rows: NDArray[numpy.float32] = backbone(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()
    return rows


@pytest.mark.parametrize("ending", FORMATS)
def test_features_and_probabilities_are_those_of_keras(
    ending: str, peer: Path, pictures: Pixels, compare: Compare
) -> None:
    theirs = numpy.load(peer / "top.npz")
    weights = load_weights(str(peer / f"top{ending}"), need_classifier=True)
    assert weights.classifier is not None
    features = features_of(weights, pictures)
    weight, bias = weights.classifier
    logits = torch.from_numpy(features) @ weight.T + bias
    # Probabilities that are all alike would tell nothing.
    assert theirs["probabilities"].max(axis=1).min() > 0.05
    compare(
        FORMATS[ending], RUNTIME, ours=features, theirs=theirs["features"],
        our_probabilities=logits.softmax(dim=1).numpy(),
        their_probabilities=theirs["probabilities"],
    )  # fmt: skip


WITHOUT_TOP = {
    **{f"notop{ending}": f"{shown}, no top, built second" for ending, shown in FORMATS.items()},
    "nested.keras": "Keras `.keras`, another top",
    "nested.h5": "Keras legacy `.h5`, another top",
}


@pytest.mark.parametrize("name", WITHOUT_TOP)
def test_features_are_those_of_keras_without_a_top(
    name: str, peer: Path, pictures: Pixels, compare: Compare
) -> None:
    weights = load_weights(str(peer / name))
    assert weights.classifier is None
    theirs = numpy.load(peer / "notop.npz")["features"]
    compare(WITHOUT_TOP[name], RUNTIME, ours=features_of(weights, pictures), theirs=theirs)


def test_features_differ_from_picture_to_picture(peer: Path) -> None:
    for name in ("top", "notop"):
        features = numpy.load(peer / f"{name}.npz")["features"]
        lengths = numpy.linalg.norm(features, axis=1)
        apart = numpy.linalg.norm(features[:, None] - features[None], axis=2)
        assert (apart + numpy.eye(8) * lengths > 0.1 * lengths).all()


def test_the_other_pooling_is_caught(peer: Path, pictures: Pixels) -> None:
    theirs = numpy.load(peer / "top.npz")["features"]
    weights = load_weights(str(peer / "top.weights.h5"))
    wrong = dataclasses.replace(
        weights, record=dataclasses.replace(weights.record, pooling="torchvision")
    )
    errors = numpy.linalg.norm(features_of(wrong, pictures) - theirs, axis=1)
    assert (errors / numpy.linalg.norm(theirs, axis=1)).min() > 10 * FEATURE_LIMIT
