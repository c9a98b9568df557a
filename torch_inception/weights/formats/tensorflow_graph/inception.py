"""The Inception-v3 that Google published in 2015 as a frozen graph, and its retrained kin.

`classify_image_graph_def.pb` is the network of TensorFlow's image recognition tutorial, and
`retrain.py` leaves the same network with a last layer of its own as `retrained_graph.pb`. The names
of their constants differ in that layer alone.
"""

import logging
import math
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.config import Pooling
from torch_inception.network import BATCH_NORM_EPSILON, LAST_LAYER_SIZE, empty_network
from torch_inception.weights.checked import Weights, make_weights, to_tensor
from torch_inception.weights.formats.tensorflow_graph.frozen import FrozenGraph, Shape
from torch_inception.weights.formats.tensorflow_graph.label_map import FILE, OUTPUTS, read_label_map
from torch_inception.weights.formats.tensorflow_graph.names import LAST_POOL, POOLS, UNITS

log = logging.getLogger(__name__)

LINEAGE = "TensorFlow 1"

NORMALISATION = "BatchNormWithGlobalNormalization"

SCALE = ((128 / 255,) * 3, (128 / 255,) * 3)
"""Mean and deviation: the graph's `Sub` and `Mul` make (p - 128) / 128 of pixels p, 0 to 255."""

_INPUT = {"Sub/y": 128.0, "Mul/y": 1 / 128}

_CLASSIFIER = {"softmax/weights": (LAST_LAYER_SIZE, OUTPUTS), "softmax/biases": (OUTPUTS,)}

RETRAINED = ("final_weights", "final_biases")
"""Last parts of the names of what `retrain.py` trains: (2048, C) and (C,). The parts before them
are `final_training_ops/weights` or `final_retrain_ops/weights`, and so on, by its version."""


def load(path: Path) -> Weights:
    """Return the weights in a frozen graph.

    ImageNet's classes are known if the file that Google shipped beside the graph, `label_map.FILE`,
    lies beside it.

    Raises:
        WeightsError: there is no such file, or it holds something else.
    """
    graph = FrozenGraph(path)
    if any(name.rpartition("/")[2] in RETRAINED for name, _ in graph.arrays()):
        log.info(
            "weights: the last layer that retrain.py trained is left out; to keep it: "
            "torch-inception convert %s LABELS --output FOLDER",
            path,
        )
    return read_weights(graph)


def read_weights(graph: FrozenGraph) -> Weights:
    """Return the network that a graph holds.

    Raises:
        WeightsError: a tensor is missing, surplus, misshapen or not finite, or an operation is
            not the one of 2015.
    """
    _check_surplus(graph)
    _check_input(graph)
    state: dict[str, Tensor] = {}
    for name, unit in empty_network(pooling="tensorflow-2015").convolutions():
        node = UNITS[name]
        out, inside, height, width = unit.weight.shape
        kernel = graph.array(f"{node}/conv2d_params", (height, width, inside, out))
        state[f"{name}.conv.weight"] = to_tensor(kernel.transpose(3, 2, 0, 1))
        for part, values in _normalisation(graph, f"{node}/batchnorm", (out,)).items():
            state[f"{name}.bn.{part}"] = to_tensor(values)
    return make_weights(
        state | _classifier(graph),
        source=str(graph.path.absolute()),
        version=graph.path.name,
        pooling=_pooling(graph),
        scale=SCALE,
        lineage=LINEAGE,
    )


def _normalisation(
    graph: FrozenGraph, node: str, shape: Shape
) -> dict[str, NDArray[numpy.float32]]:
    if graph.operation(node) != NORMALISATION:
        raise graph.refusal(node, f"is not a {NORMALISATION}, the only kind in the graph of 2015")
    epsilon = graph.attribute(node, "variance_epsilon").f
    if not math.isclose(epsilon, BATCH_NORM_EPSILON, rel_tol=1e-6):
        raise graph.refusal(node, f"adds {epsilon} to variances; {BATCH_NORM_EPSILON} is wanted")
    gamma = graph.array(f"{node}/gamma", shape)
    is_scaled = graph.attribute(node, "scale_after_normalization").b
    return {
        "weight": gamma if is_scaled else numpy.ones_like(gamma),
        "bias": graph.array(f"{node}/beta", shape),
        "running_mean": graph.array(f"{node}/moving_mean", shape),
        "running_var": graph.array(f"{node}/moving_variance", shape),
    }


def _pooling(graph: FrozenGraph) -> Pooling:
    """Tell from its operations how a graph pools."""
    for pool in POOLS:
        if graph.operation(pool) != "AvgPool":
            raise graph.refusal(pool, "is not an AvgPool, as it is in the graph of 2015")
    last = graph.operation(LAST_POOL)
    if last not in ("MaxPool", "AvgPool"):
        raise graph.refusal(LAST_POOL, "is not a MaxPool, as it is in the graph of 2015")
    return "tensorflow-2015" if last == "MaxPool" else "tensorflow"


def _check_input(graph: FrozenGraph) -> None:
    """Refuse a graph that scales pixels in another way; one that leaves it to its user is fine."""
    for name, expected in _INPUT.items():
        if graph.operation(name) and graph.array(name, ()) != expected:
            raise graph.refusal(name, f"is not {expected}, with which pixels were scaled in 2015")


def _check_surplus(graph: FrozenGraph) -> None:
    """Refuse a graph that has more tensors than it could use if it were the one of 2015."""
    parts = ("beta", "gamma", "moving_mean", "moving_variance")
    known = {f"{node}/conv2d_params" for node in UNITS.values()} | set(_CLASSIFIER)
    known |= {f"{node}/batchnorm/{part}" for node in UNITS.values() for part in parts}
    for name, shape in graph.arrays():
        if name not in known and name.rpartition("/")[2] not in RETRAINED:
            raise graph.refusal(name, f"{shape} is not one of the Inception-v3 graph of 2015")


def _classifier(graph: FrozenGraph) -> dict[str, Tensor]:
    """Return `fc` of ImageNet's 1000 classes, where the graph has them and the map lies beside."""
    if not any(graph.operation(name) for name in _CLASSIFIER):
        return {}
    weight, bias = (to_tensor(graph.array(*each).T) for each in _CLASSIFIER.items())
    label_map = graph.path.parent / FILE
    if not label_map.exists():
        log.info("weights: ImageNet's classes are left out: there is no %s", label_map)
        return {}
    outputs = torch.tensor(read_label_map(label_map), dtype=torch.int64, device="cpu")
    return {"fc.weight": weight[outputs], "fc.bias": bias[outputs]}
