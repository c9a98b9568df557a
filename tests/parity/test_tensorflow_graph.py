"""Frozen graphs like Google's of 2015 give here what TensorFlow computes from them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from tests.drawings import landscape
from tests.parity.conftest import Answers, Compare, answers_of, require_caught
from tests.parity.drawings import Pixels
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import Pooling
from torch_inception.engines.cpu import CpuEngine
from torch_inception.heads.inputs import head_inputs
from torch_inception.images.decode import to_image
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.retrained import convert_retrained
from torch_inception.weights.load import load_weights

pytestmark = pytest.mark.parity

RUNTIME = "TensorFlow (`tf.compat.v1`)"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write JPEG files of sizes that the graph has to enlarge or to shrink."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = [folder / f"{width}.jpg" for width in (150, 640, 1632, 4000)]
    for path in paths:
        width = int(path.stem)
        texture = numpy.random.default_rng(width).integers(0, 50, (width * 3 // 4, width, 1))
        scene = Image.fromarray(landscape()).resize((width, width * 3 // 4))
        pixels = (numpy.asarray(scene) * 0.8 + texture).astype(numpy.uint8)
        Image.fromarray(pixels).save(path, quality=90)
    return paths


@pytest.fixture(scope="module")
def graphs(tensorflow: Callable[..., Path], photographs: list[Path]) -> Iterator[Path]:
    """The folder of graphs and of TensorFlow's results."""
    folder = tensorflow("tensorflow_graph_peer.py", *photographs)
    yield folder
    for graph in folder.glob("*.pb"):
        graph.unlink()


def test_the_graph_of_2015(graphs: Path, images: Pixels, compare: Compare) -> None:
    weights = load_weights(str(graphs / "graph.pb"), need_classifier=True)
    assert weights.record.pooling == "tensorflow-2015"
    theirs = Answers(**numpy.load(graphs / "whole.npz"))
    compare("TensorFlow 1, graph of 2015", RUNTIME, ours=answers_of(weights, images), theirs=theirs)


def test_a_retrained_graph(graphs: Path, images: Pixels, compare: Compare, tmp_path: Path) -> None:
    labels = graphs / "retrained_labels.txt"
    convert_retrained(graphs / "retrained_graph.pb", labels, tmp_path / "run")
    classifier = Classifier.load(tmp_path / "run")
    assert isinstance(classifier.engine, CpuEngine)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    rows: torch.Tensor = classifier.engine(batch)
    answers = classifier.predict(list(batch), top=5)
    scores = [{each.label: each.score for each in answer} for answer in answers]
    names = labels.read_text().split()
    ours = Answers(
        rows.numpy(),
        classifier.model.head.logits(head_inputs(rows, classifier.model.head)).numpy(),
        numpy.array([[each[name] for name in names] for each in scores]),
    )
    theirs = Answers(**numpy.load(graphs / "retrained.npz"))
    compare("TensorFlow 1, `retrained_graph.pb`", RUNTIME, ours=ours, theirs=theirs)


def test_files_become_the_pixels_that_the_graph_makes_of_them(
    graphs: Path, photographs: list[Path]
) -> None:
    theirs = numpy.load(graphs / "resized.npy")
    assert len(theirs) == len(photographs)
    for path, wanted in zip(photographs, theirs, strict=True):
        pixels = Preprocessing("tensorflow", exact_decode=True)(to_image(path))
        # The graph goes on with fractions, and we with whole numbers.
        assert numpy.abs(pixels - wanted).max() < 0.501
        squashed = Preprocessing("squash", exact_decode=True)(to_image(path))
        assert numpy.abs(squashed - wanted).mean() > 1


@pytest.mark.parametrize("wrong", ["torchvision", "tensorflow"])
def test_the_wrong_pooling_is_caught(graphs: Path, images: Pixels, wrong: Pooling) -> None:
    weights = load_weights(str(graphs / "graph.pb"), pooling=wrong)
    require_caught(answers_of(weights, images), Answers(**numpy.load(graphs / "whole.npz")))
