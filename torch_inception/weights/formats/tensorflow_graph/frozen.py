"""A frozen TensorFlow 1 graph: the operations and constants in a `GraphDef` file."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.formats.local_file import read_whole
from torch_inception.weights.formats.tensorflow_graph.messages import (
    message_class,
    parse,
    require_fields,
)

SIZE_LIMIT = 2**28
"""Bytes of the largest file that is read: nearly three times the graph of 2015."""

MOST_NODES = 20_000
"""Operations of the largest graph that is read; the graph of 2015 has some thousand."""

_MOST_FIELDS = 500
"""Inputs, attributes and so on of an operation."""

_LARGEST_NODE = 2**26
"""Bytes of the largest operation that is read; a last layer of 8000 classes is as large."""

_MOST_ATTRIBUTES = 30
"""Of an operation; a convolution has ten."""

_LONGEST_SHAPE = 1000
"""Bytes of the longest shape that is read; one of four sides has some twenty."""

_FLOAT32 = 1
"""TensorFlow's `DT_FLOAT` (types.proto)."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class _Node:
    operation: str
    attributes: dict[str, Any]
    shape: Shape
    """Of its value, if it is a constant."""


class FrozenGraph:
    """The nodes of a graph, by name; nothing in it is run.

    Args:
        path: a serialised `GraphDef`.

    Raises:
        WeightsError: it is not there or not a graph, it is too large, or protobuf is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_whole(path, SIZE_LIMIT)
        try:
            self._nodes = _parse_graph(content)
        except ValueError as error:
            raise WeightsError(
                f"{path} is not a frozen TensorFlow graph (GraphDef), or it is cut short or "
                f"damaged ({brief(error)})."
            ) from error

    def operation(self, name: str) -> str:
        """Return what a node does, such as "MaxPool"; "" where there is no such node."""
        return self._nodes[name].operation if name in self._nodes else ""

    def attribute(self, name: str, key: str) -> Any:  # noqa: ANN401 - an AttrValue
        """Return an attribute of a node that is there; one that is not given is all zeros."""
        return self._nodes[name].attributes.get(key) or message_class("AttrValue")()

    def arrays(self) -> Iterator[tuple[str, Shape]]:
        """Yield the name and the shape of each float32 constant that is no single number."""
        for name, node in self._nodes.items():
            is_float = self.attribute(name, "value").tensor.dtype == _FLOAT32
            if node.operation == "Const" and is_float and node.shape:
                yield name, node.shape

    def array(self, name: str, shape: Shape) -> NDArray[numpy.float32]:
        """Return a constant.

        Args:
            name: of its node.
            shape: that it has to have.

        Raises:
            WeightsError: it is missing, no constant, of another shape or type, or not finite.
        """
        operation = self.operation(name)
        if not operation:
            raise self.refusal(name, f"is missing; one of the shape {shape} is wanted")
        if operation != "Const":
            raise self.refusal(name, f"is a {brief(operation)}, not a constant: freeze the graph")
        tensor, found = self.attribute(name, "value").tensor, self._nodes[name].shape
        if tensor.dtype != _FLOAT32:
            raise self.refusal(name, f"is of TensorFlow's type {tensor.dtype}, not float32 (1)")
        if found != shape:
            raise self.refusal(name, f"has the shape {brief(found)}; {shape} is wanted")
        values = self._values(name, tensor, math.prod(shape))
        if not numpy.isfinite(values).all():
            raise self.refusal(name, "holds values that are not finite")
        return values.reshape(shape)

    def refusal(self, name: str, problem: str) -> WeightsError:
        """Return the error that names a node of this graph."""
        return WeightsError(f"{self.path}: the tensor {brief(name)!r} {problem}.")

    def _values(self, name: str, tensor: Any, count: int) -> NDArray[numpy.float32]:  # noqa: ANN401
        if tensor.tensor_content:
            if len(tensor.tensor_content) != 4 * count:
                raise self.refusal(
                    name, f"holds {len(tensor.tensor_content)} bytes; {4 * count} are wanted"
                )
            return numpy.frombuffer(tensor.tensor_content, "<f4").astype(numpy.float32)
        found = len(tensor.float_val)
        if not 0 < found <= count:
            raise self.refusal(name, f"holds {found} values; {count} are wanted")
        values = numpy.array(tensor.float_val, numpy.float32)
        # TensorFlow leaves out values at the end that are like the last that it gives.
        return numpy.pad(values, (0, count - found), mode="edge")


def _parse_graph(content: bytes) -> dict[str, _Node]:
    require_fields(content, MOST_NODES)
    serialised = parse("GraphDef", content).node
    if not serialised:
        raise ValueError(f"0 nodes; 1 to {MOST_NODES} are wanted")
    nodes: dict[str, _Node] = {}
    for each in serialised:
        name, node = _parse_node(each)
        if name in nodes:
            raise ValueError(f"two nodes have the name {name!r}")
        nodes[name] = node
    return nodes


def _parse_node(serialised: bytes) -> tuple[str, _Node]:
    if len(serialised) > _LARGEST_NODE:
        raise ValueError(f"a node of {len(serialised)} bytes")
    require_fields(serialised, _MOST_FIELDS)
    node = parse("NodeDef", serialised)
    if len(node.attr) > _MOST_ATTRIBUTES:
        raise ValueError(f"a node has {len(node.attr)} attributes")
    entries = [parse("Attribute", each) for each in node.attr]
    attributes = {entry.key: entry.value for entry in entries}
    shape = attributes["value"].tensor.tensor_shape if "value" in attributes else b""
    if len(shape) > _LONGEST_SHAPE:
        raise ValueError(f"a shape of {len(shape)} bytes")
    sides = parse("TensorShapeProto", shape).dim
    return node.name, _Node(node.op, attributes, tuple(side.size for side in sides))
