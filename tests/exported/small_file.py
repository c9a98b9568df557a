"""A small ONNX file in the form of `export`, whose answers are plain."""

import json
from pathlib import Path
from typing import Any

import numpy

LABELS = ["red", "green", "blue"]

LEFT_OUT = [10.0 * number for number in range(1, 41)]
"""Distances of training images; that of an image is the mean of its red."""

TRAINING = {
    "created": "2026-11-29T14:02:07Z",
    "version": "0.1.0",
    "images": 90,
    **dict.fromkeys(("tested", "test_right", "held_out", "held_out_right"), 0),
    "judged_by": "leave-one-out",
}
"""Record of a training that judged nothing."""

ABOUT = {
    "torch_inception_format": "1",
    "names": json.dumps(dict(enumerate(LABELS))),
    "preprocessing": json.dumps({"resize": "squash"}),
    "coverage": json.dumps({"0.9": 0.4, "0.95": 0.1}),
    "weights_source": "plain.pth",
    "weights_version": "1",
    "distances_left_out": json.dumps({"count": 40, "distances": LEFT_OUT}),
}


def save_small(path: Path, **about: str | None) -> Path:
    """Write a file whose logits are a tenth of the means of red, green and blue.

    The map is that logit of the best class, divided by its number of pixels, on the left half.

    Args:
        path: of the file.
        about: what it says of itself, other than `ABOUT`; None leaves a value out.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    half = numpy.zeros((1, 299, 299), numpy.float32)
    half[:, :, :149] = 1 / 299**2
    constants: dict[str, Any] = {
        "ten": numpy.float32(10), "sides": numpy.array([1, 2]), "last": numpy.array([1]),
        "axes": numpy.array([1, 2]), "half": half, "first": numpy.int64(0),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "sides"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "ten"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["logits", "last"], ["best"], keepdims=1),
        helper.make_node("Unsqueeze", ["best", "last"], ["place"]),
        helper.make_node("Mul", ["place", "half"], ["map"]),
        helper.make_node("Gather", ["means", "first"], ["distance"], axis=1),
    ]
    sizes: dict[str, list[Any]] = {
        "probabilities": ["images", 3], "map": ["images", 299, 299], "distance": ["images"],
    }  # fmt: skip
    image = helper.make_tensor_value_info(
        "image", TensorProto.UINT8, ["images", "height", "width", 3]
    )
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()
    ]
    weights = [
        numpy_helper.from_array(numpy.asarray(value), name) for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "small", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    said = {name: value for name, value in {**ABOUT, **about}.items() if value is not None}
    helper.set_model_props(model, said)
    onnx.save(model, str(path))
    return path
