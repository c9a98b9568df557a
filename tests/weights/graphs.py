"""Frozen graphs as tests want them: whole, small, and wrong where a test says so."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from torch_inception.network import empty_network
from torch_inception.weights.formats.tensorflow_graph.label_map import FILE
from torch_inception.weights.formats.tensorflow_graph.messages import message_class
from torch_inception.weights.formats.tensorflow_graph.names import LAST_POOL, POOLS, UNITS

NORMALISATION = "BatchNormWithGlobalNormalization"

Message = Any
"""Of a class that protobuf makes at run time."""


@dataclass
class Node:
    """An operation with its attributes: `f`, `b` or `tensor` of an AttrValue, by key."""

    op: str
    attributes: dict[str, Message] = field(default_factory=dict)


Nodes = dict[str, Node]


def tensor(shape: tuple[int, ...], *values: float, content: bytes = b"", dtype: int = 1) -> Message:
    """A TensorProto; where fewer values are given than the shape has, the last is repeated."""
    sides = [message_class("Dim")(size=side) for side in shape]
    shape_message = message_class("TensorShapeProto")(dim=sides)
    return message_class("TensorProto")(
        dtype=dtype, tensor_shape=shape_message, tensor_content=content, float_val=values
    )


def constant(shape: tuple[int, ...], *values: float, **other: Any) -> Node:  # noqa: ANN401
    """A Const node."""
    attribute = message_class("AttrValue")(tensor=tensor(shape, *values, **other))
    return Node("Const", {"value": attribute})


def written_out(array: numpy.ndarray[Any, Any]) -> Node:
    """A Const node with every value in its content."""
    return constant(array.shape, content=array.astype("<f4").tobytes())


def inception(*, scaled: bool = True, last_pool: str = "MaxPool") -> Nodes:
    """The nodes of the graph of 2015 that matter; unit i has numbers of its own.

    Kernels are (1 + i / 1000) / fan-in, gamma 1 + i / 100, beta i / 10, mean -i / 10, variance
    1 + i, so that features are finite.
    """
    value = message_class("AttrValue")
    nodes = {
        "DecodeJpeg/contents": Node("Const"),
        "Sub/y": constant((), 128.0),
        "Mul/y": constant((), 1 / 128),
    }
    network = empty_network(pooling="tensorflow-2015")
    for i, (name, unit) in enumerate(network.convolutions()):
        node, (out, inside, height, width) = UNITS[name], unit.weight.shape
        nodes[f"{node}/conv2d_params"] = constant(
            (height, width, inside, out), (1 + i / 1000) / (height * width * inside)
        )
        nodes[f"{node}/batchnorm"] = Node(
            NORMALISATION,
            {
                "variance_epsilon": value(f=0.001),
                "scale_after_normalization": value(b=scaled),
            },
        )
        parts = {"gamma": 1 + i / 100, "beta": i / 10, "moving_mean": -i / 10}
        for part, number in {**parts, "moving_variance": 1.0 + i}.items():
            nodes[f"{node}/batchnorm/{part}"] = constant((out,), number)
    nodes |= {name: Node("AvgPool") for name in POOLS}
    nodes[LAST_POOL] = Node(last_pool)
    return nodes


def with_softmax(nodes: Nodes) -> Nodes:
    """Add the last layer of ImageNet: every weight and the bias of output i are i."""
    rows = numpy.broadcast_to(numpy.arange(1008.0), (2048, 1008))
    return nodes | {
        "softmax/weights": written_out(rows),
        "softmax/biases": written_out(numpy.arange(1008.0)),
    }


def retrained(nodes: Nodes, classes: int, *, scope: str = "final_training_ops") -> Nodes:
    """Add the last layer that `retrain.py` trains: weight (i, c) is i + c / 10, bias c is c."""
    weights = numpy.arange(2048.0)[:, None] + numpy.arange(classes) / 10
    return nodes | {
        f"{scope}/weights/final_weights": written_out(weights),
        f"{scope}/biases/final_biases": written_out(numpy.arange(float(classes))),
    }


def serialised(nodes: Mapping[str, Node]) -> bytes:
    """A GraphDef."""
    graph = message_class("GraphDef")()
    for name, node in nodes.items():
        attributes = [
            message_class("Attribute")(key=key, value=value)
            for key, value in node.attributes.items()
        ]
        graph.node.append(message_class("NodeDef")(name=name, op=node.op, attr=attributes))
    return bytes(graph.SerializeToString())


def saved(folder: Path, nodes: Mapping[str, Node], name: str = "graph.pb") -> Path:
    """Write a graph to a file."""
    path = folder / name
    path.write_bytes(serialised(nodes))
    return path


def label_map(folder: Path, outputs: list[int]) -> Path:
    """Write a label map: the k-th class in the order of WordNet's numbers is output outputs[k]."""
    entry = 'entry {{\n  target_class: {}\n  target_class_string: "n{:08}"\n}}\n'
    entries = [entry.format(output, 10 * k) for k, output in enumerate(outputs)]
    path = folder / FILE
    path.write_text("# -*- protobuffer -*-\n# LabelMap\n" + "".join(reversed(entries)))
    return path


def delimited(number: int, content: bytes) -> bytes:
    """One field of protobuf's wire format, of the kind that has a length."""
    length, encoded = len(content), b""
    while length > 127:
        encoded += struct.pack("B", length & 127 | 128)
        length >>= 7
    return struct.pack("B", number << 3 | 2) + encoded + struct.pack("B", length) + content
