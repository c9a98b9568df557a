"""Weights from Keras' files beside Keras itself, on TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from tests.parity.conftest import Answers, Compare, answers_of, require_caught
from tests.parity.drawings import Pixels
from torch_inception.weights.checked import Weights
from torch_inception.weights.load import load_weights

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


_ANSWERS: dict[tuple[str, bool], Answers] = {}


def our_answers(weights: Weights, images: Pixels) -> Answers:
    """Run the network, once for files that hold the same."""
    key = (weights.record.identity, weights.classifier is None)
    if key not in _ANSWERS:
        _ANSWERS[key] = answers_of(weights, images)
    return _ANSWERS[key]


@pytest.mark.parametrize("ending", FORMATS)
def test_features_and_probabilities_are_those_of_keras(
    ending: str, peer: Path, images: Pixels, compare: Compare
) -> None:
    theirs = Answers(**numpy.load(peer / "top.npz"))
    weights = load_weights(str(peer / f"top{ending}"), need_classifier=True)
    # Probabilities that are all alike would tell nothing.
    assert theirs.probabilities is not None
    assert theirs.probabilities.max(axis=1).min() > 0.05
    compare(FORMATS[ending], RUNTIME, ours=our_answers(weights, images), theirs=theirs)


WITHOUT_TOP = {
    **{f"notop{ending}": f"{shown}, no top, built second" for ending, shown in FORMATS.items()},
    "nested.keras": "Keras `.keras`, another top",
    "nested.h5": "Keras legacy `.h5`, another top",
    "rescaled.keras": "Keras `.keras`, pixels rescaled, another top",
    "rescaled.h5": "Keras legacy `.h5`, pixels rescaled, another top",
}


@pytest.mark.parametrize("name", WITHOUT_TOP)
def test_features_are_those_of_keras_without_a_top(
    name: str, peer: Path, images: Pixels, compare: Compare
) -> None:
    weights = load_weights(str(peer / name))
    assert weights.classifier is None
    answers = "rescaled.npz" if name.startswith("rescaled") else "notop.npz"
    theirs = Answers(**numpy.load(peer / answers))
    compare(WITHOUT_TOP[name], RUNTIME, ours=our_answers(weights, images), theirs=theirs)


def test_features_differ_from_image_to_image(peer: Path) -> None:
    for name in ("top", "notop"):
        features = numpy.load(peer / f"{name}.npz")["features"]
        lengths = numpy.linalg.norm(features, axis=1)
        apart = numpy.linalg.norm(features[:, None] - features[None], axis=2)
        assert (apart + numpy.eye(8) * lengths > 0.1 * lengths).all()


def test_the_other_pooling_is_caught(peer: Path, images: Pixels) -> None:
    theirs = Answers(**numpy.load(peer / "top.npz"))
    weights = load_weights(str(peer / "top.weights.h5"), pooling="torchvision")
    require_caught(our_answers(weights, images), theirs)
