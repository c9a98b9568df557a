"""Models of TensorFlow's `retrain.py`: a graph and a list of labels become a model of ours."""

import logging
from collections import Counter
from pathlib import Path

from torch_inception.classifier.model_file import LABEL_LIMIT, Model
from torch_inception.errors import ModelError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE
from torch_inception.system.escape import brief
from torch_inception.training.run_folder import write_converted
from torch_inception.weights.checked import Weights, to_tensor
from torch_inception.weights.formats.local_file import read_whole
from torch_inception.weights.formats.tensorflow_graph.frozen import FrozenGraph, Shape
from torch_inception.weights.formats.tensorflow_graph.inception import RETRAINED, read_weights

log = logging.getLogger(__name__)


def convert_retrained(graph: Path, labels: Path, output: Path) -> None:
    """Make a run folder of what `retrain.py` left: `predict` answers like the old program.

    The network, the head and the way to 299 x 299 are the same. Photographs are turned upright,
    which the old program did not do.

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
        preprocessing=Preprocessing("tensorflow", exact_decode=True),
        record=weights.record,
        half_features=False,
    )


def _head(graph: FrozenGraph, labels: list[str], labels_path: Path) -> Head:
    (kernel, (*_, classes)), (bias, _) = (_trained(graph, last) for last in RETRAINED)
    if classes != len(labels):
        raise ModelError(
            f"{labels_path} has {len(labels)} labels, and the last layer of {graph.path} "
            f"{brief(classes)} classes. Give the file that was written with the graph."
        )
    return Head(
        to_tensor(graph.array(kernel, (LAST_LAYER_SIZE, classes)).T),
        to_tensor(graph.array(bias, (classes,))),
    )


def _trained(graph: FrozenGraph, last: str) -> tuple[str, Shape]:
    """Return the name and shape of the one constant whose name ends so."""
    found = [each for each in graph.arrays() if each[0].rpartition("/")[2] == last]
    if not found:
        raise graph.refusal(
            last,
            "is missing: this is no graph that retrain.py left. Without LABELS, its weights alone "
            "are converted",
        )
    if len(found) > 1:
        raise graph.refusal(last, f"is there {len(found)} times")
    return found[0]


def _labels(path: Path) -> list[str]:
    """Read one label per line."""
    try:
        text = read_whole(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path} is not UTF-8 text. Give the retrained_labels.txt that was written with the "
            "graph, or save it as UTF-8."
        ) from error
    labels = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, label in enumerate(labels, start=1):
        if not 0 < len(label) <= LABEL_LIMIT or not label.isprintable():
            raise ModelError(
                f"{path}: line {number} is {brief(label)!r}; a label has 1 to {LABEL_LIMIT} "
                "printable characters. Give the retrained_labels.txt that was written with the "
                "graph."
            )
    for label in (label for label, count in Counter(labels).items() if count > 1):
        log.warning("%s has the label %r more than once", path, label)
    return labels
