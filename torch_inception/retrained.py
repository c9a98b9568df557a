"""Models of TensorFlow's `retrain.py`: a graph and a list of labels become a model of ours."""

import logging
from pathlib import Path

from torch_inception.errors import ModelError
from torch_inception.head import Head
from torch_inception.model_file import LABEL_LIMIT, Model
from torch_inception.network import FEATURES
from torch_inception.preprocessing import Preprocessing
from torch_inception.run_folder import write_converted
from torch_inception.text import brief
from torch_inception.weights import Weights
from torch_inception.weights.checked import to_tensor
from torch_inception.weights.local_file import read_whole
from torch_inception.weights.tensorflow_graph.frozen import FrozenGraph
from torch_inception.weights.tensorflow_graph.inception import RETRAINED, read_weights

log = logging.getLogger(__name__)

_LABELS_SIZE_LIMIT = 2**24


def convert_retrained(graph: Path, labels: Path, output: Path) -> None:
    """Make a run folder of what `retrain.py` left: `predict` answers like the old program.

    The network and the head are the same; a picture is brought to 299 x 299 in our way, not by
    TensorFlow's `ResizeBilinear`, which looks at four pixels for each of the result.

    Args:
        graph: `retrained_graph.pb`.
        labels: `retrained_labels.txt`, which was written with it.
        output: the run folder.

    Raises:
        WeightsError: the graph is not one that `retrain.py` left.
        ModelError: the labels are not the graph's.
        ConfigError: the folder cannot be written, or is that of a training.
    """
    weights, model = read_retrained(graph, labels)
    write_converted(output, weights, model)
    log.info("%d classes, in %s: %s", len(model.labels), output, ", ".join(model.labels))


def read_retrained(graph: Path, labels: Path) -> tuple[Weights, Model]:
    """Return the network in a retrained graph, and the model that its last layer is.

    Raises:
        WeightsError: the graph is not one that `retrain.py` left.
        ModelError: the labels are not the graph's.
    """
    found, names = FrozenGraph(graph), _labels(labels)
    head = _head(found, names, labels)
    weights = read_weights(found)
    return weights, Model(
        labels=names,
        head=head,
        preprocessing=Preprocessing("squash", exact_decode=True),
        backbone=weights.record,
        half_features=False,
    )


def _head(graph: FrozenGraph, labels: list[str], labels_path: Path) -> Head:
    trained = {name.rpartition("/")[2]: (name, shape) for name, shape in graph.arrays()}
    for last in RETRAINED:
        if last not in trained:
            raise graph.refusal(last, "is missing: this is no graph that retrain.py left")
    (kernel, (*_, classes)), (bias, _) = (trained[last] for last in RETRAINED)
    if classes != len(labels):
        raise ModelError(
            f"{labels_path} has {len(labels)} labels, and the last layer of {graph.path} "
            f"{brief(classes)} classes. Give the file that was written with the graph."
        )
    return Head(
        to_tensor(graph.array(kernel, (FEATURES, classes)).T),
        to_tensor(graph.array(bias, (classes,))),
    )


def _labels(path: Path) -> list[str]:
    """Read one label a line."""
    text = read_whole(path, _LABELS_SIZE_LIMIT).decode("utf-8-sig", "replace")
    labels = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, label in enumerate(labels, start=1):
        if not 0 < len(label) <= LABEL_LIMIT:
            raise ModelError(
                f"{path}: line {number} has {len(label)} characters; a label has 1 to "
                f"{LABEL_LIMIT}. Give the retrained_labels.txt that was written with the graph."
            )
    return labels
