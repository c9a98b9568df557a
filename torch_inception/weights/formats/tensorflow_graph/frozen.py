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
from torch_inception.weights.formats.tensorflow_graph.messages import message_class

_FLOAT32 = 1
"""TensorFlow's `DT_FLOAT` (types.proto)."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class _Node:
    operation: str
    attributes: dict[str, Any]


class FrozenGraph:
    """The nodes of a graph, by name; nothing in it is run.

    Args:
        path: a serialised `GraphDef`.

    Raises:
        WeightsError: it is not there, damaged or not a graph, or protobuf is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_whole(path)
        graph = message_class("GraphDef")()
        # Imported here: `message_class` reports where it is missing.
        from google.protobuf.message import DecodeError

        try:
            graph.ParseFromString(content)
            self._nodes = _nodes(graph)
        except (DecodeError, ValueError) as error:
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
        """Yield the name and the shape of each float32 constant that is not a single number."""
        for name, node in self._nodes.items():
            tensor = self.attribute(name, "value").tensor
            if node.operation == "Const" and tensor.dtype == _FLOAT32 and _shape(tensor):
                yield name, _shape(tensor)

    def array(self, name: str, shape: Shape) -> NDArray[numpy.float32]:
        """Return a constant.

        Args:
            name: of its node.
            shape: that it has to have.

        Raises:
            WeightsError: it is missing, not a constant, of another shape or type, or not finite.
        """
        operation = self.operation(name)
        if not operation:
            raise self.refusal(name, f"is missing; one of the shape {shape} is wanted")
        if operation != "Const":
            raise self.refusal(name, f"is a {brief(operation)}, not a constant: freeze the graph")
        tensor = self.attribute(name, "value").tensor
        if tensor.dtype != _FLOAT32:
            raise self.refusal(name, f"is of TensorFlow's type {tensor.dtype}, not float32 (1)")
        if _shape(tensor) != shape:
            raise self.refusal(name, f"has the shape {brief(_shape(tensor))}; {shape} is wanted")
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


def _nodes(graph: Any) -> dict[str, _Node]:  # noqa: ANN401 - a GraphDef
    if not graph.node:
        raise ValueError("it has no nodes")
    nodes: dict[str, _Node] = {}
    for node in graph.node:
        if node.name in nodes:
            raise ValueError(f"two nodes have the name {node.name!r}")
        nodes[node.name] = _Node(node.op, {entry.key: entry.value for entry in node.attr})
    return nodes


def _shape(tensor: Any) -> Shape:  # noqa: ANN401 - a TensorProto
    return tuple(side.size for side in tensor.tensor_shape.dim)
