"""Frozen graphs like Google's of 2015 give here what TensorFlow computes from them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest
import torch

from tests.parity.conftest import FEATURE_LIMIT, Compare
from tests.parity.pictures import Pixels
from torch_inception.backbone import Backbone
from torch_inception.classifier import Classifier
from torch_inception.config import Pooling
from torch_inception.retrained import convert_retrained
from torch_inception.weights import Weights, load_weights

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def graphs(tensorflow: Callable[..., Path]) -> Iterator[Path]:
    """The folder of graphs and of TensorFlow's results."""
    folder = tensorflow("tensorflow_graph_peer.py")
    yield folder
    for graph in folder.glob("*.pb"):
        graph.unlink()


def batch(pictures: Pixels) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def features(weights: Weights, pictures: Pixels) -> torch.Tensor:
    rows: torch.Tensor = Backbone(weights, device=torch.device("cpu"))(batch(pictures))
    return rows


def test_the_graph_of_2015(graphs: Path, pictures: Pixels, compare: Compare) -> None:
    weights = load_weights(str(graphs / "graph.pb"), need_classifier=True)
    assert weights.record.pooling == "tensorflow-2015"
    assert weights.classifier is not None
    rows = features(weights, pictures)
    weight, bias = weights.classifier
    theirs = numpy.load(graphs / "theirs.npz")
    # The graph has eight outputs more, which are no classes.
    classes = theirs["softmax"][:, theirs["outputs"]]
    compare(
        "TensorFlow 1, graph of 2015",
        "TensorFlow (`tf.compat.v1`)",
        ours=rows.numpy(),
        theirs=theirs["features"],
        our_probabilities=torch.softmax(rows @ weight.T + bias, dim=1).numpy(),
        their_probabilities=classes / classes.sum(axis=1, keepdims=True),
    )


def test_a_retrained_graph(
    graphs: Path, pictures: Pixels, compare: Compare, tmp_path: Path
) -> None:
    labels = graphs / "retrained_labels.txt"
    convert_retrained(graphs / "retrained_graph.pb", labels, tmp_path / "run")
    classifier = Classifier.load(tmp_path / "run")
    assert isinstance(classifier.backbone, Backbone)
    rows: torch.Tensor = classifier.backbone(batch(pictures))
    answers = classifier.predict(list(batch(pictures)), top=5)
    scores = [{each.label: each.score for each in answer} for answer in answers]
    names = labels.read_text().split()
    theirs = numpy.load(graphs / "theirs.npz")
    compare(
        "TensorFlow 1, `retrained_graph.pb`",
        "TensorFlow (`tf.compat.v1`)",
        ours=rows.numpy(),
        theirs=theirs["features"],
        our_probabilities=numpy.array([[each[name] for name in names] for each in scores]),
        their_probabilities=theirs["retrained"],
    )


@pytest.mark.parametrize("wrong", ["torchvision", "tensorflow"])
def test_the_wrong_pooling_is_caught(graphs: Path, pictures: Pixels, wrong: Pooling) -> None:
    rows = features(load_weights(str(graphs / "graph.pb"), pooling=wrong), pictures).numpy()
    theirs = numpy.load(graphs / "theirs.npz")["features"]
    errors = numpy.linalg.norm(rows - theirs, axis=1) / numpy.linalg.norm(theirs, axis=1)
    assert errors.min() > 1000 * FEATURE_LIMIT
