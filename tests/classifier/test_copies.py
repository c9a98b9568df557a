"""A classifier is copied and sent to other processes at the size of its parameters."""

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model
from torch_inception.engines.choose import load_engine
from torch_inception.engines.cpu import CpuEngine
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.weights.load import load_weights

OVERHEAD = 200_000
"""Bytes of what is no parameter: names, shapes, the label of a class."""


@pytest.fixture(scope="module")
def classifier(plain_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """Give a classifier of the real size, with the network that the cache kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_INCEPTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        weights = load_weights(plain_weights)
        load_engine(weights, device=torch.device("cpu"))
        engine = load_engine(weights, device=torch.device("cpu"))
    head = Head(torch.eye(3, 2048), torch.zeros(3))
    return Classifier(Model(list("rgb"), head, Preprocessing(), weights.record), engine)


def parameters(classifier: Classifier) -> list[nn.Parameter]:
    assert isinstance(classifier.engine, CpuEngine)
    return list(classifier.engine.parameters())


def size(classifier: Classifier) -> int:
    """Return the bytes of all numbers of the classifier."""
    return sum(each.nbytes for each in parameters(classifier)) + 4 * 3 * 2049


def by_torch(classifier: Classifier) -> Classifier:
    file = io.BytesIO()
    torch.save(classifier, file)
    assert file.tell() < size(classifier) + OVERHEAD
    file.seek(0)
    loaded: Classifier = torch.load(file, weights_only=False)
    return loaded


def by_pickle(classifier: Classifier) -> Classifier:
    content = pickle.dumps(classifier)
    assert size(classifier) < len(content) < size(classifier) + OVERHEAD
    loaded: Classifier = pickle.loads(content)
    return loaded


@pytest.mark.parametrize("make", [by_pickle, by_torch, copy.deepcopy])
def test_a_copy_has_the_size_of_the_parameters_and_gives_the_same_answers(
    make: Callable[[Classifier], Classifier], classifier: Classifier
) -> None:
    made = make(classifier)
    assert sum(each.untyped_storage().nbytes() for each in parameters(made)) == sum(
        each.nbytes for each in parameters(classifier)
    )
    image = torch.arange(3 * 20 * 30).remainder(251).to(torch.uint8).view(3, 20, 30)
    answer = classifier.predict(image)
    assert made.predict(image) == answer
    assert len({prediction.score for prediction in answer}) == 3


def test_the_parameters_of_the_network_are_saved_at_their_size(classifier: Classifier) -> None:
    assert isinstance(classifier.engine, CpuEngine)
    state = classifier.engine.state_dict()
    assert len(pickle.dumps(state)) < size(classifier) + OVERHEAD
