"""The messages of a TensorFlow graph, as far as a frozen network needs them.

Field numbers are those of TensorFlow's files graph.proto, node_def.proto, attr_value.proto,
tensor.proto and tensor_shape.proto (tensorflow/core/framework).
"""

import functools
from typing import Any

from torch_inception.errors import WeightsError

_OPTIONAL, _REPEATED = 1, 3
_FLOAT, _INT64, _INT32, _BOOL, _STRING, _MESSAGE, _BYTES = 2, 3, 5, 8, 9, 11, 12
"""Numbers of google/protobuf/descriptor.proto: FieldDescriptorProto.Label and .Type."""

_PACKAGE = "torch_inception.tensorflow"

_MESSAGES: dict[str, list[tuple[str, int, int, int, str]]] = {
    "GraphDef": [("node", 1, _REPEATED, _MESSAGE, "NodeDef")],
    "NodeDef": [
        ("name", 1, _OPTIONAL, _STRING, ""),
        ("op", 2, _OPTIONAL, _STRING, ""),
        ("attr", 5, _REPEATED, _MESSAGE, "Attribute"),
    ],
    # A map field is encoded as repeated entries of a key and a value.
    "Attribute": [
        ("key", 1, _OPTIONAL, _STRING, ""),
        ("value", 2, _OPTIONAL, _MESSAGE, "AttrValue"),
    ],
    "AttrValue": [
        ("f", 4, _OPTIONAL, _FLOAT, ""),
        ("b", 5, _OPTIONAL, _BOOL, ""),
        ("tensor", 8, _OPTIONAL, _MESSAGE, "TensorProto"),
    ],
    "TensorProto": [
        ("dtype", 1, _OPTIONAL, _INT32, ""),
        ("tensor_shape", 2, _OPTIONAL, _MESSAGE, "TensorShapeProto"),
        ("tensor_content", 4, _OPTIONAL, _BYTES, ""),
        ("float_val", 5, _REPEATED, _FLOAT, ""),
    ],
    "TensorShapeProto": [("dim", 2, _REPEATED, _MESSAGE, "Dim")],
    "Dim": [("size", 1, _OPTIONAL, _INT64, "")],
}
"""Message -> (field, number, label, type, name of the message that it embeds)."""


@functools.cache
def message_class(name: str) -> Any:  # noqa: ANN401
    """Return the class of a message of `_MESSAGES`.

    Raises:
        WeightsError: protobuf is not installed.
    """
    try:
        from google.protobuf import message_factory
    except ImportError as error:
        raise WeightsError(
            "a TensorFlow graph needs protobuf: pip install 'torch-inception[tensorflow]'."
        ) from error
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@functools.cache
def _pool() -> Any:  # noqa: ANN401
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(
        name="torch_inception/graph.proto", package=_PACKAGE, syntax="proto3"
    )
    for message, fields in _MESSAGES.items():
        description = file.message_type.add(name=message)
        for name, number, label, kind, embedded in fields:
            field = description.field.add(name=name, number=number, label=label, type=kind)
            if embedded:
                field.type_name = f".{_PACKAGE}.{embedded}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
