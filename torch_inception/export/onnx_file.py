"""The graph as an ONNX file, in float32, with its weights in float16, or in 8-bit integers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from torch_inception.export.packages import import_package, quiet
from torch_inception.exported.description import INPUT

OPSET = 18
"""Of the operations; ONNX Runtime knows it from version 1.14 on."""

SIZES = ("images", "height", "width")
"""Names of the free sizes of the input."""

KERNEL_DIMENSIONS = 4
"""Of a convolution's kernel. What has fewer, such as the head, stays in float32."""


def write_onnx(
    program: ExportedProgram, path: Path, about: Mapping[str, str], outputs: Sequence[str]
) -> None:
    """Write a graph in float32.

    Args:
        program: of `export_program`.
        path: of the file.
        about: what it says of itself.
        outputs: their names.
    """
    with quiet():
        found = torch.onnx.export(
            program, dynamo=True, external_data=False, opset_version=OPSET, verbose=False,
            input_names=[INPUT], output_names=outputs,
        )  # fmt: skip
    assert found is not None
    model = found.model_proto
    _forget_sources(model)
    _name_sizes(model)
    _save(model, path, about)


def store_half(path: Path) -> None:
    """Keep a file's kernels in float16; they are turned to float32 when they are used."""
    onnx = import_package("onnx")
    model = onnx.load(str(path))
    single = onnx.TensorProto.FLOAT
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != single or len(tensor.dims) != KERNEL_DIMENSIONS:
            continue
        name, kept_as = tensor.name, f"{tensor.name}.half"
        values = onnx.numpy_helper.to_array(tensor).astype(numpy.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, kept_as))
        casts.append(onnx.helper.make_node("Cast", [kept_as], [name], to=single))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))


def quantise(path: Path, images: Sequence[NDArray[Any]]) -> None:
    """Have a file's convolutions in 8-bit integers.

    Args:
        path: of the file, in float32.
        images: (H, W, 3) each, of the kind that is to come, which show the ranges of values.
    """
    quantization = import_package("onnxruntime.quantization")
    onnx = import_package("onnx")
    float32 = path.rename(path.with_suffix(".float32"))
    with quiet():
        quantization.quantize_static(
            str(float32), str(path), _reader(quantization, images),
            op_types_to_quantize=["Conv"], per_channel=True,
            # With all 8 bits of the weights, sums overflow on processors without VNNI.
            reduce_range=True,
        )  # fmt: skip
    # It leaves a note of its own in what the file says of itself.
    model, before = (onnx.load(str(each)) for each in (path, float32))
    _save(model, path, {each.key: each.value for each in before.metadata_props})
    float32.unlink()


def _reader(quantization: Any, images: Sequence[NDArray[Any]]) -> Any:  # noqa: ANN401
    """Return what ONNX Runtime takes images from, one after another."""

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left: Iterator[NDArray[Any]] = iter(images)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            image = next(self._left, None)
            return None if image is None else {INPUT: image[None]}

    return Reader()


def _forget_sources(model: Any) -> None:  # noqa: ANN401
    """Take out where in whose source each node comes from."""
    graphs = [model.graph]
    for graph in graphs:
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
            graphs += [each.g for each in node.attribute if each.HasField("g")]
        for value in (*graph.value_info, *graph.input, *graph.output, *graph.initializer):
            del value.metadata_props[:]
            value.doc_string = ""
        del graph.metadata_props[:]


def _name_sizes(model: Any) -> None:  # noqa: ANN401
    """Give the free sizes names that people understand."""
    (image,) = model.graph.input
    sizes = [each.dim_param for each in image.type.tensor_type.shape.dim]
    names = dict(zip(sizes, SIZES, strict=False))
    for value in (image, *model.graph.output, *model.graph.value_info):
        for each in value.type.tensor_type.shape.dim:
            if each.dim_param in names:
                each.dim_param = names[each.dim_param]


def _save(model: Any, path: Path, about: Mapping[str, str]) -> None:  # noqa: ANN401
    onnx = import_package("onnx")
    onnx.helper.set_model_props(model, dict(about))
    onnx.save(model, str(path))
